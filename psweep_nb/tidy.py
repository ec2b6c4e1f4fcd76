"""The table as a person wants it: parameters, results, state. `Study.table` is this."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.foreign import failed_flags
from psweep_nb.hashing import repeat_key


def tidy_table(
    df: pd.DataFrame, cols: Sequence[str] | None, latest: bool, where: Mapping[str, Any]
) -> pd.DataFrame:
    """Return parameters, results and state of some rows; see `Study.table`.

    Raises
    ------
    OptionError
        If there is no such column.
    """
    df = chosen(df, latest, where)
    whole = with_state(df, df)
    if cols is not None:
        return whole[frames.columns_given(cols, "cols", whole.columns)]
    repeats = "_repeat" in df and df["_repeat"].notna().any()  # else their rows look all the same
    shown = ("_repeat", state_name(df)) if repeats else (state_name(df),)
    return whole[[c for c in whole.columns if c in shown or not str(c).startswith("_")]]


def with_state(tidy: pd.DataFrame, df: pd.DataFrame) -> pd.DataFrame:
    """Return some columns of a table `df`, and `state` (`_state` if that is one of them)."""
    tidy = tidy.copy()
    if (states := _states(df)) is not None:
        tidy[state_name(tidy)] = states
    return tidy


def state_name(df: pd.DataFrame) -> str:
    """Return what the column of states is called beside the columns of a table."""
    return "_state" if "state" in df else "state"


def _states(df: pd.DataFrame) -> "pd.Series[Any] | None":
    if "_failed" not in df and "_pset_id" not in df:  # psweep's tables lack the first
        return None
    states = [_STATES.get(failed, "prepared") for failed in failed_flags(df)]
    return pd.Series(states, index=df.index, dtype=object)


def rows_where(df: pd.DataFrame, where: Mapping[str, Any]) -> np.ndarray:
    """Return in which rows these columns have these values, as an array of bool.

    Raises
    ------
    OptionError
        If there is no such column.
    """
    chosen = np.ones(len(df), dtype=bool)
    for name, value in where.items():
        states = _states(df) if name not in df and name == state_name(df) else None
        if states is None:
            frames.check_column(name, df.columns)
        chosen &= _where(df[name] if states is None else states, value)
    return chosen


def _where(column: "pd.Series[Any]", value: Any) -> np.ndarray:
    rows = np.array([_equals(found, value) for found in column], dtype=bool)
    if not rows.any() and isinstance(value, list | tuple | set | frozenset | range):
        for one in value:  # of a parameter that is a list itself, the rows that have it are meant
            rows |= np.array([_equals(found, one) for found in column], dtype=bool)
    return rows


def chosen(df: pd.DataFrame, latest: bool, where: Mapping[str, Any]) -> pd.DataFrame:
    """Return some rows; see `Study.table`."""
    if latest and "_pset_sha1" in df:
        hashes = df["_pset_sha1"]
        keys = list(zip(hashes.tolist(), repeats_of(df), strict=True))
        df = df[newest(df, keys) | hashes.isna().to_numpy()]
    return df[rows_where(df, where)]


def repeats_of(df: pd.DataFrame) -> list[bytes]:
    """Return what tells repeats of one pset apart: number and seed; empty for what is none."""
    columns = [
        df[name].tolist() if name in df else [None] * len(df) for name in ("_repeat", "_seed")
    ]
    return [repeat_key(b"", number, seed) for number, seed in zip(*columns, strict=True)]


def newest(df: pd.DataFrame, keys: Sequence[Hashable]) -> np.ndarray:
    """Return which rows are the newest of those with the same key, as an array of bool."""
    order = np.arange(len(df))
    if "_pset_seq" in df:  # a person may have sorted the table
        seqs = pd.to_numeric(df["_pset_seq"].astype(object), errors="coerce")
        order = np.argsort(seqs.to_numpy("float64", na_value=np.nan), kind="stable")
    last = {keys[place]: place for place in order.tolist()}
    found = np.zeros(len(df), dtype=bool)
    found[list(last.values())] = True
    return found


_STATES: dict[Any, str] = {True: "failed", False: "done"}  # absent: a batch pset, not run yet


def _equals(found: Any, value: Any) -> bool:
    if found is pd.NA:
        return value is pd.NA
    arrays = isinstance(found, np.ndarray) or isinstance(value, np.ndarray)
    # An empty array would equal anything.
    if value is pd.NA or (arrays and np.shape(found) != np.shape(value)):
        return False
    return bool(np.all(found == value))


def error_line(traceback: str) -> str:
    """Return the line of a traceback that names the error: what follows the last line of code.

    >>> error_line('Traceback ...:\\n  File "x.py", line 1\\nValueError: b is 0')
    'ValueError: b is 0'
    """
    lines = traceback.strip().splitlines() or [""]
    code = [place for place, line in enumerate(lines[:-1]) if line.startswith("  ")]
    return lines[code[-1] + 1 if code else 0].strip()
