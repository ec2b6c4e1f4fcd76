"""Rows put together: repeats to mean, spread and number, several studies to one table."""

import os
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import OptionError, ParamsError
from psweep_nb.exact import params_by_row
from psweep_nb.foreign import failed_flags
from psweep_nb.hashing import sha1_digests
from psweep_nb.holders import columns_in, parameters_by_row, tidy_state
from psweep_nb.study import Study
from psweep_nb.tidy import newest, repeats_of

ORIGIN = "_study"


def concat(
    *studies: Study | str | os.PathLike[str] | Sequence[Study | str | os.PathLike[str]],
) -> pd.DataFrame:
    """Return the rows of several studies in one table.

    Parameters
    ----------
    *studies : Study or path
        Studies, or their directories; also one list of them.

    Returns
    -------
    DataFrame
        As `Study.df`, with a column ``_study``: the directory, as it was given. Values that a study
        does not have are absent.

    Raises
    ------
    OptionError
        If there is none, or one is given twice.

    Examples
    --------
    >>> for name in ("coarse", "fine"):
    ...     df = Study(name).run(lambda a: {"b": 2 * a}, [{"a": 1}])
    >>> concat("coarse", "fine")[["_study", "a", "b"]].values.tolist()
    [['coarse', 1, 2], ['fine', 1, 2]]
    """
    given: Any = (
        studies[0] if len(studies) == 1 and isinstance(studies[0], list | tuple) else studies
    )
    opened = [study if isinstance(study, Study) else _open(study) for study in given]
    if not opened:
        raise OptionError("which studies? concat takes studies, or their directories")
    for number, study in enumerate(opened):
        if any(study.path == other.path for other in opened[:number]):
            raise OptionError(f"the study {study.calc_dir!r} is given twice")
    tables = [study.df.assign(**{ORIGIN: _names(study, len(study.df))}) for study in opened]
    tables = [table for table in tables if len(table)] or tables[:1]
    names = dict.fromkeys([ORIGIN, *(name for table in tables for name in table.columns)])
    columns = {name: _joined(tables, name) for name in names}
    index = tables[0].index.append([table.index for table in tables[1:]])
    return pd.DataFrame({name: column.set_axis(index) for name, column in columns.items()}, index)


def _open(path: Any) -> Study:
    if not isinstance(path, str | os.PathLike):
        raise OptionError(f"{path!r:.100} is no study, nor the directory of one")
    if not os.path.isdir(path):
        raise OptionError(f"there is no study {os.fspath(path)}/")
    return Study(path)


def _names(study: Study, rows: int) -> "pd.Series[Any]":
    return pd.Series([study.calc_dir] * rows, study.df.index, dtype=object)


def _joined(tables: Sequence[pd.DataFrame], name: str) -> "pd.Series[Any]":
    """One column of all, its values unchanged: pandas would make floats of large integers."""
    if len({str(table[name].dtype) if name in table else "" for table in tables}) == 1:
        return pd.concat([table[name] for table in tables], ignore_index=True)
    values = [
        frames.ABSENT if value is pd.NA else value
        for table in tables
        for value in (table[name].tolist() if name in table else [pd.NA] * len(table))
    ]
    array = frames.typed(values)
    return pd.Series(array, dtype=array.dtype)


def aggregate(
    data: Study | pd.DataFrame,
    cols: Sequence[str] | None = None,
    params: Sequence[str] | None = None,
    *,
    latest: bool = False,
) -> pd.DataFrame:
    """Return one row for each set of equal parameters: mean and standard deviation of results.

    Equal is what has the same hash, so repeats are (of `repeat`, of several runs, or of several
    studies). Only what is done counts, and of a repeat that was run again, with the same number
    and seed, only the newest row.

    Parameters
    ----------
    data : Study or DataFrame
        A study, or rows of its `df`, or of what `concat` gives. Any other table needs `params`,
        and each of its rows counts, but those that its ``state`` says are not done.
    cols : sequence of str, optional
        Results, else all that are numbers (or true and false) throughout.
    params : sequence of str, optional
        The columns that are parameters, where the table does not tell. Where it does, only those
        to be told apart: rows of equal values are put together, whatever the others are.
    latest : bool
        Of equal psets that are no repeats of `repeat`, too, only the newest row of each study. By
        default all of them count: to run a pset again is how a random function without seeds is
        repeated. Where psets were run again because the code had changed, set this.

    Returns
    -------
    DataFrame
        Parameters, ``<result>_mean`` and ``<result>_std`` (of the sample, with n - 1; absent for a
        single row) of each result, and ``n``, the number of rows (``_n`` if ``n`` is a parameter).
        In order of first appearance. A column that is a parameter in some runs and a result in
        others is both, each with the values of those runs.

    Raises
    ------
    OptionError
        If there is no such column, or a result is no number.
    ParamsError
        If it cannot be told which columns are parameters.

    Examples
    --------
    >>> from psweep_nb import repeat
    >>> study = Study()
    >>> df = study.run(lambda pset: {"b": pset["a"] + pset["_repeat"]}, repeat([{"a": 1}], 3))
    >>> aggregate(study)
       a  b_mean  b_std  n
    0  1     2.0    1.0  3
    """
    if not isinstance(data, pd.DataFrame | Study):
        raise OptionError(f"data is {data!r:.60}; it should be a study or a DataFrame")
    whole = data if isinstance(data, pd.DataFrame) else data.df
    df = _done(whole)
    both: dict[str, np.ndarray[Any, Any]] = {}
    if params is not None:
        names = frames.columns_given(params, "params", df.columns)
        others = _others(data, df, names)
    else:
        by_row = _by_row(data, df if len(df) else whole)
        names = columns_in(whole, by_row)
        both = _results_too(df, names, by_row) if len(df) else {}
        others = []
    given = df[names].assign(**{name: _only(df[name], ~rows) for name, rows in both.items()})
    df = df.assign(**{name: _only(df[name], rows) for name, rows in both.items()})
    equal = _groups(df, given)
    counts = _counting(df, equal, latest)
    groups = np.array(equal if params is None else _groups(df, given, by_hash=False), dtype=int)
    given, df, groups = given[counts], df[counts], groups[counts]
    results = _numbers(df, [*others, *(name for name in names if name not in both)], cols)
    _, first, numbers = np.unique(groups, return_index=True, return_counts=True)
    table = given.iloc[first].reset_index(drop=True)
    grouped = pd.DataFrame(
        {name: df[name].to_numpy("float64", na_value=float("nan")) for name in results},
        index=range(len(df)),
    ).groupby(groups)
    for name in results:
        table[f"{name}_mean"] = grouped[name].mean().to_numpy()
        table[f"{name}_std"] = grouped[name].std().to_numpy()
    table["_n" if "n" in names else "n"] = pd.Series(numbers, dtype="int64")
    return table


def _done(df: pd.DataFrame) -> pd.DataFrame:
    if "_failed" in df or "_pset_id" in df:
        return df[[failed is False for failed in failed_flags(df)]]
    state = tidy_state(df)
    return df[(df[state] == "done").to_numpy(bool)] if state else df


def _by_row(data: Study | pd.DataFrame, df: pd.DataFrame) -> list[frozenset[str]]:
    """What the parameters are called in each row."""
    return params_by_row(data.database, df) if isinstance(data, Study) else parameters_by_row(df)


def _others(data: Study | pd.DataFrame, df: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Parameters that are not to be told apart; none where that is not known."""
    if "_pset_id" not in df:
        return []
    with suppress(ParamsError):
        return [name for name in columns_in(df, _by_row(data, df)) if name not in names]
    return []


def _results_too(
    df: pd.DataFrame, names: Sequence[str], by_row: Sequence[frozenset[str]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Parameters that other runs have as results: in which rows."""
    different = set(by_row)
    found = {
        name: np.array([name not in params for params in by_row], dtype=bool)
        & df[name].notna().to_numpy()
        for name in names
        if not all(name in params for params in different)
    }
    return {name: rows for name, rows in found.items() if rows.any()}


def _only(column: "pd.Series[Any]", rows: np.ndarray[Any, Any]) -> Any:
    """The values of some rows, absent in the others."""
    values = zip(column.tolist(), rows, strict=True)
    return frames.typed([value if there else frames.ABSENT for value, there in values])


def _counting(df: pd.DataFrame, groups: Sequence[int], latest: bool) -> np.ndarray[Any, Any]:
    """Which rows count: those that no newer one of the same repeat replaces."""
    repeats = repeats_of(df)
    origins = df[ORIGIN].tolist() if ORIGIN in df else [None] * len(df)
    counts = newest(df, list(zip(groups, origins, repeats, strict=True)))
    if not latest:  # without its book-keeping a table does not tell one repeat from another
        counts |= np.array([not repeat or "_pset_sha1" not in df for repeat in repeats], dtype=bool)
    return counts


def _groups(df: pd.DataFrame, given: pd.DataFrame, by_hash: bool = True) -> list[int]:
    """A number for each row, the same for equal parameters."""
    is_known = by_hash and "_pset_sha1" in df
    keys: list[Hashable] = df["_pset_sha1"].tolist() if is_known else [None] * len(df)
    without = [place for place, key in enumerate(keys) if not isinstance(key, str)]
    if without:
        names, rows = given.columns, given.iloc[without]
        values = zip(*(rows[name].tolist() for name in names), strict=True) if len(names) else []
        psets = [
            {name: v for name, v in zip(names, row, strict=True) if v is not pd.NA}
            for row in values
        ] or [{} for _ in without]
        for place, digest in zip(without, sha1_digests(psets), strict=True):
            keys[place] = digest.hex() if digest else place  # what has no hash is no other's equal
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _numbers(df: pd.DataFrame, params: Iterable[str], cols: Sequence[str] | None) -> list[str]:
    """The results to sum up."""
    numeric = [name for name in df.columns if pd.api.types.is_numeric_dtype(df[name].dtype)]
    if cols is None:
        return [name for name in numeric if name[:1] != "_" and name not in params]
    wanted = frames.columns_given(cols, "cols", df.columns)
    for name in wanted:
        if name not in numeric:
            raise OptionError(f"the column {name!r} has values that are no numbers: it has no mean")
    return wanted
