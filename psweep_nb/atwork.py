"""What the workers of a session are at, from its live cells and slates. Used by `runview`."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import NamedTuple

from psweep_nb import slates
from psweep_nb.livecells import LOG_START, POSITION, STARTED, WORKER
from psweep_nb.rundir import Session


class AtWork(NamedTuple):
    """A pset that is being executed, `report` (pickled, empty for none) being what it reported."""

    pset: int
    attempt: int
    seconds: float
    worker: int  # -1: of a pool
    log: Path
    log_start: int
    report: bytes


def at_work(session: Session) -> Iterator[AtWork]:
    """Give what workers are at, as far as their cells tell."""
    now, cells, todo = monotonic_ns(), session.cells, session.todo
    for slot in range(cells.slots):
        started, position = cells[slot, STARTED], cells[slot, POSITION]
        if started and 2 * position < len(todo):
            (pset, attempt), worker = todo[2 * position : 2 * position + 2], cells[slot, WORKER]
            report = slates.read_for(slates.of_worker(session.path, worker), pset, attempt)
            log = session.path / f"w{worker}.log"
            seconds = (now - started) / 1e9
            yield AtWork(pset, attempt, seconds, worker, log, cells[slot, LOG_START], report)


def in_pools(session: Session) -> Iterator[AtWork]:
    """Give what workers of a pool have reported last, which may have ended.

    What they are at is known from that alone.
    """
    for path in _of_pools(session):
        note = slates.read(path)
        if note is not None:
            seconds = (time_ns() - note.started_ns) / 1e9
            yield AtWork(note.pset, note.attempt, seconds, -1, Path(os.devnull), 0, note.body)


def last_report(session: Session) -> int:
    """Return a number that changes when a worker reports something."""
    cells = session.cells
    workers = [cells[slot, WORKER] for slot in range(cells.slots)]
    paths = [slates.of_worker(session.path, worker) for worker in workers]
    return max(map(_changed, [*paths, *_of_pools(session)]), default=0)


def _of_pools(session: Session) -> list[Path]:
    if "kill" in session.spec.can:  # worker processes, of which there may be thousands of files
        return []
    return slates.of_pools(session.path)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
