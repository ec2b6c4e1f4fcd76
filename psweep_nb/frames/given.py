"""Tables and columns that users give: what is wrong with them is said before anything is done.

Used by psweep's helpers and by what chooses rows or columns.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.frames.tables import merge


def check_frame(df: object) -> None:
    """Raise `OptionError` if this is no DataFrame."""
    if not isinstance(df, pd.DataFrame):
        raise OptionError(f"df is a {type(df).__name__}; it should be a DataFrame")


def columns_given(names: Any, what: str, known: Iterable[Any]) -> list[Any]:
    """Return columns as a list.

    Raises
    ------
    OptionError
        If `names` is no list, or one is not among the `known`; `what` is what it is called.
    """
    try:
        found = None if isinstance(names, str) else list(names)
    except TypeError:
        found = None
    if found is None:
        raise OptionError(
            f'{what} is {names!r:.100}; it should be a list of columns, such as ["a", "b"]'
        )
    there = list(known)
    for name in found:
        check_column(name, there)
    return found


def check_column(name: Any, known: Iterable[Any]) -> None:
    """Raise `OptionError` if there is no such column; book-keeping is listed if it may be meant."""
    there = list(known)
    if isinstance(name, Hashable) and name in there:
        return
    meant = isinstance(name, str) and name.startswith("_")
    listed = ", ".join(str(c) for c in there if meant or not str(c).startswith("_"))
    raise OptionError(f"there is no column {name!r:.100}; there are {listed or 'none yet'}")


def joined(table: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return a table that a user gives, with the rows that only the study's `own` has.

    Rows without an id, which users add by hand, cannot be told apart: `table`'s count if it has
    any.
    """
    check_frame(table)
    if not len(own):
        return table.copy()  # the user's own may change
    ids = own["_pset_id"].tolist() if "_pset_id" in own else [None] * len(own)
    if all(map(_is_id, ids)):
        return merge(table, own)
    if "_pset_id" not in table or not all(map(_is_id, table["_pset_id"])):
        return merge(table, own[[_is_id(found) for found in ids]])
    for_now = [found if _is_id(found) else f"\0{row}" for row, found in enumerate(ids)]
    whole = merge(table, own.assign(_pset_id=pd.Series(for_now, own.index, object)))
    ids = [pd.NA if found.startswith("\0") else found for found in whole["_pset_id"]]
    return whole.assign(_pset_id=pd.Series(ids, whole.index, object))


def _is_id(value: object) -> bool:
    return isinstance(value, str)
