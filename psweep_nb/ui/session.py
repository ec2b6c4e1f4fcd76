"""What one notebook is working on: the studies it opened, the one used last, the names it bound."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError

from psweep_nb.ui import arguments, header, texts

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

DEFAULT_DIR = "calc"


def open_study(path: Path) -> Study:
    """Open a study; imports pandas with it, so not before it is needed."""
    from psweep_nb.study import Study

    return Study(path)


class Session:
    """The state behind the magics of one notebook.

    Parameters
    ----------
    names : dict
        The notebook's names.
    opener : callable
        Opens the study at a path.
    say : callable
        Prints a line.
    """

    def __init__(
        self,
        names: dict[str, Any],
        opener: Callable[[Path], Study] = open_study,
        say: Callable[[str], None] = print,
    ) -> None:
        self.names = names
        self.last: Study | None = None
        self._opener = opener
        self._say = say
        self._studies: dict[Path, Study] = {}
        self._current: dict[Any, Run] = {}  # of each study, the run used last
        self._bound: dict[str, Any] = {}
        self._told: set[str] = set()

    # -- studies -----------------------------------------------------------------------------

    def study(self, given: str | None, *, create: bool, quiet: bool = False) -> Study:
        """The study meant by ``-d``, else the one used last, else ``calc``.

        Parameters
        ----------
        given : str, optional
            The word after ``-d``.
        create : bool
            Whether its directory may be missing; it is then the one used last only when a run, or
            `bind_study`, makes it so: a mistyped one does not stay.
        quiet : bool
            Do not announce its active runs.

        Raises
        ------
        UsageError
            When there is no such directory and it may not be missing.
        """
        if given is None and self.last is not None:
            return self.last
        value: Any = DEFAULT_DIR if given is None else arguments.text_value(given, self.names, "-d")
        known = value if hasattr(value, "active_runs") else None
        if known is None and not (isinstance(value, str | os.PathLike) and os.fspath(value)):
            raise UsageError(f"a directory is expected, not {value!r:.60}")
        where = Path(os.path.expanduser(known.path if known is not None else value))
        key = Path(os.path.abspath(where))
        if key not in self._studies:
            if not create and not key.is_dir():
                raise UsageError(_no_study(key, where))
            self._studies[key] = known or self._opener(where)
            if not quiet:
                self._announce(self._studies[key])
        if key.is_dir():
            self.last = self._studies[key]
        return self._studies[key]

    def _announce(self, study: Study) -> None:
        for run in study.active_runs():
            status = run.status()
            self._say(
                f"run {run.run_seq} in {header.directory(study.path)} is {status.state}"
                f" ({texts.count(status.done + status.failed)} of {texts.psets(status.total)}):"
                f" %psweep attach {run.run_seq}"
            )

    # -- runs --------------------------------------------------------------------------------

    def run(self, word: str | None, study: Study) -> Run:
        """The run a word names, else the one used last here, else the latest of the study.

        Raises
        ------
        UsageError
            When the study has none, or not this one.
        """
        if word is None and study in self._current:
            return self._current[study]
        key: Any = -1 if word is None else arguments.address(word, self.names)
        if hasattr(key, "run_seq"):
            return self._use(key)
        runs = study.runs
        where = header.directory(study.path)
        if not runs:
            raise UsageError(f"{where} has no runs yet: %psweep run FUNC PARAMS makes one")
        for run in reversed(runs):
            if key in (run.run_seq, run.label) or (key == -1 and run is runs[-1]):
                return self._use(run)
        labels = [run.label for run in runs if run.label]
        hint = arguments.suggest(str(key), labels)
        known = f"runs 0 to {runs[-1].run_seq}" if len(runs) > 1 else f"run {runs[0].run_seq}"
        raise UsageError(f"{where} has no run {key}{hint or f'; it has {known}'}")

    def _use(self, run: Run) -> Run:
        self._current[run.study] = run
        return run

    # -- names of the notebook ---------------------------------------------------------------

    def bind(self, run: Run, name: str | None = None) -> None:
        """Bind ``run`` (or the name asked for) and ``study``, unless the user owns them."""
        self._use(run)
        self.last = study = cast("Study", run.study)
        if name is not None:
            self.names[name] = run
            self._bound[name] = run
        else:
            self._bind("run", run, "-o NAME binds the run to another")
        self._bind("study", study, "run.study is the study")

    def bind_study(self, study: Study) -> None:
        """Bind ``study``, unless the user owns the name, and go on with it."""
        self.last = study
        self._bind("study", study, "rename it, or use Study(...)")

    def _bind(self, name: str, value: Any, way_out: str) -> None:
        mine = name in self._bound and self.names.get(name) is self._bound[name]
        if name in self.names and not mine and self.names[name] is not value:
            if name not in self._told:
                self._told.add(name)
                self._say(f"`{name}` is a name of yours and stays as it is; {way_out}")
            return
        self.names[name] = self._bound[name] = value


def of_notebook() -> Session:
    """The notebook's: that of the magics where they are loaded."""
    from IPython.core.getipython import get_ipython

    import __main__

    ip = get_ipython()
    if ip is None:
        return Session(vars(__main__))
    magics = ip.magics_manager.registry.get("PsweepMagics")
    return magics.session if magics is not None else Session(ip.user_ns)


def _no_study(key: Path, where: Path) -> str:
    try:
        beside = [p.name for p in key.parent.iterdir() if (p / ".psweep").is_dir()]
    except OSError:
        beside = []
    hint = arguments.suggest(key.name, beside) or (
        f"; studies beside it: {', '.join(sorted(beside)[:5])}" if beside else ""
    )
    return f"there is no study {texts.line(str(where), 100)}/{hint or '; the first run makes it'}"
