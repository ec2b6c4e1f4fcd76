"""Starting and ending worker processes: what the local executor knows of each.

Used by `executors.local` alone. A slot is one place for a worker; the worker in it may change.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psweep_nb.executors.processes import (
    MARK,
    bootstrap,
    cpu_count,
    describe_exit,
    kill_orphans,
    kill_tree,
    stopped,
)
from psweep_nb.journal import FAILED, Reader
from psweep_nb.livecells import LIMIT, LOG_START, NO_LIMIT
from psweep_nb.logs import read_log, trim
from psweep_nb.rundir import Session
from psweep_nb.slates import of_worker, read_for
from psweep_nb.within import keep_logs

_BLAS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

LOUD = 16 * 1024 * 1024  # bytes that one pset may print before its log is cut while it runs


@dataclass
class Batch:
    """Positions a worker was given."""

    start: int
    stop: int  # what the worker may still do of it; the rest was given back
    step: int  # the worker's step number of its first position


@dataclass
class Slot:
    """One place for a worker, and the worker that is in it now."""

    slot: int
    number: int  # of the worker: names its journal and log
    process: subprocess.Popen[bytes]
    sock: socket.socket
    pidfd: int
    ready: bool = False
    batches: deque[Batch] = field(default_factory=deque)
    next_step: int = 0
    journal_size: int = 0  # at its last reply (bytes)
    counted: tuple[int, int] = (0, 0)  # of its OK and FAILED counters
    revoked_at: float = 0.0  # monotonic; 0: nothing is revoked
    settled: bool = False  # what was revoked has been given back
    kill_reason: str = ""
    too_slow: int = -1  # the position it was killed for

    def is_dead(self) -> bool:
        """Whether its process has ended."""
        # WNOWAIT: it stays a zombie, so that its id is still its own when its group is killed.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None


class Workers:
    """Starts workers of a session, each in its environment, and ends them.

    Parameters
    ----------
    session : Session
        Its `slots` say what each environment has besides this process's.
    capture, adopts : bool
        See `LocalExecutor`.
    """

    def __init__(self, session: Session, *, capture: bool, adopts: bool) -> None:
        self._session = session
        self._capture = capture
        self._adopts = adopts
        self._started = 0
        threads = str(max(1, cpu_count() // session.spec.workers))
        # A notebook's MPLBACKEND would make workers import IPython.
        self._environment = {**dict.fromkeys(_BLAS, threads), **os.environ, "MPLBACKEND": "Agg"}

    def spawn(self, slot: int, number: int | None = None) -> Slot:
        """Start a worker in that place; it goes on with the files of worker `number`, if given."""
        if number is None:
            number, self._started = self._started, self._started + 1
        cell = self._session.cells.cell(slot)
        for i in range(len(cell)):
            cell[i] = 0
        cell[LIMIT] = NO_LIMIT
        cell[LOG_START] = _size(self.log(number)) if self._capture else 0
        ours, theirs = socket.socketpair()
        arguments = [
            str(self._session.path), str(slot), str(number), str(os.getpid()),
            str(theirs.fileno()), str(int(self._capture)),
        ]  # fmt: skip
        with theirs, contextlib.ExitStack() as stack:
            log = None
            if self._capture:
                log = stack.enter_context(open(self.log(number), "ab", buffering=0))
            process = subprocess.Popen(
                [*bootstrap("psweep_nb.executors.local_worker"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment_of(slot, number),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        pidfd = os.pidfd_open(process.pid) if sys.platform == "linux" else -1
        return Slot(slot, number, process, ours, pidfd, journal_size=_size(self.journal(number)))

    def _environment_of(self, slot: int, number: int) -> dict[str, str]:
        slots = self._session.spec.slots
        own = slots[slot % len(slots)] if slots else {}
        return {**self._environment, **own, MARK: f"{os.getpid()}-{number}"}

    def journal(self, number: int) -> Path:
        """Where a worker's records go."""
        return self._session.path / f"w{number}.journal"

    def log(self, number: int) -> Path:
        """Where a worker's output goes, if it is captured."""
        return self._session.path / f"w{number}.log"

    def log_size(self, slot: Slot) -> int:
        """How much a worker has printed (bytes)."""
        return _size(self.log(slot.number))

    def watch_log(self, slot: Slot) -> None:
        """Cut the log of a worker whose pset prints without end; the disk is not its own."""
        if not self._capture:
            return
        path, cell = self.log(slot.number), self._session.cells.cell(slot.slot)
        # Once it stands still, what is behind LOG_START belongs to one pset for sure.
        if _size(path) > cell[LOG_START] + LOUD:
            with stopped(slot.process.pid) as stands_still:
                if stands_still:
                    trim(path, cell[LOG_START])

    def left_by(self, slot: Slot, pset: int, attempt: int) -> dict[str, Any]:
        """Return what a dead worker's pset has brought, for the body of its record."""
        session = self._session
        slate = of_worker(session.path, slot.number)
        found: dict[str, Any] = {"values": read_for(slate, pset, attempt)}
        if self._capture:
            path, start = self.log(slot.number), session.cells[slot.slot, LOG_START]
            text = read_log(path, start, trim(path, start))
            found["log"] = path.name
            found["logs"] = keep_logs(session, pset, text)
        return found

    def end(self, slot: Slot) -> int:
        """Kill what is left of a worker, and say how it ended (see `describe_exit`)."""
        kill_tree(slot.process.pid)
        code = slot.process.wait()
        if self._adopts:
            kill_orphans(f"{os.getpid()}-{slot.number}")
        return code

    def why_unready(self, slot: Slot, code: int, deaths: int) -> str:
        """Say that workers end before they can begin."""
        return (
            f"{deaths} workers in a row ended before they were ready ({describe_exit(code)}); "
            f"what they printed:\n{read_log(self.log(slot.number), 0, most=2000)}"
        )


def _size(path: Path) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


class Failures:
    """Which positions failed, read from the workers' journals where failed psets are tried again.

    Parameters
    ----------
    session : Session
        Its todo list has the positions.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        todo = session.todo
        self._places = {todo[2 * i]: i for i in range(session.n)}
        self._readers: dict[int, Reader] = {}
        self._found: dict[int, deque[int]] = {}

    def of(self, worker: int, count: int) -> list[int]:
        """The positions of the next `count` failures that a worker has counted."""
        if worker not in self._readers:
            self._readers[worker] = Reader(self._session.path / f"w{worker}.journal")
            self._found[worker] = deque()
        found = self._found[worker]
        # Recorded before it is counted: at least so many are there.
        for record in self._readers[worker].read():
            if record.kind == FAILED:
                found.append(self._position(record.pset, record.attempt))
        return [found.popleft() for _ in range(count)]

    def _position(self, pset: int, attempt: int) -> int:
        place = self._places[pset]
        return place + (attempt - self._session.todo[2 * place + 1]) * self._session.n
