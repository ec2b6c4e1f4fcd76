"""Rows put together: repeats to mean, spread and number, several studies to one table."""

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import OptionError
from psweep_nb.exact import params_of_rows
from psweep_nb.foreign import failed_flags
from psweep_nb.hashing import sha1_digests
from psweep_nb.holders import parameters_in
from psweep_nb.study import Study

ORIGIN = "_study"


def concat(*studies: Study | str | os.PathLike[str]) -> pd.DataFrame:
    """Return the rows of several studies in one table.

    Parameters
    ----------
    *studies : Study or path
        Studies, or their directories.

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
    opened = [study if isinstance(study, Study) else _open(study) for study in studies]
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
) -> pd.DataFrame:
    """Return one row for each set of equal parameters: mean and standard deviation of results.

    Equal is what has the same hash, so repeats are (of `repeat`, of several runs, or of several
    studies); of psets only those count that are done.

    Parameters
    ----------
    data : Study or DataFrame
        A study, or rows of its `df`, or of what `concat` gives. Any other table needs `params`.
    cols : sequence of str, optional
        Results, else all that are numbers (or true and false) throughout.
    params : sequence of str, optional
        The columns that are parameters, where the table does not tell.

    Returns
    -------
    DataFrame
        Parameters, ``<result>_mean`` and ``<result>_std`` (of the sample, with n - 1; absent for a
        single row) of each result, and ``n``, the number of rows (``_n`` if ``n`` is a parameter).
        In order of first appearance.

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
    df = data if isinstance(data, pd.DataFrame) else data.df
    if "_failed" in df or "_pset_id" in df:
        df = df[[failed is False for failed in failed_flags(df)]]
    if params is not None:
        names = frames.columns_given(params, "params", df.columns)
    elif isinstance(data, Study):
        names = params_of_rows(data.database, df)
    else:
        names = parameters_in(df)
    groups = _groups(df, names)
    results = _numbers(df, names, cols)
    first = ~pd.Series(groups).duplicated().to_numpy()
    table = df.loc[first, names].reset_index(drop=True)
    grouped = pd.DataFrame(
        {name: df[name].to_numpy("float64", na_value=float("nan")) for name in results}
    ).groupby(groups, sort=False)
    for name in results:
        table[f"{name}_mean"] = grouped[name].mean().to_numpy()
        table[f"{name}_std"] = grouped[name].std().to_numpy()
    numbers = list(Counter(groups).values())
    table["_n" if "n" in names else "n"] = pd.Series(numbers, dtype="int64")
    return table


def _groups(df: pd.DataFrame, names: Sequence[str]) -> list[int]:
    """A number for each row, the same for equal parameters."""
    keys: list[Hashable] = df["_pset_sha1"].tolist() if "_pset_sha1" in df else [None] * len(df)
    without = [place for place, key in enumerate(keys) if not isinstance(key, str)]
    if without:
        rows = df.iloc[without]
        values = zip(*(rows[name].tolist() for name in names), strict=True) if names else []
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
