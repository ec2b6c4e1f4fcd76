"""Psets in CSV files: what people's spreadsheets and pandas' ``to_csv`` write.

Called by `holders` for a path given as params. The types are those that pandas infers, but text
stays text: cells such as ``NA`` or ``None`` are absent beside numbers only.
"""

import csv
import warnings
from collections import Counter
from typing import Any

import pandas as pd

from psweep_nb.errors import ParamsError

_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: str) -> pd.DataFrame:
    """Read a file with one pset a line and the parameters' names in the first.

    Empty cells are absent (``pandas.NA``); lines of nothing else are passed over.

    Raises
    ------
    ParamsError
        If there is no such file, or something else is in it.
    """
    try:
        names = _names(path)
        # Of longer lines than the first pandas would else take the first column for an index.
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            table = _read(path, dtype_backend="numpy_nullable")
            texts = _read(path, dtype=str, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise ParamsError(f"there is no file {path!r} to read psets from") from None
    except ParamsError:
        raise
    except pd.errors.ParserWarning:
        raise ParamsError(
            f"{path!r}: a line has more values than there are names in the first one (text with "
            "commas needs quotes)"
        ) from None
    except (OSError, ValueError, csv.Error) as exc:
        raise ParamsError(  # pandas' own errors are ValueErrors
            f"{path!r} cannot be read as CSV with one pset a line, names in the first: {exc}"
        ) from exc
    for place, kind in enumerate(table.dtypes):
        if isinstance(kind, pd.StringDtype) or table.iloc[:, place].isna().all():
            table.isetitem(place, texts.iloc[:, place].astype("string").array)
    table.columns = pd.Index(names)
    _check_comments(path, table)
    return _without_nameless(path, table)


def _read(path: str, **how: Any) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_csv(path, skipinitialspace=True, index_col=False, **how)
    return table


def _names(path: str) -> list[str]:
    """The names in the first line, which pandas would change where one comes twice."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, skipinitialspace=True, strict=True)
        names = [name.strip() for name in next((line for line in lines if line), [])]
    if names and names[0].startswith("#"):
        raise ParamsError(
            f"{path!r} begins with a comment; the first line should be the parameters' names, and "
            'no line a comment. Or read it yourself: pandas.read_csv(path, comment="#")'
        )
    found = [sep for sep in _OTHERS if len(names) == 1 and sep in names[0]]
    if found:
        raise ParamsError(
            f"{path!r} has {_OTHERS[found[0]]} between names; commas are expected. Or read it "
            f"yourself: pandas.read_csv(path, sep={found[0]!r})"
        )
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    twice = [name for name in twice if not name.startswith("_")]  # a study's: index and column
    if twice:
        raise ParamsError(f"{path!r} has more than one column {twice[0]!r}; rename one")
    return names


def _check_comments(path: str, table: pd.DataFrame) -> None:
    for number, cell in enumerate(table.iloc[:, 0].tolist() if len(table.columns) else []):
        alone = len(table.columns) > 1 and table.iloc[number, 1:].isna().all()
        if isinstance(cell, str) and cell.startswith("#") and (alone or cell[1:2].isspace()):
            raise ParamsError(
                f"{path!r}: pset {number} (counting from 0) looks like a comment: {cell!r:.60}. "
                'Remove it, or read the file yourself: pandas.read_csv(path, comment="#")'
            )


def _without_nameless(path: str, table: pd.DataFrame) -> pd.DataFrame:
    """Without what has no name: the index that ``to_csv`` wrote, columns without a value."""
    keep = []
    for place, name in enumerate(table.columns):
        if name:
            keep.append(place)
        elif place and not table.iloc[:, place].isna().all():
            raise ParamsError(f"{path!r}: column {place + 1} has values and no name; name it")
    return table.iloc[:, keep].dropna(how="all")
