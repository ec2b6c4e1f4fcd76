"""The table as a person wants it: parameters, results, state. `Study.table` is this."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.foreign import failed_flags


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
    tidy = with_state(df[[c for c in df.columns if not str(c).startswith("_")]], df)
    if cols is not None:
        tidy = tidy[frames.columns_given(cols, "cols", tidy.columns)]
    return tidy


def with_state(tidy: pd.DataFrame, df: pd.DataFrame) -> pd.DataFrame:
    """Return some columns of a table `df`, and `state` (`_state` if that is one of them)."""
    tidy = tidy.copy()
    if "_failed" in df or "_pset_id" in df:  # psweep's tables lack the first
        states = [_STATES.get(failed, "prepared") for failed in failed_flags(df)]
        name = "_state" if "state" in tidy else "state"
        tidy[name] = pd.Series(states, index=df.index, dtype=object)
    return tidy


def rows_where(df: pd.DataFrame, where: Mapping[str, Any]) -> np.ndarray:
    """Return in which rows these columns have these values, as an array of bool.

    Raises
    ------
    OptionError
        If there is no such column.
    """
    chosen = np.ones(len(df), dtype=bool)
    for name, value in where.items():
        frames.check_column(name, df.columns)
        chosen &= np.array([_equals(found, value) for found in df[name]], dtype=bool)
    return chosen


def chosen(df: pd.DataFrame, latest: bool, where: Mapping[str, Any]) -> pd.DataFrame:
    """Return some rows; see `Study.table`."""
    if latest and "_pset_sha1" in df:
        hashes = df["_pset_sha1"]
        df = df[~hashes.duplicated(keep="last") | hashes.isna()]
    return df[rows_where(df, where)]


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
