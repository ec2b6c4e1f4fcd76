"""Rows the user deleted: which psets of a run they were, in the run's `deleted.json`.

The journals still have them, and a fold or a rebuild would put them back: so the database asks
here, and so does whoever reads a run's records to learn what is done.
"""

from collections.abc import Collection, Mapping

import pandas as pd

from psweep_nb.errors import JournalError
from psweep_nb.rundir import RunDir, read_json, write_json

_NAME = "deleted.json"

#: The attempt of a pset whose results are no longer on the disk: it can not be put back.
FOREVER = 2**16 - 1
ANY = FOREVER - 1  # an attempt not below any that there was


def deleted(run: RunDir) -> dict[int, int]:
    """Return the psets of a run whose rows were deleted, each with its attempt then.

    What a later attempt brings is a new row. `JournalError` if the file is damaged.
    """
    path = run.path / _NAME
    if not path.exists():
        return {}
    try:
        return {int(number): int(attempt) for number, attempt in read_json(path)["psets"].items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        raise JournalError(f"{path} is damaged: it should list psets and attempts") from None


def mark(run: RunDir, psets: Mapping[int, int]) -> None:
    """Add psets, with their attempts; whoever calls it holds the study's lock."""
    before = deleted(run)
    whole = {**before, **{n: max(attempt, before.get(n, 0)) for n, attempt in psets.items()}}
    write_json(run.path / _NAME, {"psets": {str(n): whole[n] for n in sorted(whole)}})


def forget(run: RunDir, psets: Collection[int] | None = None) -> None:
    """Let rows come back, all or these, but those whose results are no longer on the disk."""
    marks = deleted(run)
    kept = {
        str(n): attempt
        for n, attempt in marks.items()
        if attempt == FOREVER or (psets is not None and n not in psets)
    }
    if kept:
        write_json(run.path / _NAME, {"psets": kept})
    else:
        (run.path / _NAME).unlink(missing_ok=True)


def unfinished(run: RunDir, there: Mapping[str, object]) -> list[int]:
    """Return the psets that are marked and whose rows are in the table all the same.

    Whoever deleted them was killed before the table was written, or an older copy was put back.

    Parameters
    ----------
    run : RunDir
        The run; whoever calls it holds the study's lock.
    there : mapping
        The attempts of the table's rows, by `_pset_id`; what is no number is of any attempt.
    """
    found = []
    for number, mark in deleted(run).items():
        pset_id = run.psets.id(number)
        if mark != FOREVER and pset_id in there:
            attempt = there[pset_id]
            if not isinstance(attempt, int) or attempt <= mark:
                found.append(number)
    return found


def without(rows: pd.DataFrame, run: RunDir, psets: Mapping[int, int]) -> pd.DataFrame:
    """Return the rows, as made from the run's journals, that were not deleted."""
    if not psets or not len(rows):
        return rows
    numbers = (rows["_pset_seq"] - run.info["pset_seq"]).tolist()
    attempts = rows["_attempt"].tolist()
    return rows[[a > psets.get(n, -1) for n, a in zip(numbers, attempts, strict=True)]]
