"""Psets on any `concurrent.futures.Executor`: one generic path, for pools of every kind.

Chunks go out, bytes come back, and the engine's side writes the journal: the pool may be on
other machines. It does not rely on `cancel()`, survives a task that is executed twice, and says
when the pool is dead.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from concurrent.futures import ThreadPoolExecutor as Threads
from hashlib import sha1
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Any

from psweep_nb import slates
from psweep_nb.executors import Progress
from psweep_nb.functions import Call
from psweep_nb.journal import DONE, FAILED, Writer
from psweep_nb.livecells import FULL
from psweep_nb.rundir import Session
from psweep_nb.slates import Slate
from psweep_nb.trust import load_function, loader
from psweep_nb.within import At, Place
from psweep_nb.worker import Caller, failure, fields_of, forks, setup_failed, with_setup

# Pset number, attempt, id, pickle, book-keeping fields.
Item = tuple[int, int, str, bytes, dict[str, Any]]
Result = tuple[int, int, int, int, bytes]  # pset number, kind, start ns, runtime ns, body
Function = Callable[..., Any]

IN_FLIGHT = 2  # chunks a worker
_ready = threading.local()  # in a worker of a pool, process or thread: the function, and the slate


def run_chunk(function: bytes, setup: bytes | None, *rest: Any) -> list[Result] | str:
    """Execute a chunk in a pool's process; only bytes, text and numbers come and go.

    Returns why nothing can be executed here, where `setup` fails.
    """

    def load() -> tuple[Function, Function | None]:
        return load_function(function), None if setup is None else load_function(setup)

    return _run_ready(sha1(function + (setup or b"")).digest(), load, *rest)


def _run_ready(
    key: object, load: Callable[[], tuple[Function, Function | None]], *rest: Any
) -> list[Result] | str:
    """Execute a chunk with the function that `load` gives, set up once in each thread."""
    if getattr(_ready, "key", None) != key:
        func, setup = load()
        _ready.key = None
        try:
            _ready.func = with_setup(func, setup)
        except Exception as exc:
            return setup_failed(exc)
        _ready.key = key
    return _run_items(_ready.func, *rest)


def _run_items(
    func: Function,
    folders: tuple[Path, Path],
    call: dict[str, Any],
    keep_error: bool,
    capture: str,
    items: list[Item],
) -> list[Result]:
    found = {item[0]: item for item in items}
    read = loader(trusted=True)
    now: At = (0, 0, 0)

    def load(number: int) -> Any:
        return read(found[number][3])

    def fill(pset: dict[str, Any], number: int) -> dict[str, Any]:
        return {**pset, **found[number][4]}

    calc_path, session = folders
    slate = _slate_for(session)
    place = Place(calc_path, lambda: now, lambda number: found[number][2], slate, capture)
    caller = Caller(func, Call.from_json(call), load, fill, place, keep_error=keep_error)
    before = forks()
    results: list[Result] = []
    with place:
        for number, attempt, *_ in items:
            now = number, attempt, time_ns()
            results.append((number, *caller(number)[:4]))
            if forks() != before:
                os._exit(0)  # a child that the function forked came back here: not ours to answer
    return results


def _slate_for(session: Path) -> Slate:
    """Return this thread's slate in a session's folder."""
    if getattr(_ready, "session", None) != session:
        _ready.slate = Slate(slates.of_new_thread(session))
        _ready.session = session
    slate: Slate = _ready.slate
    return slate


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
    setup : callable, optional
        Makes the function's keyword `setup`, once in each thread or process of the pool.
    """

    can: frozenset[str] = frozenset()

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
        self._in_threads = isinstance(executor, Threads)
        self._keep_error = session.spec.on_error == "raise"
        self._pending: dict[Future[list[Result] | str], tuple[int, int, float]] = {}
        self._returned: list[tuple[int, int]] = []
        self._broken = ""

    def start(self) -> None:
        """Open the journal."""
        self._writer = Writer(self._session.path / "w0.journal", on_full=self._set_full)
        if not self._in_threads:
            setup = self._session.setup
            self._blobs = (
                self._session.function.read_bytes(),
                setup.read_bytes() if setup.exists() else None,
            )
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
        items: list[Item] = []
        flat = todo[2 * start : 2 * stop]
        for number, attempt in zip(flat[::2], flat[1::2], strict=True):
            fields = self._fill({}, number) if by_pset else {}
            items.append((number, attempt, psets.id(number), psets.blob(number, load), fields))
        folders = self._session.run.calc_path, self._session.path  # of files, and of the session
        rest = (folders, spec.call, self._keep_error, spec.capture_logs, items)
        try:
            if self._in_threads:
                key, functions = str(self._session.path), self._functions
                future = self._executor.submit(_run_ready, key, lambda: functions, *rest)
            else:
                future = self._executor.submit(run_chunk, *self._blobs, *rest)
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
        future: "Future[list[Result] | str]",
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
        if stop - start > 1:  # one of them did it: alone, each tells for itself
            progress.returned += [(p, p + 1) for p in range(start, stop)]
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
