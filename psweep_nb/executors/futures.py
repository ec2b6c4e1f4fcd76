"""Psets on any `concurrent.futures.Executor`: one generic path, for pools of every kind.

Chunks go out, bytes come back, and the engine's side writes the journal: the pool may be on
other machines. It does not rely on `cancel()`, survives a task that is executed twice, and says
when the pool is dead.
"""

import contextlib
import pickle
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, time_ns

from psweep_nb import slates
from psweep_nb.executors import Progress, chunks
from psweep_nb.executors.chunks import (
    UNSEEN,
    Chunk,
    Function,
    Item,
    Outcome,
    Parcel,
    Pickles,
    read_pickles,
)
from psweep_nb.executors.pools import end_of, leaves, size_of
from psweep_nb.journal import DONE, FAILED, Writer
from psweep_nb.livecells import FULL
from psweep_nb.rundir import Session
from psweep_nb.trust import loader
from psweep_nb.worker import failure, fields_of

IN_FLIGHT = 2  # chunks a worker
SMALL = 100_000  # bytes of a function that is sent with each chunk; a larger one is read there
LOOK_S = 1.0  # between two looks at a pool: its size may be asked over the network
# A pool that brings nothing but its own errors, for so many chunks more than are under way at a
# time, twice over, is given up: it may have been restarted once, but there is no end to it.
TROUBLES = 20


class FuturesExecutor:
    """Runs a session's psets on the user's executor.

    Parameters
    ----------
    session : Session
        What is to be done.
    executor : concurrent.futures.Executor
        Stays the user's: it is not shut down.
    workers : int
        How many chunks it executes at a time, where it does not tell.
    func : callable
        The function itself: in a pool of threads it is called as it is.
    setup : callable, optional
        Makes the function's keyword `setup`, once in each thread or process of the pool.
    """

    def __init__(
        self,
        session: Session,
        executor: Executor,
        workers: int,
        func: Function,
        setup: Function | None = None,
    ) -> None:
        self._session = session
        self._executor = executor
        self._window = IN_FLIGHT * workers
        self._functions = func, setup
        self._in_threads = not leaves(executor)
        self.can = frozenset(() if self._in_threads else ("abandon",))
        self._keep_error = session.spec.on_error == "raise"
        self._pending: dict[Future[Outcome], tuple[int, int, float]] = {}
        self._ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
        self._returned: list[tuple[int, int]] = []
        self._pickles: Pickles | None = None  # sent along
        self._suspects: set[int] = set()
        self._serial = self._troubles = 0
        self._look_at = 0.0
        self._broken = ""

    def start(self) -> None:
        """Open the journal."""
        self._writer = Writer(self._session.path / "w0.journal", on_full=self._set_full)
        self._files = self._session.function, self._setup_file()
        if not self._in_threads:
            function, setup = read_pickles(*self._files)
            if len(function) + len(setup or b"") <= SMALL:
                self._pickles = function, setup
        self._fill = fields_of(self._session)

    def _setup_file(self) -> Path | None:
        return self._session.setup if self._session.setup.exists() else None

    def _set_full(self, full: bool) -> None:
        self._session.cells[0, FULL] = full

    def room(self) -> int:
        """How many more chunks may be under way."""
        self._look()
        return 0 if self._broken else self._window - len(self._pending)

    def submit(self, start: int, stop: int) -> None:
        """Send the chunk off."""
        chunk = self._chunk(start, stop)
        try:
            future = self._send(chunk)
        except Exception as exc:  # shut down, or broken; whatever it has for that
            self._break(exc)
            self._returned.append((start, stop))
            return
        self._pending[future] = (start, stop, monotonic())
        future.add_done_callback(self._ended.put)

    def _chunk(self, start: int, stop: int) -> Chunk:
        spec, psets, todo = self._session.spec, self._session.run.psets, self._session.todo
        by_pset, load = spec.call["style"] == "pset", loader(trusted=True)
        items: list[Item] = []
        flat = todo[2 * start : 2 * stop]
        for number, attempt in zip(flat[::2], flat[1::2], strict=True):
            fields = self._fill({}, number) if by_pset else {}
            items.append((number, attempt, psets.id(number), psets.blob(number, load), fields))
        calc_path, session = self._session.run.calc_path, self._session.path
        self._serial += 1  # no two chunks are equal: Dask would execute them once
        return Chunk(
            self._serial,
            calc_path,
            session,
            *self._files,
            spec.call,
            self._keep_error,
            spec.capture_logs,
            items,
        )

    def _send(self, chunk: Chunk) -> "Future[Outcome]":
        if self._in_threads:
            functions = self._functions
            return self._executor.submit(chunks.run_ready, lambda: functions, chunk)
        return self._executor.submit(pickle.loads, pickle.dumps(Parcel(self._pickles, chunk), 5))

    def poll(self, timeout: float) -> Progress:
        """Wait for a chunk to end and record what has come."""
        self._look()
        progress = Progress(returned=self._returned)
        self._returned = []
        try:
            future = self._ended.get(timeout=timeout)
            while True:
                if future in self._pending:  # else it was let go
                    self._collect(future, *self._pending.pop(future), progress)
                future = self._ended.get_nowait()
        except Empty:
            pass
        progress.broken = self._broken
        return progress

    def _look(self) -> None:
        """Look after the pool: what was sent to a dead one does not come back."""
        if monotonic() < self._look_at or self._broken:
            return
        if end := end_of(self._executor):
            self._break(end)
            self._let_go()
            return
        size = size_of(self._executor)
        if size is not None:
            self._window = IN_FLIGHT * max(1, size)
        self._look_at = monotonic() + LOOK_S

    def _collect(
        self, future: "Future[Outcome]", start: int, stop: int, begin: float, progress: Progress
    ) -> None:
        try:
            results = future.result()
        except (BrokenExecutor, ImportError, AttributeError) as exc:
            # Not the function's: its modules are imported, and it is called, where all is caught.
            self._break(exc)
            progress.returned.append((start, stop))
            return
        except BaseException as exc:  # the pool's own trouble: a worker killed, data lost, ...
            self._blame(exc, start, stop, progress)
            return
        self._troubles = 0
        if results == UNSEEN:
            self._pickles = read_pickles(*self._files)
        if results is None or results == UNSEEN:
            progress.returned.append((start, stop))
            return
        if isinstance(results, str):
            self._broken = results
            progress.returned.append((start, stop))
            return
        for position, (number, kind, start_ns, runtime, body) in enumerate(results, start):
            self._record(position, number, kind, start_ns, runtime, body)
            progress.done += kind == DONE
            if kind == FAILED:
                progress.failed += 1
                progress.failed_at.append(position)
        progress.samples.append((stop - start, monotonic() - begin))

    def _blame(self, exc: BaseException, start: int, stop: int, progress: Progress) -> None:
        self._look_at = 0.0  # it may be at its end
        self._troubles += 1
        if self._troubles > TROUBLES + 2 * self._window:
            self._break(exc)
        if isinstance(exc, CancelledError):  # by somebody else; the pool's restart does it, too
            progress.returned.append((start, stop))
            return
        if start not in self._suspects:
            # It may have been another of the chunk, or another chunk in the same worker (Dask
            # blames all that it had): when little else is under way, each tells for itself.
            self._suspects.update(range(start, stop))
            progress.later += [(p, p + 1) for p in range(start, stop)]
            return
        number, attempt = self._session.todo[2 * start : 2 * start + 2]
        notes = slates.read_all(self._session.path)
        values = next((note.body for note in notes if note[:2] == (number, attempt)), b"")
        text = f"{type(exc).__name__}: {exc}\n(raised by the executor, not the function)"
        body = failure(text, values=values)
        self._record(start, number, FAILED, time_ns(), 0, body)
        progress.failed += 1
        progress.failed_at.append(start)

    def _record(
        self, position: int, number: int, kind: int, start_ns: int, runtime: int, body: bytes
    ) -> None:
        self._writer.append(
            kind,
            body,
            attempt=self._session.todo[2 * position + 1],
            pset=number,
            start_ns=start_ns,
            runtime_ns=runtime,
        )

    def _break(self, why: object) -> None:
        text = " ".join(str(why).split())[:500]
        if isinstance(why, BaseException):
            text = f"{type(why).__name__}: {text}"
        self._broken = (
            f"the executor cannot go on ({text}); make a new one, then run.resume(executor=...), "
            'or submit the psets again with skip="done"'
        )

    def _let_go(self) -> None:
        """Take back what is under way; what still comes of it is not recorded."""
        self._returned += [(start, stop) for start, stop, _ in self._pending.values()]
        self._pending.clear()

    def busy(self) -> bool:
        """Whether any chunk is under way."""
        return bool(self._pending)

    def hold(self) -> None:
        """Have chunks that wait in the pool not begin: they come back, without `cancel()`."""
        with contextlib.suppress(OSError):  # then they are executed
            chunks.hold(self._session.path, self._serial + 1)

    def kill(self) -> None:
        """Let go of what runs: there is no way of ending it that every kind of pool knows."""
        self.hold()
        self._let_go()

    def close(self) -> None:
        """Close the journal; the executor is the user's."""
        self._writer.close()
