"""Psets one after another in the engine's own thread: closures, prints and debuggers work."""

import os
from collections.abc import Callable
from time import monotonic, monotonic_ns, sleep

from psweep_nb.executors import Progress
from psweep_nb.journal import DONE, FAILED, Writer
from psweep_nb.livecells import FAILED as FAILED_COUNT
from psweep_nb.livecells import FULL, OK, POSITION, STARTED
from psweep_nb.rundir import Session
from psweep_nb.worker import Caller


class SerialExecutor:
    """Executes in :meth:`poll`.

    Parameters
    ----------
    session : Session
        What is to be done.
    caller : Caller
        Calls the function itself, no copy of it.
    restore_cwd : bool
        Return to the directory of the start before each pset; not in a thread of a kernel,
        where the directory belongs to the user's cells too.
    on_failure : callable, optional
        Called with the exception of each failed pset.
    """

    can: frozenset[str] = frozenset()

    def __init__(
        self,
        session: Session,
        caller: Caller,
        *,
        restore_cwd: bool = True,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._session = session
        self._caller = caller
        self._cell = session.cells.cell(0)
        self._restore_cwd = restore_cwd
        self._on_failure = on_failure
        self._ends_on_failure = session.spec.on_error != "record"
        self._psets = session.run.psets
        self._todo = session.todo
        self._at = self._stop = 0
        self._held = False

    def start(self) -> None:
        """Open the journal."""
        self._writer = Writer(self._session.path / "w0.journal", on_full=self._set_full)
        # A descriptor, not a path: it works after the directory was renamed, and faster.
        self._home = os.open(".", os.O_RDONLY | os.O_CLOEXEC)

    def _set_full(self, full: bool) -> None:
        self._cell[FULL] = full

    def room(self) -> int:
        """One batch at a time."""
        return 0 if self.busy() else 1

    def submit(self, start: int, stop: int) -> None:
        """Remember the batch; :meth:`poll` executes it."""
        self._at, self._stop = start, stop

    def poll(self, timeout: float) -> Progress:
        """Execute psets for about `timeout` seconds, at least one."""
        progress = Progress()
        if self._held:
            progress.returned.append((self._at, self._stop))
            self._at, self._held = self._stop, False
        if not self.busy():
            sleep(timeout)
            return progress
        begin, first = monotonic(), self._at
        end = begin + timeout
        while self._at < self._stop and not self._held:
            self._execute(progress)
            if monotonic() > end:
                break
        self._cell[STARTED] = 0
        self._cell[OK] += progress.done
        self._cell[FAILED_COUNT] += progress.failed
        progress.samples.append((self._at - first, monotonic() - begin))
        return progress

    def _execute(self, progress: Progress) -> None:
        number, attempt = self._todo[2 * self._at], self._todo[2 * self._at + 1]
        self._cell[STARTED] = monotonic_ns()
        self._cell[POSITION] = self._at
        if self._restore_cwd:
            os.fchdir(self._home)
        kind, start, runtime, body, error = self._caller(number, self._psets.blob(number))
        self._writer.append(
            kind, body, attempt=attempt, pset=number, start_ns=start, runtime_ns=runtime
        )
        self._at += 1
        if kind == DONE:
            progress.done += 1
        elif kind == FAILED:
            progress.failed += 1
            self._held = self._ends_on_failure
            if self._on_failure is not None and error is not None:
                self._on_failure(error)

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
        if self._restore_cwd:
            os.fchdir(self._home)
        os.close(self._home)
