"""What of a run is executed again, and how: by resume what has no record, by retry what failed.

Used by `resuming` and `rerunning`; reads the run's view, changes nothing.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from typing import Any

from psweep_nb.deletions import deleted
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.executors.pools import leaves
from psweep_nb.journal import FAILED
from psweep_nb.judging import stored_keys
from psweep_nb.rundir import Session, SessionSpec
from psweep_nb.running import Options, workers_in
from psweep_nb.runview import RunView

Todo = list[tuple[int, int]]  # number and attempt


def options_of(
    before: SessionSpec,
    workers: int | None,
    setup: Callable[[], Any] | None,
    label: str = "",
    executor: Executor | None = None,
) -> Options:
    """Return how psets of a session are executed again, in the background.

    A pool of then is not known any more: without another, workers of this machine take its place.
    """
    in_pool = "abandon" in before.can
    in_thread = executor is not None or (before.mode == "thread" and not in_pool)
    if workers is None:
        workers = min(before.workers, os.cpu_count() or 1) if in_pool else before.workers
    return Options(
        "thread" if in_thread else "process",
        workers_in(executor, workers),
        processes=not in_thread,
        travels=not in_thread or leaves(executor),
        on_error="record" if before.on_error == "raise" else before.on_error,
        timeout=before.timeout,
        label=label,
        setup=setup,
        retries=before.retries,
        order=before.order,
        fresh=before.fresh,
        slots=before.slots or None,
        capture_logs=before.capture_logs or None,
    )


def undone(view: RunView, session: Session, taken: Collection[bytes]) -> Todo:
    """Return what was to be done and has no record; what others have `taken` over is left out."""
    states = {number: (kind, attempt) for number, kind, attempt in view.states()}
    wanted = dict.fromkeys(range(view.total), 1)
    flat = session.todo[: 2 * session.n]
    for number, attempt in zip(flat[::2], flat[1::2], strict=True):
        kind, last = states.get(number, (0, 0))
        was_to_go_on = kind == FAILED and attempt <= last < attempt + session.spec.retries
        wanted[number] = last + 1 if was_to_go_on else attempt
    keys = stored_keys(view.run, view.load)
    return [
        (number, attempt)
        for number, attempt in wanted.items()
        if states.get(number, (0, 0))[1] < attempt and keys[number] not in taken
    ]


def failed(view: RunView, match: str | None, taken: Collection[bytes]) -> Todo:
    """Return the psets that failed, with their next attempts; not those whose row was deleted.

    Parameters
    ----------
    view : RunView
        Up to date.
    match : str, optional
        Only those whose traceback contains this text, or matches it as a regular expression.
    taken : collection of bytes
        Keys of psets that others have taken over, see `judging.taken_over`: these are left out.

    Raises
    ------
    StudyError
        If nothing failed, or nothing with such an error; the message lists what errors there are.
    """
    run_seq = view.run.info["run_seq"]
    gone = deleted(view.run)
    found = [
        (i, attempt + 1)
        for i, kind, attempt in view.states()
        if kind == FAILED and attempt > gone.get(i, 0)
    ]
    if not found:
        raise StudyError(f"nothing failed in run {run_seq}: nothing to retry")
    keys = stored_keys(view.run, view.load)
    found = [(i, attempt) for i, attempt in found if keys[i] not in taken]
    if not found:
        raise StudyError(
            f"what failed in run {run_seq}, a later run has done or another is at work on: "
            "nothing to retry"
        )
    if match is None:
        return found
    if not isinstance(match, str) or not match:
        raise OptionError(f"match is {match!r}; it should be a text of the error, or a pattern")
    pattern = _pattern(match)
    errors: dict[int, tuple[str, str]] = {}
    for number, _ in found:
        record = view.record(number)
        if record is not None:
            errors[number] = record.error, record.traceback
    chosen = [(i, attempt) for i, attempt in found if _matches(match, pattern, errors.get(i))]
    if not chosen:
        kinds = Counter(error.partition(":")[0] for error, _ in errors.values())
        listed = ", ".join(f"{kind} ({n})" for kind, n in kinds.most_common(8))
        raise StudyError(f"no failed pset of run {run_seq} matches {match!r}; there are: {listed}")
    return chosen


def _pattern(match: str) -> re.Pattern[str] | None:
    try:
        return re.compile(match, re.MULTILINE)  # the traceback has many lines
    except re.error:  # then it is just text, with brackets in it, say
        return None


def _matches(match: str, pattern: Any, error: tuple[str, str] | None) -> bool:
    if error is None:
        return False
    text = "\n".join(error)
    return match in text or (pattern is not None and pattern.search(text) is not None)
