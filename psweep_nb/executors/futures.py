"""Psets on any `concurrent.futures.Executor`: one generic path, for pools of every kind.

Chunks go out, bytes come back, and the engine's side writes the journal: the pool may be on
other machines. It does not rely on `cancel()`, survives a task that is executed twice, and says
when the pool is dead.
"""

import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from concurrent.futures import ThreadPoolExecutor as Threads
from hashlib import sha1
from time import monotonic, sleep, time_ns
from typing import Any

from psweep_nb.executors import Progress
from psweep_nb.functions import Call
from psweep_nb.journal import DONE, FAILED, Writer
from psweep_nb.livecells import FULL
from psweep_nb.rundir import Session
from psweep_nb.trust import load_function, loader
from psweep_nb.worker import Caller, failure, fields_of, forks

Item = tuple[int, bytes, dict[str, Any]]  # pset number, its pickle, its book-keeping fields
Result = tuple[int, int, int, int, bytes]  # pset number, kind, start ns, runtime ns, body

IN_FLIGHT = 2  # chunks a worker
_loaded: dict[bytes, Callable[..., Any]] = {}  # in a pool's process: functions by digest


def run_chunk(
    function: bytes, call: dict[str, Any], keep_error: bool, items: list[Item]
) -> list[Result]:
    """Execute a chunk in a pool's process; only bytes, text and numbers come and go."""
    key = sha1(function).digest()
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_function(function)
    return _run_items(_loaded[key], call, keep_error, items)


def _run_items(
    func: Callable[..., Any], call: dict[str, Any], keep_error: bool, items: list[Item]
) -> list[Result]:
    found = {number: (blob, fields) for number, blob, fields in items}
    read = loader(trusted=True)

    def load(number: int) -> Any:
        return read(found[number][0])

    def fill(pset: dict[str, Any], number: int) -> dict[str, Any]:
        return {**pset, **found[number][1]}

    caller, before = Caller(func, Call.from_json(call), load, fill, keep_error=keep_error), forks()
    results: list[Result] = []
    for number in found:
        results.append((number, *caller(number)[:4]))
        if forks() != before:
            os._exit(0)  # a child that the function forked came back here: not ours to answer
    return results


class FuturesExecutor:
    """Runs a session's psets on the user's executor.

    Parameters
    ----------
    session : Session
        What is to be done.
    executor : concurrent.futures.Executor
        Stays the user's: it is not shut down.
    workers : int
        How many chunks it executes at a time.
    func : callable
        The function itself: in a pool of threads it is called as it is.
    """

    can: frozenset[str] = frozenset()

    def __init__(
        self, session: Session, executor: Executor, workers: int, func: Callable[..., Any]
    ) -> None:
        self._session = session
        self._executor = executor
        self._window = IN_FLIGHT * workers
        self._func = func
        self._in_threads = isinstance(executor, Threads)
        self._keep_error = session.spec.on_error == "raise"
        self._pending: dict[Future[list[Result]], tuple[int, int, float]] = {}
        self._returned: list[tuple[int, int]] = []
        self._broken = ""

    def start(self) -> None:
        """Open the journal."""
        self._writer = Writer(self._session.path / "w0.journal", on_full=self._set_full)
        if not self._in_threads:
            self._blob = self._session.function.read_bytes()
        self._fill = fields_of(self._session)

    def _set_full(self, full: bool) -> None:
        self._session.cells[0, FULL] = full

    def room(self) -> int:
        """How many more chunks may be under way."""
        return 0 if self._broken else self._window - len(self._pending)

    def submit(self, start: int, stop: int) -> None:
        """Send the chunk off."""
        spec, psets, todo = self._session.spec, self._session.run.psets, self._session.todo
        by_pset, load = spec.call["style"] == "pset", loader(trusted=True)
        numbers = [todo[2 * position] for position in range(start, stop)]
        items: list[Item] = [
            (n, psets.blob(n, load), self._fill({}, n) if by_pset else {}) for n in numbers
        ]
        rest = (spec.call, self._keep_error, items)
        try:
            if self._in_threads:
                future = self._executor.submit(_run_items, self._func, *rest)
            else:
                future = self._executor.submit(run_chunk, self._blob, *rest)
        except (RuntimeError, OSError) as exc:  # shut down, or broken
            self._break(exc)
            self._returned.append((start, stop))
            return
        self._pending[future] = (start, stop, monotonic())

    def poll(self, timeout: float) -> Progress:
        """Wait for a chunk to end and record what it brought."""
        progress = Progress(returned=self._returned)
        self._returned = []
        if self._pending:
            for future in wait(self._pending, timeout, FIRST_COMPLETED).done:
                self._collect(future, *self._pending.pop(future), progress)
        else:
            sleep(timeout)
        progress.broken = self._broken
        return progress

    def _collect(
        self,
        future: "Future[list[Result]]",
        start: int,
        stop: int,
        begin: float,
        progress: Progress,
    ) -> None:
        try:
            results = future.result()
        except BrokenExecutor as exc:
            self._break(exc)
            progress.returned.append((start, stop))
            return
        except BaseException as exc:  # the pool's own trouble: a worker killed, data lost, ...
            self._blame(exc, start, stop, progress)
            return
        for position, (number, kind, start_ns, runtime, body) in enumerate(results, start):
            self._record(position, number, kind, start_ns, runtime, body)
            progress.done += kind == DONE
            progress.failed += kind == FAILED
        progress.samples.append((stop - start, monotonic() - begin))

    def _blame(self, exc: BaseException, start: int, stop: int, progress: Progress) -> None:
        if stop - start > 1:  # one of them did it: alone, each tells for itself
            progress.returned += [(p, p + 1) for p in range(start, stop)]
            return
        number = self._session.todo[2 * start]
        body = failure(f"{type(exc).__name__}: {exc}\n(raised by the executor, not the function)")
        self._record(start, number, FAILED, time_ns(), 0, body)
        progress.failed += 1

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

    def _break(self, exc: BaseException) -> None:
        self._broken = (
            f"the executor cannot go on ({type(exc).__name__}: {exc}); make a new one and submit "
            'the psets again with skip="done"'
        )

    def busy(self) -> bool:
        """Whether any chunk is under way."""
        return bool(self._pending)

    def hold(self) -> None:
        """Chunks under way are short and end by themselves."""

    def kill(self) -> None:
        """Not declared: there is no way that every kind of pool knows."""

    def close(self) -> None:
        """Close the journal; the executor is the user's."""
        self._writer.close()
