"""What `Study.submit` and `Study.run` do beyond their arguments: options, work here, errors.

Used by the study and what it inherits.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import pandas as pd

from psweep_nb import hosts
from psweep_nb.database import Database
from psweep_nb.endedrows import EndedRows
from psweep_nb.engine import Ended
from psweep_nb.errors import OptionError, PsetError, StudyError
from psweep_nb.executors.pools import leaves
from psweep_nb.progress import progress_bar
from psweep_nb.running import Options, workers_in, workers_of
from psweep_nb.runs import Run
from psweep_nb.submission import Published
from psweep_nb.trust import loader

Notes = Callable[[str], object]
OnRow = Callable[[pd.DataFrame], object]
OnProgress = Callable[[int], object]
Slots = Sequence[Mapping[str, str]] | None


def in_background(
    workers: int | None, slots: Slots, executor: Executor | None, in_kernel: bool, **more: Any
) -> Options:
    """Return the options of a run that goes on while its caller does something else.

    Raises
    ------
    OptionError
        If they do not go together.
    """
    if more["on_error"] == "raise":
        raise OptionError("a background run cannot raise; on_error is 'record' or 'stop'")
    if in_kernel and executor is None and workers not in (None, 1):
        raise OptionError(
            f"workers is {workers}, but the kernel's own thread runs one pset at a time; "
            "leave in_kernel out, or give executor=ThreadPoolExecutor(...)"
        )
    processes = not in_kernel and executor is None
    mode = "process" if processes else "thread"
    return _options(mode, processes, workers, slots, executor, more)


def here(workers: int | None, slots: Slots, executor: Executor | None, **more: Any) -> Options:
    """Return the options of a run that its caller waits for; `OptionError` as above."""
    processes = (workers is not None or slots is not None) and executor is None
    return _options("inline", processes, workers, slots, executor, more)


def _options(
    mode: str,
    processes: bool,
    workers: int | None,
    slots: Slots,
    executor: Executor | None,
    more: dict[str, Any],
) -> Options:
    size = workers_in(executor, workers_of(workers, slots))
    travels = processes or leaves(executor)
    return Options(mode, size, processes=processes, travels=travels, slots=slots, **more)


def work_here(
    found: Published,
    database: Database,
    func: Callable[..., Any],
    executor: Executor | None,
    setup: Callable[[], Any] | None,
    on_row: OnRow | None,
) -> tuple[Ended, list[BaseException]]:
    """Execute a run that was published; return how it ended, and exceptions of failed psets."""
    errors: list[BaseException] = []
    with _watched(found, on_row) as advance:
        ended = hosts.run_inline(
            found.session,
            found.lock,
            database,
            func,
            executor,
            psets=found.psets,
            setup=setup,
            on_progress=advance,
            on_failure=errors.append,
        )
    return ended, errors


@contextlib.contextmanager
def _watched(found: Published, on_row: OnRow | None) -> Iterator[OnProgress | None]:
    """Give what is to be called when psets have ended: for a progress bar, or for each row."""
    if on_row is None:
        with progress_bar(found.session.n) as advance:
            yield advance
        return
    # Its own function's results, which have just been made: whoever made the study.
    rows = EndedRows(found.session, loader(True), found.psets)
    try:
        yield lambda _ended: rows.hand_out(on_row)
    finally:
        rows.hand_out(on_row)


def said_at_end(run: Run, ended: Ended, errors: list[BaseException], on_error: str) -> list[str]:
    """Return what the user should know of a run that was waited for, or raise what ended it."""
    if on_error == "raise" and ended.failed:
        _raise_first(run, errors)
    if ended.state == "stopped" and not (on_error == "stop" and ended.failed):
        raise StudyError(f"the run did not finish: {ended.message}")
    of_the_table = ended.state == "finished" and ended.message
    return [ended.message] if of_the_table else []


def _raise_first(run: Run, errors: list[BaseException]) -> None:
    """Raise what the first failed pset raised, the exception itself where it is at hand."""
    failure = run.failures[0]
    if errors:
        raise errors[0]
    where = PsetError(f"pset {failure.pset!r} failed in a worker:\n\n{failure.traceback}")
    if failure.exception is None:
        raise where
    raise failure.exception from where


def tell(sentences: Sequence[str], notes: Notes | None) -> None:
    """Say something to the user: to `notes`, or as warnings of the study's caller."""
    say = notes or partial(warnings.warn, stacklevel=4)
    for sentence in sentences:
        say(sentence)
