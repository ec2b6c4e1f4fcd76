"""How the psets of a batch run come to their rows: records in the run's journal.

Prepared ones get theirs in attempt 0, from `preparing`; whoever collects what jobs have left
appends how they ended, in attempt 1, or more where they were submitted again.
"""

import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import time_ns
from typing import Any

from psweep_nb.database import Database
from psweep_nb.journal import DONE, FAILED, PREPARED, Reader, Writer
from psweep_nb.rundir import RunDir, Session
from psweep_nb.worker import check_names, encode, failure

_FIRST = "000.journal"
_NOTHING = pickle.dumps({}, 5)


@dataclass(frozen=True)
class End:
    """How one job has ended for one pset.

    Attributes
    ----------
    pset : int
        Its number in the run.
    attempt : int
        1, and one more each time it was submitted again.
    start : float
        When it began, seconds since the epoch.
    runtime : float
        Seconds.
    host : str
        Where it was executed; "" where that is not known.
    results : mapping
        By name; of a failed one, too.
    error : str
        Why it failed, the first line in short; "" for a done one.
    """

    pset: int
    attempt: int
    start: float
    runtime: float
    host: str
    results: Mapping[str, Any]
    error: str = ""


def prepared(session: Session, n: int) -> None:
    """Give each of `n` psets its row, in a session that nobody sees yet."""
    writer, now = Writer(session.path / _FIRST), time_ns()
    try:
        for number in range(n):
            writer.append(PREPARED, _NOTHING, pset=number, start_ns=now)
        writer.sync()
    finally:
        writer.close()


def record(database: Database, run: RunDir, ends: Iterable[End]) -> int:
    """Write down how psets have ended, and bring their rows up to date; return how many failed.

    A row is replaced by a later attempt only, so to record the same twice is harmless.
    """
    records = [(end, *_body(end)) for end in ends]
    if not records:
        return 0
    with database.locked():
        writer = _writer(run.sessions()[-1])
        try:
            for end, kind, body in records:
                start, runtime = int(end.start * 1e9), int(end.runtime * 1e9)
                writer.append(kind, body, end.attempt, end.pset, start, runtime)
            writer.sync()
        finally:
            writer.close()
        database.fold()
    return sum(kind == FAILED for _, kind, _ in records)


def _body(end: End) -> tuple[int, bytes]:
    host = {"_exec_host": end.host} if end.host else {}
    try:
        check_names(end.results)
        if not end.error:
            return DONE, encode({**end.results, **host})
        values = encode(dict(end.results))
    except Exception as exc:  # what cannot be a row's value fails its own pset
        return FAILED, failure(end.error or exc, host=end.host or None)
    return FAILED, failure(end.error, host=end.host or None, values=values)


def _writer(session: Session) -> Writer:
    """Go on in the last journal, if it is whole; whoever wrote it is gone: the lock is ours."""
    journals = session.journals()
    reader = Reader(journals[-1])
    reader.read_bulk()
    reader.close()
    if reader.tail == "" and not reader.damage:
        return Writer(journals[-1], goes_on=True)
    return Writer(session.path / f"{len(journals):03d}.journal")
