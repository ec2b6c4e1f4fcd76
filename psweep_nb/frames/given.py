"""Tables and columns that users give: what is wrong with them is said before anything is done.

Used by psweep's helpers and by what chooses rows or columns.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import pandas as pd

from psweep_nb.errors import OptionError


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
