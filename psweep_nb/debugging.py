"""One pset once more, here and now, with a debugger where it fails: `PsetRecord.debug` is this.

Nothing is recorded. Which debugger is up to the notebook layer (`use`); without it, it is pdb.
"""

import bdb
import contextlib
import pdb
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import Any, Protocol

from psweep_nb import worker
from psweep_nb.errors import StudyError
from psweep_nb.functions import decide_call
from psweep_nb.rundir import Session
from psweep_nb.slates import Slate
from psweep_nb.stored import Stored
from psweep_nb.trust import loader
from psweep_nb.within import Place

Debugger = Callable[[TracebackType], object]

_LOG_LINES = 10
_load: Callable[[bytes], Any] = loader(trusted=True)  # what this very process has just pickled
_debugger: Debugger = pdb.post_mortem


class Target(Protocol):
    """What is needed of a pset's record, see `records.PsetRecord`."""

    index: int
    attempt: int

    @property
    def pset(self) -> dict[str, Any]:
        """The parameters."""

    @property
    def state(self) -> str:
        """Whether it is done, failed, running or pending."""

    @property
    def directory(self) -> Path:
        """Its directory."""

    def log(self) -> str:
        """What it printed."""


def use(debugger: Debugger) -> None:
    """From now on have this look into what fails; it gets the traceback."""
    global _debugger
    _debugger = debugger


def debug(
    target: Target,
    session: Session,
    trusted: bool,
    func: Callable[..., Any] | None,
    recorded: bool,
) -> dict[str, Any] | None:
    """Execute a pset; see `PsetRecord.debug`."""
    run_seq = session.run.info["run_seq"]
    if session.run.is_batch:
        raise StudyError(f"jobs execute the psets of run {run_seq}; look into {target.directory}")
    if target.state == "running":
        raise StudyError(
            f"pset {target.index} of run {run_seq} is being computed at this moment: stop the run "
            "first, or wait"
        )
    stored = Stored(session, trusted)
    current = stored.current() if func is None and not recorded else func
    chosen = stored.function() if current is None else current
    setup = stored.setup(recorded)
    call, _ = decide_call(chosen, [target.pset], setup is not None)
    with tempfile.TemporaryDirectory(prefix="psweep_nb-") as scratch:
        calc_path = target.directory.parent
        if target.state == "done":  # what it has left is not to be overwritten
            calc_path = Path(tempfile.mkdtemp(prefix="psweep_nb-debug-"))
        place = Place(
            calc_path,
            lambda: (target.index, target.attempt + 1, time_ns()),
            session.run.psets.id,
            Slate(Path(scratch) / "report"),
        )
        _say(target, run_seq, calc_path / target.directory.name)
        caller = worker.Caller(
            worker.with_setup(chosen, setup),
            call,
            lambda number: session.run.psets.pset(number, loader(trusted)),
            worker.fields_of(session),
            place,
            interrupts=True,
        )
        with place, contextlib.closing(place):
            _, _, _, body, error, results = caller(target.index)
            if error is not None:
                _look_into(error)
                return None
        return _load(body) if results is None else results


def _say(target: Target, run_seq: int, directory: Path) -> None:
    values = ", ".join(f"{name}={value!r:.60}" for name, value in target.pset.items())
    print(f"pset {target.index} of run {run_seq} ({target.state}): {values}")
    print(f"directory: {directory}")
    for line in target.log().splitlines()[-_LOG_LINES:]:
        print(f"log: {line}")


def _look_into(error: BaseException) -> None:
    if isinstance(error, bdb.BdbQuit):  # left a breakpoint of its own
        return
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") == worker.__name__:
        frames = frames.tb_next
    print("".join(traceback.format_exception_only(error)).rstrip())
    if frames is not None:  # None: it ended well, and returned what cannot be a result
        _debugger(frames)
