"""The psets of a study exactly as they were given, from the runs' records: `Study.params`.

The table holds values that are equal to them; types, and what is absent, only as columns can.
"""

import uuid

import pandas as pd

from psweep_nb.database import Database
from psweep_nb.errors import JournalError
from psweep_nb.holders import columns_in, psets_in, with_unknown
from psweep_nb.psets import Pset
from psweep_nb.rundir import RunDir
from psweep_nb.trust import loader


def psets_of_rows(database: Database, rows: pd.DataFrame) -> list[Pset]:
    """Return the psets that some rows of a study's table stand for.

    Rows that no run of the study has written (psweep did, or a person) say themselves what their
    psets are.

    Parameters
    ----------
    database : Database
        The study's.
    rows : DataFrame
        Some of its rows; an own copy of each pset is returned, in their order.
    """
    psets: list[Pset | None] = [None] * len(rows)
    if {"_run_id", "_pset_id", "_pset_seq"} <= set(rows.columns):
        for run_id, places in rows.reset_index(drop=True).groupby("_run_id").groups.items():
            there = rows.iloc[places]
            for place, pset in zip(places, _stored(database, run_id, there), strict=True):
                psets[place] = pset
    others = [place for place, pset in enumerate(psets) if pset is None]
    for place, pset in zip(others, psets_in(rows.iloc[others]) if others else [], strict=True):
        psets[place] = pset
    return [pset for pset in psets if pset is not None]


def params_of_rows(database: Database, rows: pd.DataFrame) -> list[str]:
    """Return the columns that are parameters in any of some rows, in the table's order."""
    return columns_in(rows, params_by_row(database, rows))


def params_by_row(database: Database, rows: pd.DataFrame) -> list[frozenset[str]]:
    """Return of each of some rows what its parameters are called, by its run."""
    ids = rows["_run_id"].tolist() if "_run_id" in rows else [None] * len(rows)
    known: dict[object, frozenset[str] | None] = {}
    for run_id in dict.fromkeys(ids):
        run = _run_of(database, run_id)
        known[run_id] = None if run is None else frozenset(run.info["params"])
    return with_unknown(rows, [known[run_id] for run_id in ids], psets_in)


def psets_of_run(run: RunDir, trusted: bool) -> list[Pset]:
    """Return all psets of a run, those too that have not been computed."""
    return [dict(pset) for pset in run.psets.psets(range(len(run.psets)), loader(trusted))]


def _stored(database: Database, run_id: object, rows: pd.DataFrame) -> list[Pset | None]:
    """What a run's record says, None for rows that it does not know."""
    run = _run_of(database, run_id)
    try:
        if run is None:
            return [None] * len(rows)
        first, stored = run.info["pset_seq"], run.psets
    except (JournalError, OSError):
        return [None] * len(rows)
    numbers = (rows["_pset_seq"] - first).tolist()
    known = [
        0 <= number < len(stored) and stored.id(number) == pset_id
        for number, pset_id in zip(numbers, rows["_pset_id"].tolist(), strict=True)
    ]
    there = [number for number, is_known in zip(numbers, known, strict=True) if is_known]
    found = iter(stored.psets(there, loader(database.trusted)))
    return [dict(next(found)) if is_known else None for is_known in known]


def _run_of(database: Database, run_id: object) -> RunDir | None:
    """The run of that id, None where none can be read."""
    try:
        uuid.UUID(str(run_id))  # a person may write anything into a table, also a path
        run = RunDir(database.hidden / str(run_id))
        return run if run.info else None
    except (ValueError, JournalError, OSError):
        return None
