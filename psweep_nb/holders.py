"""What holds psets without being a list of them: a DataFrame, a CSV file, a study, a run.

Called by `psets` and `params`, for whatever is given as params. pandas is loaded only where there
is a table: workers import this module.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.errors import JournalError, ParamsError
from psweep_nb.hashing import ALLOWED_KEYS
from psweep_nb.rundir import RunDir

if TYPE_CHECKING:
    import pandas as pd


def psets_in(value: Any) -> Any:
    """The psets that `value` holds, as a list; `value` itself where it is none of these things.

    A DataFrame
        One pset a row; the index does not count. Columns with a leading underscore are left out
        (but ``_repeat``, ``_seed``, ``_vary``), and results where the table is that of a study.
        Absent values (``pandas.NA``) leave the key out, NaN is a value. NumPy's numbers become
        plain ones.
    The path of a CSV file
        See `csvfiles`.
    A study, a run
        What their method ``params()`` gives.

    Raises
    ------
    ParamsError
        If the file cannot be read, or a table does not say what its parameters are.
    """
    if isinstance(value, str | os.PathLike):
        return _psets_in_file(value)
    pandas = sys.modules.get("pandas")  # nobody has a DataFrame where it was never imported
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return psets_in_table(value)
    has_psets = getattr(type(value), "params", None)
    return value.params() if callable(has_psets) else value


def _psets_in_file(path: "str | os.PathLike[str]") -> Any:
    where = os.fspath(path)
    if not isinstance(where, str) or not where.lower().endswith(".csv"):
        return path
    from psweep_nb.csvfiles import read_csv

    return psets_in_table(read_csv(where))


def psets_in_table(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The psets of a DataFrame, see `psets_in`."""
    _check_not_tidy(table)
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ParamsError(f"the table has more than one column {twice!r}; rename one")
    names = [
        name
        for name in table.columns
        if not isinstance(name, str) or not name.startswith("_") or name in ALLOWED_KEYS
    ]
    if len(table) and not names:
        raise ParamsError(
            "the table has no parameters; its columns are "
            + (", ".join(map(repr, table.columns)) or "none")
        )
    absent = _Absent
    columns = {name: _values(table[name]) for name in names}
    psets = [
        {name: value for name, value in zip(columns, row, strict=True) if value is not absent}
        for row in zip(*columns.values(), strict=True)
    ]
    return _without_results(table, psets)


def _check_not_tidy(table: "pd.DataFrame") -> None:
    """What `Study.table` gives has lost which columns were parameters."""
    if name := tidy_state(table):
        raise ParamsError(
            f"by its column {name!r} the table comes from study.table(), with results: give the "
            'study itself or study.params(), or choose the parameters: table[["a", "b"]]'
        )


def tidy_state(table: "pd.DataFrame") -> str:
    """The column of states, of a table that comes from `Study.table`; empty for any other."""
    name = "_state" if "_state" in table else "state"
    if name not in table or "_pset_id" in table or not len(table):
        return ""
    states = {"done", "failed", "prepared"}
    return name if states.issuperset(map(str, table[name].tolist())) else ""


class _Absent:
    """Stands for an absent value."""


def _values(column: "pd.Series[Any]") -> list[Any]:
    import pandas as pd

    # Where NaN is how the type writes "absent".
    nan_is_absent = isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype)
    return [
        _Absent if value is pd.NA or (nan_is_absent and value != value) else _plain(value)
        for value in column.tolist()
    ]


def _plain(value: Any) -> Any:
    import numpy as np

    is_plain = isinstance(value, np.generic) and value.dtype.kind in "biufcSU"
    return value.item() if is_plain else value


def _without_results(table: "pd.DataFrame", psets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave results out of rows that runs have written: ours, then psweep's."""
    if "_pset_id" not in table:
        return psets
    if "_attempt" not in table or "_run_id" not in table:
        return [_by_convention(pset) for pset in psets]
    given = table["_calc_dir"].tolist() if "_calc_dir" in table else [None] * len(table)
    rows = zip(psets, given, table["_run_id"].tolist(), table["_attempt"].isna(), strict=True)
    names_of = cache(_parameters_of_run)
    found: list[dict[str, Any] | None] = []
    for pset, folder, run_id, foreign in rows:
        names = names_of(folder, run_id)
        known = None if names is None else {k: v for k, v in pset.items() if k in names}
        found.append(_by_convention(pset) if foreign else known)
    unknown = [place for place, pset in enumerate(found) if pset is None]
    for place, pset in zip(unknown, _by_hash(table.iloc[unknown]) if unknown else [], strict=True):
        found[place] = pset
    return [pset for pset in found if pset is not None]


def parameters_by_row(table: "pd.DataFrame") -> list[frozenset[str]]:
    """What the parameters are called in each row of a study's table, by its run.

    Raises
    ------
    ParamsError
        As `psets_in`.
    """
    _check_not_tidy(table)
    found: list[frozenset[str] | None] = [None] * len(table)
    if {"_run_id", "_calc_dir", "_attempt"} <= set(table.columns):
        keys = list(zip(table["_calc_dir"].tolist(), table["_run_id"].tolist(), strict=True))
        known = {key: _parameters_of_run(*key) for key in dict.fromkeys(keys)}
        found = [known[key] for key in keys]
    return with_unknown(table, found, psets_in_table)


def with_unknown(
    table: "pd.DataFrame",
    found: Sequence[frozenset[str] | None],
    psets_of: Callable[["pd.DataFrame"], Iterable[Mapping[str, Any]]],
) -> list[frozenset[str]]:
    """Names of parameters a row; rows of which no run tells have those that any of them has."""
    unknown = table[[names is None for names in found]]
    rest = frozenset[str]().union(*psets_of(unknown)) if len(unknown) else frozenset[str]()
    return [rest if names is None else names for names in found]


def columns_in(table: "pd.DataFrame", names_by_row: Iterable[frozenset[str]]) -> list[str]:
    """The columns that are parameters in any row, in the table's order."""
    names = frozenset[str]().union(*set(names_by_row))
    return [name for name in table.columns if name in names and not name.startswith("_")]


def _by_convention(pset: dict[str, Any]) -> dict[str, Any]:
    """Psweep's rules: a trailing underscore marks a result; what is absent is None or NaN."""
    return {
        name: value
        for name, value in pset.items()
        if not (name.endswith("_") or value is None or (isinstance(value, float) and isnan(value)))
    }


def _parameters_of_run(calc_dir: Any, run_id: Any) -> frozenset[str] | None:
    """What the run says, where it is to be found."""
    if not isinstance(calc_dir, str) or not isinstance(run_id, str):
        return None
    try:
        return frozenset(RunDir(Path(calc_dir) / ".psweep" / run_id).info["params"])
    except JournalError:
        return None


def _by_hash(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The choice of columns that the rows' hashes confirm."""
    from psweep_nb.rowpsets import df_extract_params

    try:
        with warnings.catch_warnings(action="error", category=UserWarning):
            psets = df_extract_params(table)
    except UserWarning:
        raise ParamsError(
            "which columns of the table are parameters, and which are results? Their runs are not "
            'there to say, nor do the hashes. Choose the parameters: df[["a", "b"]]'
        ) from None
    return [{name: _plain(value) for name, value in pset.items()} for pset in psets]
