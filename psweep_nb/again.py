"""What of a run is to be executed again: by resume what has no record, by retry what failed.

Used by `runs`; reads the run's view and the study's table, changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from psweep_nb.deletions import deleted
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.journal import FAILED
from psweep_nb.rundir import Session
from psweep_nb.runview import RunView
from psweep_nb.submission import row_keys, stored_keys

if TYPE_CHECKING:
    import pandas as pd

Todo = list[tuple[int, int]]  # number and attempt


def undone(view: RunView, session: Session, table: pd.DataFrame) -> Todo:
    """Return what was to be done and has no record; what later runs have done is passed over."""
    states = {number: (kind, attempt) for number, kind, attempt in view.states()}
    wanted = dict.fromkeys(range(view.total), 1)
    flat = session.todo[: 2 * session.n]
    for number, attempt in zip(flat[::2], flat[1::2], strict=True):
        kind, last = states.get(number, (0, 0))
        was_to_go_on = kind == FAILED and attempt <= last < attempt + session.spec.retries
        wanted[number] = last + 1 if was_to_go_on else attempt
    later, keys = _done_later(table, view.run.info["run_seq"]), stored_keys(view.run, view.load)
    return [
        (number, attempt)
        for number, attempt in wanted.items()
        if states.get(number, (0, 0))[1] < attempt and keys[number] not in later
    ]


def _done_later(table: pd.DataFrame, run_seq: int) -> set[bytes]:
    if "_run_seq" not in table:
        return set()
    rows = zip(table["_run_seq"].tolist(), table["_failed"].tolist(), row_keys(table), strict=True)
    return {
        key
        for seq, has_failed, key in rows
        if has_failed is False and key is not None and seq > run_seq
    }


def failed(view: RunView, match: str | None) -> Todo:
    """Return the psets that failed, with their next attempts; not those whose row was deleted.

    Parameters
    ----------
    view : RunView
        Up to date.
    match : str, optional
        Only those whose traceback contains this text, or matches it as a regular expression.

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
        return re.compile(match)
    except re.error:  # then it is just text, with brackets in it, say
        return None


def _matches(match: str, pattern: Any, error: tuple[str, str] | None) -> bool:
    if error is None:
        return False
    text = "\n".join(error)
    return match in text or (pattern is not None and pattern.search(text) is not None)
