"""One pset of a run as a person looks at it: how it ended, or what it is at.

Made by `runview`; read by the panel, the report and people with `run.failures` or `study.pset`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from pathlib import Path
from time import time
from typing import Any, Protocol

from psweep_nb.debugging import debug
from psweep_nb.jobs import LOG as JOB_LOG
from psweep_nb.journal import DONE, Reader
from psweep_nb.logs import LOGS, read_log
from psweep_nb.rundir import RunDir, Session


class View(Protocol):
    """What a record needs of the view that gave it."""

    run: RunDir
    trusted: bool

    def load(self, data: bytes) -> Any:
        """Unpickle."""

    def pset(self, index: int) -> dict[str, Any]:
        """Return the parameters of a pset."""


class PsetRecord:
    """How one pset ended. Reading any of it never raises: what is broken says so in `error`.

    Attributes
    ----------
    kind : int
        How it ended: `journal.DONE` or `FAILED`.
    index : int
        Its number in the run.
    attempt : int
        1, and one more each time it was tried again.
    started : float
        Seconds since the epoch.
    runtime : float
        Seconds.
    """

    def __init__(
        self, view: "View", session: Session, reader: Reader, place: tuple[int, ...]
    ) -> None:
        self._view = view
        self._session = session
        self._reader = reader
        self.kind, self.attempt, self.index, start_ns, runtime_ns, *rest = place
        self._log_start, self._log_end, _, self._offset, self._size = rest
        self.started = start_ns / 1e9
        self.runtime = runtime_ns / 1e9

    @property
    def pset_seq(self) -> int:
        """Its number in the whole database."""
        return int(self._view.run.info["pset_seq"]) + self.index

    @property
    def pset_id(self) -> str:
        """Its id, a UUID."""
        return self._view.run.psets.id(self.index)

    @property
    def directory(self) -> Path:
        """Its directory, an absolute path; there if the function, or its job, has made it."""
        return self._view.run.calc_path / self.pset_id

    @property
    def host(self) -> str:
        """The host it was executed on; empty where a job did not tell."""
        if self._view.run.is_batch:
            return str(self._body.get("_exec_host") or self._body.get("host") or "")
        return self._session.spec.host

    @cached_property
    def pset(self) -> dict[str, Any]:
        """The parameters."""
        return self._view.pset(self.index)

    @cached_property
    def _body(self) -> dict[str, Any]:
        try:
            body = self._view.load(self._reader.body(self._offset, self._size))
            if isinstance(body, dict):
                return body if self.kind == DONE else {"exception": None, **body}
            raise TypeError(f"expected a dict, found {type(body).__name__}")
        except (Exception, SystemExit) as exc:  # unpickling runs code of the user's classes
            text = f"its record cannot be read back: {type(exc).__name__}: {exc}"
            return {"error": text, "traceback": text, "log": "", "\0unreadable": True}

    @property
    def state(self) -> str:
        """``done`` or ``failed``."""
        readable = self.kind == DONE and "\0unreadable" not in self._body
        return "done" if readable else "failed"

    @property
    def results(self) -> dict[str, Any]:
        """What the function returned, and reported before; empty for a failed pset."""
        if self.state != "done":
            return {}
        return {name: value for name, value in self._body.items() if name[:1] != "_"}

    @property
    def reported(self) -> dict[str, Any]:
        """What a failed pset had reported before it failed; empty for a done one."""
        data = None if self.state == "done" else self._body.get("values")
        try:
            values = self._view.load(data) if data else {}
        except (Exception, SystemExit):  # of a class of the user's that has changed
            return {}
        return values if isinstance(values, dict) else {}

    @property
    def error(self) -> str:
        """The exception in one line; empty for a done pset."""
        return "" if self.state == "done" else str(self._body["error"])

    @property
    def traceback(self) -> str:
        """The whole traceback; empty for a done pset."""
        return "" if self.state == "done" else str(self._body["traceback"])

    @property
    def exception(self) -> BaseException | None:
        """The exception itself, where it was kept and can be made again."""
        data = self._body.get("exception") if self.state == "failed" else None
        try:
            exc = self._view.load(data) if data else None
        except Exception:
            return None
        return exc if isinstance(exc, BaseException) else None

    def log(self) -> str:
        """What it printed, the middle left out if it is long; empty where nothing was captured."""
        kept = self._body.get("_logs" if self.state == "done" else "logs")
        if kept is not None:
            return str(kept)
        if self._view.run.is_batch:
            return read_log(self._view.run.calc_path / self.pset_id / JOB_LOG)
        name = "" if self.state == "done" else self._body.get("log", "")
        path = self._session.path / name if name else self._reader.path.with_suffix(".log")
        if "file" in self._session.spec.capture_logs and not path.exists():
            return read_log(self._view.run.calc_path / self.pset_id / LOGS)
        return read_log(path, self._log_start, self._log_end)

    def debug(
        self, func: Callable[..., Any] | None = None, recorded: bool = False
    ) -> dict[str, Any] | None:
        """Execute the pset once more, here and now, and open a debugger where it fails.

        In a notebook that loaded the extension it is IPython's, else pdb. `breakpoint` works in the
        function, and `workdir` gives the pset's directory (a new, temporary one if the pset is
        done). Nothing is recorded.

        Parameters
        ----------
        func : callable, optional
            The function; else the one of that name, as it is now; else the stored one.
        recorded : bool
            Use the stored one at once.

        Returns
        -------
        dict or None
            The results; None if it failed.

        Raises
        ------
        StudyError
            If the pset is being computed at this moment, or jobs execute it.
        FunctionError, TrustError
            If there is no function, or it cannot be brought back.
        """
        return debug(self, self._session, self._view.trusted, func, recorded)

    def __repr__(self) -> str:
        error = f": {self.error}" if self.state == "failed" else ""
        return f"<pset {self.index} {self.pset!r} {self.state}{error}>"


class UnendedPset(PsetRecord):
    """A pset that has no record: it runs, or waits for its turn, or was cut off."""

    def __init__(
        self, view: "View", session: Session, index: int, running: "RunningPset | None"
    ) -> None:
        self._view = view
        self._session = session
        self._running = running
        self._body = {}
        self.kind = self.attempt = 0
        self.index = index
        self.runtime = running.seconds if running else nan
        self.started = time() - self.runtime

    @property
    def state(self) -> str:
        """``running`` or ``pending``."""
        return "running" if self._running else "pending"

    @property
    def reported(self) -> dict[str, Any]:
        """What it has reported so far."""
        return self._running.report if self._running else {}

    @property
    def error(self) -> str:
        """Empty: it has not ended."""
        return ""

    @property
    def traceback(self) -> str:
        """Empty: it has not ended."""
        return ""

    def log(self) -> str:
        """The last of what it printed so far."""
        return self._running.log_tail() if self._running else ""


@dataclass(frozen=True)
class RunningPset:
    """A pset that is being executed: its number in the run, for how long (s), by which worker.

    `report` is what it has reported (`psweep_nb.report`). Workers of a pool are not known: -1.
    """

    index: int
    pset: dict[str, Any]
    seconds: float
    worker: int
    log_path: Path
    log_start: int
    report: dict[str, Any] = field(default_factory=dict)

    def log_tail(self) -> str:
        """The last of what it printed so far."""
        return read_log(self.log_path, self.log_start, most=4096)
