"""Giving disk space back: what of ended runs nothing reads any more. `Study.compact` is this.

What stays: each pset's last record, from which `rebuild` makes the table anew, every pset
exactly, logs, which session did what, and what a resume or a retry would need. What goes: attempts
that later ones have replaced, the results of deleted rows, functions that nothing will call again.
"""

import os
import pickle
from collections.abc import Container, Iterator
from pathlib import Path

from psweep_nb import deletions
from psweep_nb.database import Database
from psweep_nb.engine import wait_for_old_workers
from psweep_nb.errors import StudyError
from psweep_nb.files import sync_file
from psweep_nb.journal import DONE, FAILED, Reader, Record, Writer
from psweep_nb.rundir import Session
from psweep_nb.runview import RunView
from psweep_nb.worker import failure

_AT_ONCE = 10_000  # records read at a time

# What stands in a journal for a record that is dropped, so that its pset still counts as ended.
_STUBS = {DONE: pickle.dumps({}, 5), FAILED: failure("its row was deleted")}


def compact(database: Database) -> int:
    """Drop what is no longer needed; return how many bytes that saved.

    Raises
    ------
    StudyError
        If a run is at work.
    """
    saved = 0
    views = [RunView(run, database.trusted) for run in database.runs()]
    for view in views:
        _check_ended(view)
    for view in views:
        if view.state()[0] == "unknown":  # at work on another host, for all we know
            continue
        # No session begins without this lock, see `Run.resume`. The run's own stays free: whoever
        # sees that held takes the run for one at work.
        with database.locked():
            _check_ended(view)
            wait_for_old_workers(view.run)
            view.poll()
            before = _size(view.run.path)
            database.keep_what_is_there()
            database.fold()  # nobody may have to look for a record where it was
            _compact_run(view)
            saved += before - _size(view.run.path)
    return max(0, saved)


def _check_ended(view: RunView) -> None:
    view.poll()
    if not view.status().ended:
        raise StudyError(
            f"run {view.run.info['run_seq']} is at work; stop it or wait before you compact the "
            "study"
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _compact_run(view: RunView) -> None:
    run, gone = view.run, deletions.deleted(view.run)
    last = {number: attempt for number, _, attempt in view.states()}
    dropped = {n: deletions.FOREVER for n, attempt in gone.items() if last.get(n, 0) <= attempt}
    if dropped:  # before their results go: else they would come back without any
        deletions.mark(run, dropped)
    sessions = run.sessions()
    for session in sessions:
        if not _compact_journals(session, last, dropped):
            for log in session.path.glob("*.log"):
                log.unlink()
    for session in sessions[:-1]:
        _remove(session.function, session.setup)
    to_retry = any(kind == FAILED and n not in dropped for n, kind, _ in view.states())
    # A lost run can be resumed, be it for its end mark alone.
    if len(last) == view.total and not to_retry and view.state()[0] != "lost":
        _remove(sessions[-1].function, sessions[-1].setup)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _compact_journals(session: Session, last: dict[int, int], dropped: Container[int]) -> bool:
    """Write a session's journals anew, where that makes them shorter.

    Returns whether any record of a pset is still needed, and so the session's logs.
    """
    needed = False
    for path in session.journals():
        fates = _Fates(last, dropped)
        reader = Reader(path)
        shorter = [fates.of(record) is not record for record in _records(reader)]
        needed = needed or fates.needed or bool(reader.damage) or reader.tail == "damaged"
        if any(shorter) and not reader.damage and reader.tail != "damaged":
            _write_anew(path, fates)
    return needed


class _Fates:
    """What becomes of each record."""

    def __init__(self, last: dict[int, int], dropped: Container[int]) -> None:
        self._last = last
        self._dropped = dropped
        self.needed = False

    def of(self, record: Record) -> Record | None:
        """The record itself, a stub, or None."""
        stub = _STUBS.get(record.kind)
        if stub is None:
            return record
        if record.attempt < self._last.get(record.pset, 0):
            return None
        if record.pset in self._dropped:
            return record if record.body == stub else record._replace(body=stub)
        self.needed = True
        return record


def _records(reader: Reader) -> Iterator[Record]:
    while some := reader.read(_AT_ONCE):
        yield from some


def _write_anew(path: Path, fates: _Fates) -> None:
    # Under another name: who is reading the old file goes on reading it.
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    writer = Writer(beside)
    try:
        for record in _records(Reader(path)):
            kept = fates.of(record)
            if kept is not None:
                kind, attempt, pset, start, runtime, log_start, log_end, body, _ = kept
                writer.append(kind, body, attempt, pset, start, runtime, log_start, log_end)
        writer.sync()
        writer.close()
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_file(path.parent)
