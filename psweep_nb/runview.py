"""Reading a run while it goes on, or long after: what arrived, what failed, what state it is in.

A view follows the run's journals; it derives everything and stores nothing. The study's runs,
the panel, retry and resume read through it. Records stay on disk: a view keeps 72 bytes of each.
"""

import contextlib
import json
import platform
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from time import time
from typing import Any

from psweep_nb import jobs, slates
from psweep_nb.arrivals import HEAD, Arrivals, Fields, stretches
from psweep_nb.atwork import at_work, in_pools, last_report
from psweep_nb.errors import JournalError, StudyError
from psweep_nb.journal import DONE, END, FAILED, Reader, Record
from psweep_nb.livecells import DISK_FULL, FULL, PAUSED, STOPPING
from psweep_nb.locks import is_held
from psweep_nb.records import PsetRecord, RunningPset, UnendedPset
from psweep_nb.rundir import ENGINE_JOURNAL, RunDir, Session
from psweep_nb.status import ENDED, Status
from psweep_nb.timeleft import time_left
from psweep_nb.trust import loader
from psweep_nb.wording import counted

_MAX_OPEN = 64  # journals kept open: a run that lost many workers has many


class RunView:
    """Follows one run. May be used from several threads.

    Parameters
    ----------
    run : RunDir
        The run's folder.
    trusted : bool
        Whether results may be of any type, see `trust`.
    """

    def __init__(self, run: RunDir, trusted: bool) -> None:
        self.run = run
        self.trusted = trusted
        self.load = loader(trusted)
        self.total: int = run.info["n"]
        self._lock = threading.RLock()
        self._sessions: list[Session] = []
        self._readers: list[tuple[Session, Reader]] = []
        self._known: set[Path] = set()
        self._arrived = Arrivals(self.total)
        self._ends: dict[int, Record] = {}  # session number -> its END record
        self._jobs: jobs.JobList | None = None
        self._ended: dict[int, int] = {}  # session number -> records of psets

    # -- reading -----------------------------------------------------------------------------

    def poll(self, limit: int = 0) -> int:
        """Read what is new; return how many psets' records came.

        Parameters
        ----------
        limit : int
            Read at most about so many from each journal: a follower that must not hold the
            interpreter for long reads in small portions.
        """
        with self._lock:
            self._look_for_journals()
            before = self.count
            for number in range(len(self._readers)):
                self._read(number, limit)
            return self.count - before

    def _read(self, number: int, limit: int = 0) -> None:
        session, reader = self._readers[number]
        of, ended = session.number, 0
        for record in reader.read(limit):
            if record.kind in (DONE, FAILED):
                self._arrived.add(number, record)
                ended += 1
            elif record.kind == END:
                self._ends[of] = record
        self._ended[of] = self._ended.get(of, 0) + ended
        if len(self._readers) > _MAX_OPEN:
            reader.close()

    def _read_engines(self) -> None:
        """Read what engines wrote, which is little, and no worker's journal."""
        with self._lock:
            self._look_for_journals()
            for number, (_, reader) in enumerate(self._readers):
                if reader.path.name == ENGINE_JOURNAL:
                    self._read(number)

    def _look_for_journals(self) -> None:
        sessions = self.run.sessions()
        # Only in the newest session can new files appear; the others are complete once seen.
        for session in sessions[max(0, len(self._sessions) - 1) :]:
            for path in session.journals():
                if path not in self._known:
                    self._known.add(path)
                    self._readers.append((session, Reader(path)))
        # The objects stay: what they have read of their files they keep.
        known = {session.path: session for session in self._sessions}
        self._sessions = [known.get(session.path, session) for session in sessions]

    @property
    def count(self) -> int:
        """How many records of psets arrived, each attempt counted."""
        return len(self._arrived)

    @property
    def counts(self) -> tuple[int, int]:
        """How many psets are done, and how many failed."""
        with self._lock:
            return self._arrived.done, len(self._arrived.failures)

    @property
    def damage(self) -> list[str]:
        """Places in the journals that can not be read, for a person; normally none."""
        return [
            f"{reader.path}: bytes {start} to {stop} are damaged and were skipped"
            for _, reader in self._readers
            for start, stop in reader.damage
        ] + [
            f"{reader.path}: damaged behind byte {reader.offset}"
            for _, reader in self._readers
            if reader.tail == "damaged"
        ]

    # -- psets that ended --------------------------------------------------------------------

    def _record_of(self, fields: Fields) -> PsetRecord:
        session, reader = self._readers[fields[7]]
        return PsetRecord(self, session, reader, fields)

    def arrived(self, start: int, stop: int) -> list[PsetRecord]:
        """Records number `start` to `stop` in the order in which they arrived."""
        with self._lock:
            numbers = range(max(0, start), min(stop, self.count))
            return [self._record_of(self._arrived.fields(number)) for number in numbers]

    def heads(self, start: int, stop: int) -> bytes:
        """What the view keeps of records number `start` to `stop`: `HEAD` of each."""
        with self._lock:
            return self._arrived.heads(start, stop)

    def results(self, start: int, stop: int) -> list[tuple[int, dict[str, Any]]]:
        """Pset and results of records number `start` to `stop`; those of a failed one are empty.

        For who looks at all of them: half the cost of :meth:`arrived`. Names that begin with an
        underscore are no results.
        """
        found: list[tuple[int, dict[str, Any]]] = []
        for reader, heads in groupby(HEAD.iter_unpack(self.heads(start, stop)), itemgetter(7)):
            for stretch in stretches(list(heads)):
                found += self._results_of(self._readers[reader][1], stretch)
        return found

    def _results_of(
        self, reader: Reader, heads: list[Fields]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Of records that stand close to each other in a journal."""
        *_, begin, _ = heads[0]
        *_, last, size = heads[-1]
        try:
            data = reader.body(begin, last + size - begin)
        except (OSError, JournalError):
            data = b""  # as if each could not be read
        for kind, _, pset, *_, at, size in heads:
            results: Any = None
            if kind == DONE:
                with contextlib.suppress(Exception, SystemExit):  # code of the user's classes
                    results = self.load(data[at - begin : at - begin + size])
            yield pset, results if isinstance(results, dict) else {}

    def newest(self, n: int) -> list[PsetRecord]:
        """The last `n` records, newest first."""
        return self.arrived(self.count - n, self.count)[::-1]

    def record(self, index: int) -> PsetRecord | None:
        """The latest record of a pset, None while it has none."""
        with self._lock:
            latest = self._arrived.latest(index)
            return None if latest is None else self._record_of(latest)

    def at(self, index: int) -> PsetRecord:
        """A pset whatever its state: as it runs or waits at this moment, else its latest record.

        Raises
        ------
        StudyError
            If the run has no session: it is damaged.
        """
        self.poll()
        session, record = self.session, self.record(index)
        if session is None:
            raise StudyError(f"{self.run.path} has no sessions: it is damaged")
        running = [pset for pset in self.running() if pset.index == index]
        if running or record is None:
            return UnendedPset(self, session, index, running[0] if running else None)
        return record

    def states(self) -> list[tuple[int, int, int]]:
        """Number, kind (`journal.DONE` or `FAILED`) and attempt of each pset that ended."""
        with self._lock:
            return self._arrived.states()

    def failed_indices(self) -> list[int]:
        """Numbers of the psets whose last attempt failed, as they came: the newest last."""
        with self._lock:
            return list(self._arrived.failures)

    def pset(self, index: int) -> dict[str, Any]:
        """The parameters of a pset; ``{"unreadable": reason}`` where they cannot be read."""
        try:
            pset = self.run.psets.pset(index, self.load)
            return pset if isinstance(pset, dict) else {"unreadable": repr(type(pset))}
        except (Exception, SystemExit) as exc:
            return {"unreadable": f"{type(exc).__name__}: {exc}"}

    # -- what goes on ------------------------------------------------------------------------

    @property
    def session(self) -> Session | None:
        """The newest session."""
        with self._lock:
            if not self._sessions:
                self._look_for_journals()
            return self._sessions[-1] if self._sessions else None

    def running(self) -> list[RunningPset]:
        """What is being executed at this moment."""
        session = self.session
        if self.run.is_batch:
            return self._running_jobs()
        if session is None or session.number in self._ends or not is_held(self.run.lock):
            return []
        found = list(at_work(session))
        found += [w for w in in_pools(session) if not self._has_ended(w.pset, w.attempt)]
        return [
            RunningPset(
                work.pset, self.pset(work.pset), work.seconds, work.worker, work.log,
                work.log_start, self._values(work.report),
            )
            for work in found
        ]  # fmt: skip

    def open_jobs(self) -> dict[int, jobs.Job]:
        """The jobs of a batch run whose psets have no record of that attempt, by pset."""
        session = self.session
        if session is None:
            return {}
        with self._lock:
            if self._jobs is None:
                self._jobs = jobs.JobList(session)
            found = self._jobs.read()
            return {n: job for n, job in found.items() if not self._has_ended(n, job.attempt)}

    def _running_jobs(self) -> list[RunningPset]:
        at_work = {n: job for n, job in self.open_jobs().items() if job.state == jobs.RUNNING}
        now, calc, id_of = time(), self.run.calc_path, self.run.psets.id
        return [
            RunningPset(n, self.pset(n), now - job.since, -1, calc / id_of(n) / jobs.LOG, 0)
            for n, job in at_work.items()
        ]

    def _has_ended(self, pset: int, attempt: int) -> bool:
        with self._lock:
            return self._arrived.has_ended(pset, attempt)

    def _values(self, report: bytes) -> dict[str, Any]:
        try:
            values = self.load(report) if report else {}
        except (Exception, SystemExit) as exc:  # unpickling runs code of the user's classes
            return {"unreadable": f"{type(exc).__name__}: {exc}"}
        return values if isinstance(values, dict) else {}

    def last_report(self) -> int:
        """A number that changes when a running pset reports something."""
        session = self.session
        if session is not None and self.run.is_batch:
            return jobs.changed(session)
        return 0 if session is None else last_report(session)

    def reports(self) -> dict[int, dict[str, Any]]:
        """What psets have reported last that have not ended: they run, or were cut off."""
        self.poll()
        notes = [note for session in self._sessions for note in slates.read_all(session.path)]
        return {
            note.pset: self._values(note.body)
            for note in notes
            if not self._has_ended(note.pset, note.attempt)
        }

    def end_of(self, session: int) -> datetime | None:
        """When a session ended, UTC; None where it goes on, or did not say so."""
        end = self._ends.get(session)
        return None if end is None else datetime.fromtimestamp(end.start_ns / 1e9, UTC)

    def state(self) -> tuple[str, str]:
        """The run's state and a message, see `Status`."""
        session = self.session
        if session is None:
            return self._gone() or ("lost", "nothing was started")  # or it is just being deleted
        if self.run.is_batch:
            return self._state_of_batch()
        if session.number not in self._ends and is_held(self.run.lock):
            cells = session.cells
            full = any(cells[slot, FULL] for slot in range(cells.slots))
            return _LIVE.get(DISK_FULL if full else cells.engine, ("running", ""))
        # The end mark is written before the lock is given back: now it is there, or never.
        self._read_engines()
        end = self._ends.get(session.number)
        if end is not None:
            said = json.loads(end.body)
            return said["state"], said["message"]
        if gone := self._gone():
            return gone
        if session.spec.host != platform.node():
            return "unknown", f"it was started on {session.spec.host}"
        return "lost", f"it ended without an end mark; `resume` does the rest{_last_words(session)}"

    def _gone(self) -> tuple[str, str] | None:
        if self.run.path.is_dir():
            return None
        return "gone", f"{self.run.path} was deleted, moved or renamed"

    def _state_of_batch(self) -> tuple[str, str]:
        states = [job.state for job in self.open_jobs().values()]
        if states:
            over = states.count(jobs.OVER)
            queued = len(states) - over - states.count(jobs.RUNNING)
            parts = [
                f"{counted(queued, 'pset')} queued" if queued else "",
                f"{counted(over, 'job')} over; sync() collects" if over else "",
            ]
            return "submitted", "; ".join(filter(None, parts))
        rest = self.total - sum(self.counts) - self._given_up()
        return ("prepared" if rest > 0 else "finished"), ""

    def _given_up(self) -> int:
        """How many psets have nothing but a row of a batch run that was deleted."""
        if not self.run.is_batch:
            return 0
        from psweep_nb.deletions import deleted  # pandas comes with it

        with self._lock:
            numbers = [number for number in deleted(self.run) if number < self.total]
            return sum(self._arrived.latest(number) is None for number in numbers)

    def status(self) -> Status:
        """The run at this moment, as far as it has been read by :meth:`poll`."""
        state, message = self.state()
        message = "; ".join(filter(None, (message, *self.damage)))
        session = self.session
        psets = self.running()
        running = len(psets)
        done, failed = self.counts
        pending = max(0, self.total - done - failed - running - self._given_up())
        ended = state in ENDED
        with self._lock:
            rate = self._arrived.rate(time() if not ended else None)
        left = None
        if session is not None and not ended and state not in ("paused", "submitted"):
            left = self._time_left(session, psets, pending, rate)
        return Status(
            state=state, total=self.total, done=done, failed=failed, running=running,
            pending=pending, rate=rate, elapsed=self._elapsed(),
            time_left=left, message=message,
            workers=0 if session is None or self.run.is_batch else session.spec.workers,
            reports={pset.index: pset.report for pset in psets if pset.report},
        )  # fmt: skip

    def _time_left(
        self, session: Session, running: list[RunningPset], pending: int, rate: float | None
    ) -> float | None:
        with self._lock:
            runtimes = self._arrived.runtimes()
            ended = self._ended.get(session.number, 0)
        # What this session has before it: a retry has less, and no pset of it is pending.
        waiting = max(0, session.n - ended - len(running))
        if session.spec.retries:
            waiting = max(waiting, pending)
        seconds = [pset.seconds for pset in running]
        return time_left(waiting, seconds, runtimes, session.spec.workers, rate)

    def _elapsed(self) -> float:
        """Seconds that engines were at work, all sessions together, as far as they said."""
        seconds = 0.0
        now = time() if is_held(self.run.lock) else self._arrived.end_of(self.count - 1)
        for session in self._sessions:
            end = self._ends.get(session.number)
            if end is not None or session is self._sessions[-1]:
                until = now if end is None else end.start_ns / 1e9
                seconds += max(0.0, until - session.spec.time_ns / 1e9)
        return seconds


_LIVE = {
    PAUSED: ("paused", ""),
    STOPPING: ("stopping", "what runs may finish"),
    DISK_FULL: ("paused", "the disk is full; it goes on when there is room"),
}


def _last_words(session: Session) -> str:
    """Return what the engine's process printed last: normally nothing at all."""
    with contextlib.suppress(OSError):
        lines = (session.path / "driver.log").read_text(errors="replace").split("\n")
        words = [line for line in lines if line.strip()]
        if words:
            return f"; its last words: {words[-1][:500]}"
    return ""
