"""Psets one after another in the engine's own thread: closures, prints and debuggers work."""

import os
from collections.abc import Callable
from time import monotonic_ns, sleep

from psweep_nb.executors import Progress
from psweep_nb.journal import Bulk, Writer, Written
from psweep_nb.livecells import FAILED as FAILED_COUNT
from psweep_nb.livecells import FULL, OK, POSITION, STARTED
from psweep_nb.rundir import Session
from psweep_nb.within import Place
from psweep_nb.worker import Caller, forks, not_ready


class SerialExecutor:
    """Executes in :meth:`poll`.

    Parameters
    ----------
    session : Session
        What is to be done.
    make_caller : callable
        Gives what calls the function itself, no copy of it, at a place; the run's `setup` is
        called there.
    restore_cwd : bool
        Return to the directory of the start before each pset; not in a thread of a kernel,
        where the directory belongs to the user's cells too.
    on_failure : callable, optional
        Called with the exception of each failed pset that is not tried again.
    """

    can: frozenset[str] = frozenset()

    def __init__(
        self,
        session: Session,
        make_caller: Callable[[Place], Caller],
        *,
        restore_cwd: bool = True,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._session = session
        self._make_caller = make_caller
        self._broken = ""
        self._cell = session.cells.cell(0)
        self._restore_cwd = restore_cwd
        self._on_failure = on_failure
        self._ends_on_failure = session.spec.on_error != "record"
        self._last_block = session.n * session.spec.retries  # failures there are final
        self._written = Bulk()
        self._todo = session.todo
        self._at = self._stop = 0
        self._held = False
        self._path = session.path / "w0.journal"
        self._written_from = 0
        self._cut = True  # whether `_written` may lack something that is in the journal

    def start(self) -> None:
        """Open the journal, get the function ready."""
        self._writer = Writer(self._path, on_full=self._set_full)
        self._cut = False
        # A descriptor, not a path: it works after the directory was renamed, and faster.
        self._home = os.open(".", os.O_RDONLY | os.O_CLOEXEC)
        self._place = Place.of_worker(self._session, 0, 0)
        try:
            self._caller = self._make_caller(self._place)
        except Exception as exc:
            self._broken = not_ready("setup failed", exc)

    def _set_full(self, full: bool) -> None:
        self._cell[FULL] = full

    def room(self) -> int:
        """One batch at a time."""
        return 0 if self.busy() or self._broken else 1

    def submit(self, start: int, stop: int) -> None:
        """Remember the batch; :meth:`poll` executes it."""
        self._at, self._stop = start, stop

    def poll(self, timeout: float) -> Progress:
        """Execute psets for about `timeout` seconds, at least one."""
        progress = Progress(broken=self._broken)
        if self._held:
            progress.returned.append((self._at, self._stop))
            self._at, self._held = self._stop, False
        if not self.busy():
            sleep(timeout)
            return progress
        begin, first = monotonic_ns(), self._at
        self._cut = True  # until it is through: an interrupt may come between the two
        with self._place:
            self._execute(begin + int(timeout * 1e9), progress)
        self._cut = False
        self._cell[STARTED] = 0
        self._cell[OK] += progress.done
        self._cell[FAILED_COUNT] += progress.failed
        progress.samples.append((self._at - first, (monotonic_ns() - begin) / 1e9))
        return progress

    def _execute(self, end: int, progress: Progress) -> None:
        # A bound method is called faster than an object.
        cell, call, append = self._cell, self._caller.__call__, self._writer.append
        heads, bodies = self._written.heads, self._written.bodies
        chdir, home, before = self._restore_cwd, self._home, forks()
        at = first = self._at
        todo = self._todo[2 * at : 2 * self._stop]
        for number, attempt in zip(todo[::2], todo[1::2], strict=True):
            cell[STARTED] = now = monotonic_ns()
            cell[POSITION] = at
            if chdir:
                os.fchdir(home)
            kind, start, runtime, body, error, results = call(number)
            if forks() != before:
                os._exit(0)  # a child that the function forked came back here: not ours to record
            heads += append(kind, body, attempt, number, start, runtime)
            # A copy: the function may have kept its dict, to go on with it.
            bodies.append(body if results is None else results.copy())
            at += 1
            if error is not None:
                progress.failed += 1
                progress.failed_at.append(at - 1)
                if at > self._last_block:
                    self._held = self._ends_on_failure
                    if self._on_failure is not None:
                        self._on_failure(error)
            if self._held or now > end:
                break
        self._at = at
        progress.done = at - first - progress.failed

    def take_written(self) -> Written:
        """Return what was journaled since the last call, for the fold to use or to read itself."""
        if self._cut:
            return Written(self._path, self._written_from, self._written_from, Bulk())
        written, start = self._written, self._written_from
        self._written, self._written_from = Bulk(), self._writer.size
        return Written(self._path, start, self._writer.size, written)

    def busy(self) -> bool:
        """Whether psets of the batch are left."""
        return self._at < self._stop

    def hold(self) -> None:
        """Return the rest of the batch at the next poll."""
        self._held = True

    def kill(self) -> None:
        """Nothing runs while the engine has the thread, so this is :meth:`hold`."""
        self._held = True

    def close(self) -> None:
        """Close the journal and give the directory back."""
        self._writer.close()
        self._place.close()
        if self._restore_cwd:
            os.fchdir(self._home)
        os.close(self._home)
