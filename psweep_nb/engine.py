"""The engine: decides what runs next, obeys commands, and marks how the session ended.

One engine works on a run at a time; whoever starts it holds the run's lock. It is the same in
all hosts: the caller's thread, a thread of a kernel, a process of its own (`driver`).
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time_ns

from psweep_nb.errors import PsweepError, StudyError
from psweep_nb.executors import Progress, SessionExecutor
from psweep_nb.files import sync_file, sync_folder
from psweep_nb.journal import END, Writer
from psweep_nb.livecells import DISK_FULL, PAUSED, RUNNING, STOPPING
from psweep_nb.locks import FileLock
from psweep_nb.rundir import ENGINE_JOURNAL, RunDir, Session

POLL_S = 0.02
POLL_IDLE_S = 0.1  # an idle driver then takes 0.1 % of a core
BATCH_S = 0.1  # work in a batch: what a stop or pause waits for at most, for quick psets
GROWTH = 4
SYNC_S = 0.4
_BY_USER = "stopped by the user"
_DELETED = "its directory was deleted"
FOLD_S = 5.0  # at the earliest between two folds ...
FOLD_SHARE = 30  # ... and at least so many times as long as a fold takes
OLD_WORKERS_S = 30.0


@dataclass(frozen=True)
class Ended:
    """How a session ended: ``finished`` or ``stopped``, why, and how many psets failed in it."""

    state: str
    message: str
    failed: int


class Engine:
    """Runs one session.

    Parameters
    ----------
    session : Session
        What is to be done.
    executor : SessionExecutor
        Where it is done.
    notes : Writer
        The engine's own journal.
    fold : callable
        Merges the journals into the table, and returns what is to be said of it, if anything;
        raises `PsweepError` or `OSError` when it cannot.
    in_background : bool
        Fold in a thread, so that workers are not kept waiting; an engine whose executor works
        in its own thread does both in turn.
    on_progress : callable, optional
        Called with the number of psets that ended, for a progress bar.
    """

    def __init__(
        self,
        session: Session,
        executor: SessionExecutor,
        notes: Writer,
        fold: Callable[[], str],
        *,
        in_background: bool,
        on_progress: Callable[[int], object] | None = None,
    ) -> None:
        self._session = session
        self._executor = executor
        self._notes = notes
        self._folding = Folding(fold, in_background)
        self._syncing = Syncing(session)
        self._on_progress = on_progress
        self._n = self._left = session.n
        self._end = len(session.todo) // 2
        self._queue = deque([(0, self._left)] if self._left else ())
        self._offset = session.spec.commands_offset
        self._batch = 1
        self._seconds_each = 0.0
        self._last_progress = 0.0
        self._started = self._paused = False
        self._stopping = ""  # why, when it is
        self._disk_full = False
        self._failed = 0

    def run(self) -> Ended:
        """Work until nothing is left or it is told to stop.

        Raises
        ------
        KeyboardInterrupt
            The user pressed Ctrl-C where the engine is in the user's thread. Everything that
            finished is saved first.
        """
        self._syncing.start()
        try:
            if self._queue:
                self._started = True
                self._executor.start()
                self._loop()
                while self._stopping == _BY_USER and self._is_resumed_after_fold():
                    self._loop()
        except BaseException as exc:
            self._stopping = f"interrupted by {type(exc).__name__}: {exc}".rstrip(": ")
            self._executor.kill()
            raise
        finally:
            message = self._finish()
        return Ended(self._final_state(), message, self._failed)

    def stop(self, reason: str, now: bool = False) -> None:
        """End the session; running psets are killed if `now`, else they finish."""
        if now or not self._stopping:
            self._stopping = reason
        self._executor.hold()
        if now:
            self._executor.kill()

    def _is_resumed_after_fold(self) -> bool:
        # A fold takes a moment, in which the user may have thought better of it.
        self._folding.finish()
        self._obey()
        return not self._stopping

    def _loop(self) -> None:
        while self._executor.busy() or (self._queue and not self._stopping):
            self._obey()
            if not self._paused and not self._stopping:
                self._dispatch()
            recent = monotonic() - self._last_progress < 1
            self._take(self._executor.poll(POLL_S if recent else POLL_IDLE_S))
            self._show_state()
            self._folding.maybe()

    def _obey(self) -> None:
        if self._notes.is_deleted() and self._stopping != _DELETED:
            self.stop(_DELETED, now=True)  # nobody could read what comes, nor tell us to stop
        commands, self._offset = self._session.run.commands(self._offset)
        for command in commands:
            if command == "pause":
                self._paused = True
                self._executor.hold()
            elif command == "resume":
                self._paused = False
                if self._stopping == _BY_USER:  # and nothing was killed: it can go on
                    self._stopping = ""
            elif command in ("stop", "stop now"):
                now = command == "stop now"
                self.stop(f"{_BY_USER}, at once" if now else _BY_USER, now)
        if commands:
            self._show_state()
            self._session.cells.obeyed = self._offset

    def _dispatch(self) -> None:
        while self._queue and self._executor.room():
            start, stop = self._queue.popleft()
            end = min(stop, start + self._size())
            if end < stop:
                self._queue.appendleft((end, stop))
            self._left -= end - start
            self._executor.submit(start, end)

    def _size(self) -> int:
        """How many psets go into the next batch: quick ones together, slow ones alone."""
        if self._session.spec.fresh:
            return 1
        fair = self._left // (2 * self._session.spec.workers)
        return max(1, min(self._batch, fair))

    def _take(self, progress: Progress) -> None:
        for start, stop in progress.returned:
            self._queue.appendleft((start, stop))
            self._left += stop - start
        for psets, seconds in progress.samples:
            each = max(seconds / psets, 1e-9)
            self._seconds_each = max(each, (self._seconds_each + each) / 2)
            self._batch = max(1, min(GROWTH * self._batch, int(BATCH_S / self._seconds_each)))
        again = [at + self._n for at in progress.failed_at if at + self._n < self._end]
        later = [*progress.later, *((at, at + 1) for at in again)]
        self._queue.extend(later)
        self._left += sum(stop - start for start, stop in later)
        failed = progress.failed - len(again)
        ended = progress.done + failed
        if ended:
            self._last_progress = monotonic()
            if self._on_progress is not None:
                self._on_progress(ended)
        self._failed += failed
        self._disk_full = progress.disk_full
        if progress.broken:
            self.stop(progress.broken)
        elif failed and self._session.spec.on_error != "record":
            self.stop("stopped at the first failure")

    def _show_state(self) -> None:
        if self._disk_full:
            state = DISK_FULL
        elif self._stopping:
            state = STOPPING
        else:
            state = PAUSED if self._paused else RUNNING
        self._session.cells.engine = state

    def _final_state(self) -> str:
        return "stopped" if self._stopping else "finished"

    def _finish(self) -> str:
        if self._started:
            self._executor.close()
        self._syncing.finish()
        message = "; ".join(filter(None, (self._stopping, self._folding.finish())))
        end = {"state": self._final_state(), "message": message}
        self._notes.append(END, json.dumps(end).encode(), start_ns=time_ns())
        self._notes.sync()
        self._notes.close()
        return message


def open_notes(session: Session) -> Writer:
    """Open the engine's own journal; while the disk is full, the engine waits and says so."""

    def show(full: bool) -> None:
        session.cells.engine = DISK_FULL if full else RUNNING

    return Writer(session.path / ENGINE_JOURNAL, on_full=show)


def wait_for_old_workers(run: RunDir) -> None:
    """Wait until the workers of an engine that was killed are gone.

    They die with it, but not in the same instant; what they still record must not be done again.

    Raises
    ------
    StudyError
        If they do not go.
    """
    alive = FileLock(run.alive)
    if not alive.acquire(OLD_WORKERS_S):
        raise StudyError(
            f"workers of an earlier engine of run {run.info['run_seq']} are still alive after "
            f"{OLD_WORKERS_S:.0f} s; end them first (they hold {run.alive})"
        )
    alive.release()


class Folding:
    """Folds now and then, so that it costs a few per cent, and once at the end."""

    def __init__(self, fold: Callable[[], str], in_background: bool) -> None:
        self._fold = fold
        self._in_background = in_background
        self._thread: threading.Thread | None = None
        self._due = monotonic() + FOLD_S
        self._said = ""

    def maybe(self) -> None:
        """Fold if it is time to."""
        if monotonic() < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        if self._in_background:
            self._thread = threading.Thread(target=self._once, daemon=True)
            self._thread.start()
        else:
            self._once()

    def _once(self) -> None:
        begin = monotonic()
        try:
            self._said = self._fold()
        except Exception as exc:
            # Any at all: the table is the user's, who may have edited it into anything. What
            # finished is safe in the journals, and is merged when the table can be written.
            kind = "" if isinstance(exc, PsweepError | OSError) else f"{type(exc).__name__}: "
            self._said = f"{kind}{exc} (the results are kept in the journal)"
        self._due = monotonic() + max(FOLD_S, FOLD_SHARE * (monotonic() - begin))

    def finish(self) -> str:
        """Fold the rest; return what is to be said: what is in the way, or of the rows."""
        if self._thread is not None:
            self._thread.join()
        self._once()
        return self._said


class Syncing:
    """Forces what a session writes to disk: a power cut loses half a second at most.

    The kernel keeps what a killed process wrote; only the machine's end needs this.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sizes: dict[Path, int] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, daemon=True)

    def start(self) -> None:
        """Begin, in a thread: a sync can take as long as a hundred psets."""
        self._thread.start()

    def finish(self) -> None:
        """Sync the rest."""
        self._end.set()
        self._thread.join()
        self._sync_journals()

    def _keep_on(self) -> None:
        # What the submitter wrote comes first; it was not kept waiting for the disk.
        run = self._session.run
        for folder in (self._session.path, run.path):
            sync_folder(folder)
        sync_file(run.path.parent)
        while not self._end.wait(SYNC_S):
            self._sync_journals()

    def _sync_journals(self) -> None:
        for path in self._session.journals():
            size = path.stat().st_size
            if self._sizes.get(path) != size:
                sync_file(path)
                self._sizes[path] = size
