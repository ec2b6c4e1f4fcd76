"""A chunk of psets in a worker of a pool, which may be a thread, a process, another machine.

`futures` sends these functions to the pool. Only bytes, text and numbers come and go, so that no
pool ever pickles a user's object.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

from psweep_nb import slates
from psweep_nb.functions import Call
from psweep_nb.slates import Slate
from psweep_nb.trust import load_function, loader
from psweep_nb.within import At, Place
from psweep_nb.worker import Caller, forks, not_ready, with_setup

# Pset number, attempt, id, pickle, book-keeping fields.
Item = tuple[int, int, str, bytes, dict[str, Any]]
Result = tuple[int, int, int, int, bytes]  # pset number, kind, start ns, runtime ns, body
Function = Callable[..., Any]

_HELD = "held"
_load = loader(trusted=True)  # what this very run has pickled
_ready = threading.local()  # in a worker of a pool, process or thread: the function, and the slate


class Chunk(NamedTuple):
    """What is to be executed, and all that is to be known for it but the function."""

    serial: int
    calc_path: Path
    session: Path
    function: Path  # their pickles
    setup: Path | None
    call: dict[str, Any]  # `functions.Call` as JSON
    keep_error: bool
    capture: str
    items: list[Item]


Pickles = tuple[bytes, bytes | None]  # of the function, and of what sets it up
UNSEEN = "the function's file is not seen here"
# What came of a chunk: its results, None if it was held, a text if nothing can be executed there.
Outcome = list[Result] | str | None


def hold(session: Path, serial: int) -> None:
    """Have chunks with lower serial numbers not begin, wherever this directory is seen.

    Where it is not, they are executed for nothing.
    """
    (session / _HELD).write_text(str(serial))


def _is_held(chunk: Chunk) -> bool:
    try:
        return chunk.serial < int((chunk.session / _HELD).read_text())
    except (OSError, ValueError):  # not there; just being written
        return False


class Parcel(NamedTuple):
    """Unpickled, it is executed, and becomes what came of it.

    So what a pool gets is `pickle.loads` and bytes, which it can take anywhere. Given a function of
    ours, Dask's workers shut down, one after the other, where psweep_nb is not installed.
    """

    functions: Pickles | None
    chunk: Chunk

    def __reduce__(self) -> Any:
        return run_chunk, tuple(self)


def run_chunk(functions: Pickles | None, chunk: Chunk) -> Outcome:
    """Execute a chunk in a process of a pool.

    Without `functions`, which may be large, they are read from the session's directory, once in
    each thread; `UNSEEN` asks for them.
    """
    if functions is None and not _is_ready(chunk) and not _is_seen(chunk):
        return UNSEEN

    def load() -> tuple[Function, Function | None]:
        function, setup = functions or read_pickles(chunk.function, chunk.setup)
        return load_function(function), None if setup is None else load_function(setup)

    return run_ready(load, chunk)


def read_pickles(function: Path, setup: Path | None) -> Pickles:
    """Read the function and what sets it up."""
    return function.read_bytes(), None if setup is None else setup.read_bytes()


def _is_seen(chunk: Chunk) -> bool:
    return chunk.function.exists()


def _is_ready(chunk: Chunk) -> bool:
    return getattr(_ready, "key", None) == chunk.session


def run_ready(load: Callable[[], tuple[Function, Function | None]], chunk: Chunk) -> Outcome:
    """Execute a chunk with the function that `load` gives, set up once in each thread."""
    if _is_held(chunk):
        return None
    if not _is_ready(chunk):
        _ready.key = None
        what = "the function cannot be loaded where the executor works"
        try:
            func, setup = load()
            what = "setup failed"
            _ready.func = with_setup(func, setup)
        except Exception as exc:
            return not_ready(what, exc)
        _ready.key = chunk.session
    return _run_items(_ready.func, chunk)


def _run_items(func: Function, chunk: Chunk) -> list[Result]:
    found = {item[0]: item for item in chunk.items}
    now: At = (0, 0, 0)

    def load(number: int) -> Any:
        return _load(found[number][3])

    def fill(pset: dict[str, Any], number: int) -> dict[str, Any]:
        return {**pset, **found[number][4]}

    slate = _slate_for(chunk.session)
    place = Place(chunk.calc_path, lambda: now, lambda n: found[n][2], slate, chunk.capture)
    call = Call.from_json(chunk.call)
    caller = Caller(func, call, load, fill, place, keep_error=chunk.keep_error)
    before = forks()
    results: list[Result] = []
    with place:
        for number, attempt, *_ in chunk.items:
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
