"""What is known of one pset's job, and what its directory says of how it ended.

Made by `collecting`, from the scheduler's answer, the marks that scripts of ours leave, and the
results that are there.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from psweep_nb.batch.command import Command
from psweep_nb.batch.ending import End
from psweep_nb.batch.packing import MARKS
from psweep_nb.batch.preparing import JOBS
from psweep_nb.batch.resultfiles import RESULTS, results_in
from psweep_nb.batch.scheduler import Found
from psweep_nb.errors import FunctionError, StudyError, TrustError
from psweep_nb.jobs import LOG, OVER, PENDING, RUNNING, Job
from psweep_nb.logs import read_log
from psweep_nb.rundir import Session
from psweep_nb.trust import load_function
from psweep_nb.wording import printable
from psweep_nb.worker import as_results

ReadDir = Callable[[Path], Any]
_LOG_END = 4000  # bytes of a failed job's log that its row has
_WENT_WELL = "COMPLETED"
_LONGEST_S = 1e9
_OURS = f"{__name__.partition('.')[0]}."


@dataclass(frozen=True)
class Marks:
    """What a script of ours has left in a pset's directory; what is missing is not known."""

    started: float | None = None
    node: str = ""
    code: int | None = None
    ended: float | None = None

    @classmethod
    def read(cls, folder: Path, token: str) -> "Marks":
        """Read them."""
        started, node = _words(folder / MARKS / f"{token}.started")
        code, ended = _words(folder / MARKS / f"{token}.exit")
        number = _number(code)
        return cls(_number(started), node, None if number is None else int(number), _number(ended))


def _words(path: Path) -> tuple[str, str]:
    try:
        first, _, second = path.read_text(errors="replace").strip().partition(" ")
    except OSError:
        return "", ""
    return first, second


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch("[0-9]{1,10}", text) else None


@dataclass(frozen=True)
class Look:
    """One pset's job at one moment.

    Parameters
    ----------
    pset : int
        The pset's number in the run.
    folder : Path
        Its directory here.
    job : Job
        What was submitted.
    found : Found or None
        What the scheduler says of it; None if it does not know it (any more).
    marks : Marks
        What it has left.
    """

    pset: int
    folder: Path
    job: Job
    found: Found | None
    marks: Marks

    @property
    def state(self) -> str:
        """One of the states of `jobs`."""
        if self.marks.code is not None or self.found is None:
            return OVER
        waits = self.job.marks and self.marks.started is None and self.found.state == RUNNING
        return PENDING if waits else self.found.state

    @property
    def code(self) -> int | None:
        """The exit code of this pset's part of the job, where it is known."""
        if self.job.marks or self.found is None:
            return self.marks.code
        return self.found.code

    @property
    def went_well(self) -> bool:
        """Whether there should be results."""
        if self.job.marks or self.found is None:
            return self.code == 0 or (self.code is None and self.found is None and self.has_results)
        return self.found.word == _WENT_WELL

    @property
    def has_failed(self) -> bool:
        """Whether that is certain, whatever files may come."""
        if self.job.marks or self.found is None:
            return bool(self.code)
        return self.found.state == OVER and self.found.word != _WENT_WELL

    @property
    def has_results(self) -> bool:
        """Whether any are there."""
        return any((self.folder / name).exists() for name in RESULTS)

    def end(self, now: float, read: ReadDir | None) -> End:
        """How it ended; `read` gives the results, unless files with such are to be read."""
        results, error = {}, ""
        if not self.folder.is_dir():
            error = f"{self._name}: its directory is gone, {self.folder}"
        elif self.went_well or (read and self._is_unknown):
            try:
                results = as_results(read(self.folder) if read else results_in(self.folder, True))
            except Exception as exc:  # a reader of the user's, or files of their programs
                error = _told(exc) if self.went_well else self._reason()
        else:
            error = self._reason()
        marks, found = self.marks, self.found
        start = marks.started or (found and found.started) or self.job.submitted
        runtime = (found and found.runtime) or 0.0
        if marks.started is not None:
            runtime = (marks.ended or now) - marks.started
        host = marks.node or (found.node if found else "")
        # Clocks there may be wrong, or not those of one machine.
        start, runtime = min(start, now), min(max(runtime, 0.0), _LONGEST_S)
        return End(self.pset, self.job.attempt, start, runtime, host, results, error)

    @property
    def _is_unknown(self) -> bool:
        """Whether nobody can tell how it ended: no accounting, and the job is the user's script."""
        return self.found is None and not self.job.marks

    @property
    def _name(self) -> str:
        return f"job {self.job.job} on {self.job.machine}"

    def _reason(self) -> str:
        word = "" if self.found is None or self.found.state != OVER else self.found.word
        if self.code:
            said = f"exit code {self.code}" + (f" ({word})" if word else "")
        elif word:
            before = (
                "" if self.marks.started is not None or not self.job.marks else " before its turn"
            )
            said = f"{word}{before}"
        else:
            said = "gone: the scheduler knows it no more, and it left no result"
        return f"{self._name}: {said}{_log_text(self.folder)}"


def _log_text(folder: Path) -> str:
    """How a job's log ends, for the text of an error."""
    log = _log_in(folder)
    text = printable(read_log(log, most=_LOG_END).strip(), keep="\n\t")
    return f"\nthe end of {log.name}:\n{text}" if text else ""


def _log_in(folder: Path) -> Path:
    """What a job has printed: where its script names another file, the newest that may be that."""
    if (folder / LOG).exists():
        return folder / LOG
    return max(folder.glob("*.out"), key=lambda path: path.lstat().st_mtime, default=folder / LOG)


def reader_of(session: Session) -> ReadDir | None:
    """Return what reads results where a `Command` was prepared that has its own way.

    Raises
    ------
    FunctionError
        If it cannot be loaded any more.
    """
    if session.spec.function == JOBS:
        return None
    if "made_with" in session.run.info:
        return _of_function
    try:
        work = load_function(session.function.read_bytes())
    except Exception as exc:  # a module of the user's that has changed or is gone
        raise FunctionError(
            f"the reader of {session.spec.function!r} cannot be loaded ({type(exc).__name__}: "
            f"{exc}); sync(read=...) takes another one"
        ) from exc
    return work.reader if isinstance(work, Command) else None


def _of_function(folder: Path) -> Any:
    """What a function has returned, for it always leaves something."""
    if not any((folder / name).exists() for name in RESULTS):
        raise StudyError(f"the function has left no result{_log_text(folder)}")
    return results_in(folder, True)


def left_by_hand(pset: int, folder: Path, read: ReadDir | None, trusted: bool) -> End | None:
    """How a job ended that is not known here: done, once its results are there and whole.

    Raises
    ------
    TrustError
        See `resultfiles.results_in`.
    StudyError
        If there is a file of results, but it cannot be read: it may be half-written just now.
    """
    if read is None and not any((folder / name).exists() for name in RESULTS):
        return None
    try:
        results = as_results(read(folder) if read else results_in(folder, trusted))
        written = max(path.lstat().st_mtime for path in folder.iterdir())
    except TrustError:
        raise
    except Exception as exc:
        if read is not None:  # that is how it says that there is nothing yet
            return None
        raise StudyError(str(exc)) from exc
    return End(pset, 1, min(written, time()), 0.0, "", results)


def _told(exc: Exception) -> str:
    """What went wrong in one line, and where in the user's code, if it was there."""
    frames = exc.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(exc), exc, frames)) if frames else ""
    line = f"its results cannot be read: {type(exc).__name__}: {exc}"
    return f"{line}\n{text}" if text else line
