"""Changes to a study's table that the user asks for: rows deleted, columns derived.

`Study.delete` and `Study.update` are these. Rows that runs bring meanwhile are never lost: what is
to change is decided on the table as it is under the study's lock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.inputs import is_seq
from psweep_nb.tables import is_bookkeeping, mask_of
from psweep_nb.tidy import rows_where


def delete(database: Database, rows: Any, where: Mapping[str, Any]) -> int:
    """Delete rows; see `Study.delete`."""
    if rows is None and not where:
        raise OptionError("delete() needs to know which rows: study.delete(df[df.a > 3]), say")
    if not len(database.frame()):
        raise StudyError(f"there are no rows in {database.path}")

    def choose(table: pd.DataFrame) -> np.ndarray:
        chosen = rows_where(table, where)
        return chosen if rows is None else chosen & _chosen(table, rows)

    choose(database.frame())  # what is wrong with it is said before anybody waits for the lock
    return database.delete(choose)


def _chosen(table: pd.DataFrame, rows: Any) -> np.ndarray:
    if callable(rows):
        return mask_of(table, rows(frames.snapshot(table)), "what the function returned")
    if isinstance(rows, pd.DataFrame):
        if "_pset_id" not in rows:
            raise OptionError("rows to delete are known by _pset_id, which these do not have")
        _check_attempts(table, rows)
        return _with_ids(table, rows["_pset_id"].tolist())
    if not isinstance(rows, str) and not is_seq(rows):
        raise OptionError(
            f"rows is {rows!r:.100}; it should be rows of df, their _pset_id, a mask, or a function"
        )
    values = [rows] if isinstance(rows, str) else list(rows)
    if values and all(isinstance(value, str) for value in values):
        return _with_ids(table, values)
    return mask_of(table, rows, "the mask (if rows came meanwhile, give the rows: df[mask])")


def _check_attempts(table: pd.DataFrame, rows: pd.DataFrame) -> None:
    """A row that another attempt has replaced meanwhile is not the one that was chosen."""
    if "_attempt" not in rows or "_attempt" not in table:
        return
    now = dict(zip(table["_pset_id"].tolist(), table["_attempt"].tolist(), strict=True))
    for pset_id, attempt in zip(rows["_pset_id"].tolist(), rows["_attempt"].tolist(), strict=True):
        known = isinstance(attempt, int) and isinstance(now.get(pset_id), int)
        if known and now[pset_id] > attempt:
            raise OptionError(
                f"the pset with the _pset_id {pset_id!r} was executed again since these rows were "
                "taken from the table; nothing was deleted: choose from study.df as it is now"
            )


def _with_ids(table: pd.DataFrame, ids: Iterable[Any]) -> np.ndarray:
    wanted = set(ids)
    if not all(isinstance(pset_id, str) for pset_id in wanted):
        raise OptionError(
            "some of these rows have no _pset_id; a mask or a function tells which are meant"
        )
    there = table["_pset_id"].tolist() if "_pset_id" in table else [None] * len(table)
    for pset_id in wanted.difference(there):
        raise OptionError(f"there is no row with the _pset_id {pset_id!r}; nothing was deleted")
    return np.array([pset_id in wanted for pset_id in there], dtype=bool)


def update(database: Database, columns: Any, params: Iterable[str]) -> None:
    """Write derived columns back; see `Study.update`. `params` are names it may not change."""
    before = database.frame()
    if not len(before):
        raise StudyError(f"there are no rows in {database.path}")
    made = _made(before, columns)
    for name in made:
        if not isinstance(name, str) or is_bookkeeping(name):
            raise OptionError(f"{name!r} can not be updated: it is no name, or book-keeping")
        if name in params:
            raise OptionError(
                f"{name!r} can not be updated: it is a parameter, by which psets are known"
            )

    def put(table: pd.DataFrame) -> pd.DataFrame:
        rows, places = _in_both(before, table)
        return frames.changed(table, {n: values.iloc[rows] for n, values in made.items()}, places)

    if made:
        database.rewrite(put)


def _made(table: pd.DataFrame, columns: Any) -> dict[Any, "pd.Series[Any]"]:
    """Return the columns to write, each with a value for every row of the table."""
    if callable(columns):
        columns = columns(frames.snapshot(table))
    if isinstance(columns, pd.DataFrame):
        _check_same_rows(table, columns)
        columns = {
            name: columns[name]
            for name in columns
            if name not in table or not _same(table[name], columns[name])
        }
    if not isinstance(columns, Mapping):
        raise OptionError(
            f"the columns are {columns!r:.200}; they should be a dict of columns, or the table "
            "with columns added or changed"
        )
    return {name: _column(table, name, value) for name, value in columns.items()}


def _check_same_rows(table: pd.DataFrame, result: pd.DataFrame) -> None:
    same = result.index.equals(table.index)
    if same and "_pset_id" in table and "_pset_id" in result:
        same = result["_pset_id"].tolist() == table["_pset_id"].tolist()
    if not same:
        raise OptionError(
            "the function returned other rows, or in another order; it should return the table "
            "with columns added or changed (to drop rows: study.delete)"
        )


def _same(old: "pd.Series[Any]", new: "pd.Series[Any]") -> bool:
    if old.dtype == object or new.dtype == object:  # values of any kind: some do not compare
        return all(a is b for a, b in zip(old.tolist(), new.tolist(), strict=True))
    return old.equals(new)


def _column(table: pd.DataFrame, name: Any, value: Any) -> "pd.Series[Any]":
    if callable(value):
        value = value(frames.snapshot(table))
    if isinstance(value, pd.Series):
        if not value.index.equals(table.index):
            raise OptionError(f"{name!r} has other rows than the table: its index differs")
        return value
    if isinstance(value, np.ndarray | list | tuple | pd.Index | pd.api.extensions.ExtensionArray):
        values = list(value)
        if len(values) != len(table):
            raise OptionError(f"{name!r} has {len(values)} values; the table has {len(table)} rows")
    else:
        values = [value] * len(table)
    array = frames.typed(values)
    return pd.Series(array, table.index, dtype=array.dtype)


def _in_both(before: pd.DataFrame, now: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return where rows are that are in both tables: in the one, in the other.

    A row that another attempt has replaced is another row.
    """
    places = {key: place for place, key in enumerate(_keys(now))}
    both = [(row, places[key]) for row, key in enumerate(_keys(before)) if key in places]
    found = np.array(both, dtype=np.intp).reshape(len(both), 2)
    return found[:, 0], found[:, 1]


def _keys(table: pd.DataFrame) -> list[Any]:
    """Return what each row is known by; rows of the user's own by their order."""
    nothing = [None] * len(table)
    ids = table["_pset_id"].tolist() if "_pset_id" in table else nothing
    attempts = table["_attempt"].tolist() if "_attempt" in table else nothing
    seen: Counter[Any] = Counter()
    keys = []
    for pset_id, attempt in zip(ids, attempts, strict=True):
        key = (pset_id, attempt if isinstance(attempt, int) else None)
        key = key if isinstance(pset_id, str) else (None, None)
        keys.append((key, seen[key]))
        seen[key] += 1
    return keys
