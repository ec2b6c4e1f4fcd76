"""What a run executed, brought back: the function and its setup, as stored or as they are here now.

Used by whoever executes psets of a run again: resume, retry, rerun, and debugging. Nothing else
unpickles a function.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from psweep_nb.errors import FunctionError, TrustError
from psweep_nb.functions import THIS_PYTHON, find_current, holds_code
from psweep_nb.functions.identity import changed, code_of
from psweep_nb.rundir import Session
from psweep_nb.trust import load_function

Notes = Callable[[str], object]


class Stored:
    """Function and setup of a session.

    Parameters
    ----------
    session : Session
        A run's last one.
    trusted : bool
        Whether the study is trusted: only then is anything unpickled.
    """

    def __init__(self, session: Session, trusted: bool) -> None:
        self._session = session
        self._trusted = trusted

    @property
    def _name(self) -> str:
        return f"run {self._session.run.info['run_seq']}"

    def function(self) -> Callable[..., Any]:
        """Return the function as it was stored.

        Raises
        ------
        FunctionError
            If it never was, or cannot be brought back: the message names the module that is
            missing.
        TrustError
            If the study is not trusted.
        """
        path = self._session.function
        if self._trusted and not path.exists():
            raise FunctionError(
                f"the function of {self._name} could not be stored (it needs what lived in "
                "its process); give it: retry(func), or submit the psets again"
            )
        return self._load(path, "function")

    def chosen(
        self, func: Callable[..., Any] | None, recorded: bool, notes: Notes | None = None
    ) -> Callable[..., Any]:
        """Return the function to execute: the one given, else the stored or the present one.

        Parameters
        ----------
        func : callable, optional
            Given by the user.
        recorded : bool
            The stored one, not the one of that name in `__main__` or its module now.
        notes : callable, optional
            Gets a sentence when the present one is not as it was.

        Raises
        ------
        FunctionError
            If there is none.
        """
        if func is not None:
            return func
        if recorded:
            return self.function()
        current = self.current()
        if current is None:
            raise FunctionError(
                f"there is no function {self._session.spec.function!r} here now; define it, give "
                "one (func=...), or use the stored one (recorded=True)"
            )
        if notes is not None:
            names = self._changed(current)
            if names:
                verb = "has" if len(names) == 1 else "have"
                notes(f"{', '.join(names)} {verb} changed since {self._name}")
        return current

    def current(self) -> Callable[..., Any] | None:
        """Return the function of that name as it is here now, None if there is none."""
        return find_current(self._session.spec.function, self._session.spec.module)

    def _changed(self, func: Callable[..., Any]) -> list[str]:
        """Names of what is not as in the session, of a function and what it reaches."""
        before, now = self._session.spec.code, code_of(func, self.setup(recorded=False))
        same = not before or before["sha1"] == now.sha1
        return [] if same else changed(before["parts"], now.parts)

    def setup(self, recorded: bool) -> Callable[[], Any] | None:
        """Return what makes the keyword `setup`: as stored, or as it is now where it is there.

        Raises
        ------
        FunctionError, TrustError
            As for :meth:`function`.
        """
        spec, path = self._session.spec, self._session.setup
        if not spec.setup:
            return None
        current = None if recorded else find_current(spec.setup, spec.setup_module)
        if current is not None:
            return current
        if path.exists():
            return self._load(path, "setup")
        raise FunctionError(
            f"`{spec.setup}`, the setup of {self._name}, could not be stored (it needs what "
            "lived in its process); submit the psets again"
        )

    def _load(self, path: Path, what: str) -> Callable[..., Any]:
        run = self._session.run
        if not self._trusted:
            raise TrustError(
                f"running the stored {what} of {run.info['calc_dir']}/ means running code that "
                "somebody else may have put there: open it with Study(..., trust=True) if you do"
            )
        data = path.read_bytes()
        python = self._session.spec.python
        if python and python != THIS_PYTHON and holds_code(data):
            raise FunctionError(
                f"the stored {what} of {self._name} was pickled by Python {python}, and only that "
                f"version can call it; this is Python {THIS_PYTHON}. Go on with the other, or give "
                "the function as it is now: retry(func), or submit the psets again"
            )
        try:
            try:
                return load_function(data)
            except ModuleNotFoundError:  # a module that lies beside the notebook it came from
                with _further(self._session.spec.sys_path):
                    return load_function(data)
        except ModuleNotFoundError as exc:
            raise FunctionError(
                f"the stored {what} of {self._name} needs the module {exc.name!r}, which cannot "
                "be imported here: install it, or put its directory on sys.path"
            ) from exc
        except Exception as exc:
            raise FunctionError(
                f"the stored {what} of {self._name} cannot be brought back "
                f"({type(exc).__name__}: {exc}); give the function as it is now: retry(func)"
            ) from exc


@contextlib.contextmanager
def _further(paths: Sequence[str]) -> Iterator[None]:
    """Look for modules in these directories, too."""
    more = [path for path in paths if path not in sys.path]
    sys.path.extend(more)
    try:
        yield
    finally:
        for path in more:
            with contextlib.suppress(ValueError):  # what was imported may have taken it out
                sys.path.remove(path)
