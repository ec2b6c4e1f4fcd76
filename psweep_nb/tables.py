"""psweep's helpers for tables: reading and writing files of them, printing, choosing rows.

For people and the command line. A file is written whole or not at all; a pickle is read through
`trust` alone. Which psets a table's rows stand for is in `rowpsets`.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import JournalError, OptionError, PsweepError, TrustError
from psweep_nb.files import path_of, replace_file
from psweep_nb.identity import is_trusted
from psweep_nb.inputs import is_seq
from psweep_nb.trust import read_table

FORMATS = ("pickle", "json", "csv", "parquet")
_ENDINGS = {".json": "json", ".csv": "csv", ".parquet": "parquet"}
OPS = ("and", "or", "xor")


def df_read(
    fn: str | os.PathLike[str], fmt: str | None = None, *, trust: bool = False, **kwds: Any
) -> pd.DataFrame:
    """Read a table from a file.

    Parameters
    ----------
    fn : path
        The file.
    fmt : "pickle", "json", "csv" or "parquet"
        What it is, else what its name ends with (``.csv``), else pickle. Parquet needs
        ``pip install "psweep_nb[parquet]"``.
    trust : bool
        For pickles of unknown origin: make objects of any type, which may run code that somebody
        put into the file. Your own studies' tables need no trust.
    **kwds
        For csv and parquet: given to `pandas.read_csv`, `pandas.read_parquet`.

    Returns
    -------
    DataFrame
        A pickle as it was written. Of the others, what a table of a study is made of: text as
        objects, ``_time_utc`` as times and as the index. JSON and CSV know less than a table:
        absent, None and NaN are all absent, CSV takes text such as ``"01"`` for a number.

    Raises
    ------
    OptionError
        If the arguments are wrong, or the file is not what `fmt` says.
    TrustError
        If a pickle holds what is not harmless.

    Examples
    --------
    >>> df_write(pd.DataFrame({"a": [1, 2]}), "mine.csv")
    >>> df_read("mine.csv")["a"].tolist()
    [1, 2]
    """
    if isinstance(fn, pd.DataFrame):
        raise OptionError("df_read takes a file's name, not a DataFrame: df_read(fn, fmt)")
    path = path_of(fn, "fn")
    fmt = _checked_format(fmt, path, kwds, {"csv", "parquet"})
    try:
        if fmt == "pickle":
            return _read_pickle(path, trust)
        if fmt == "json":
            return _read_json(path)
        read: Callable[..., pd.DataFrame] = getattr(pd, f"read_{fmt}")
        return _without_none(frames.retyped(read(path, dtype_backend="numpy_nullable", **kwds)))
    except ImportError as exc:
        raise _no_parquet() from exc
    except (OSError, TrustError, OptionError):
        raise
    except Exception as exc:  # what each library raises for a file that is something else
        raise OptionError(f"{path} cannot be read as {fmt}: {_first_line(exc)}") from exc


def df_write(
    df: pd.DataFrame, fn: str | os.PathLike[str], fmt: str | None = None, **kwds: Any
) -> None:
    """Write a table to a file; an older one is replaced at once and whole.

    Parameters
    ----------
    df : DataFrame
        The table.
    fn : path
        The file.
    fmt : "pickle", "json", "csv" or "parquet"
        See `df_read`. Only pickle keeps every value; parquet keeps those of columns that hold
        one type each.
    **kwds
        For json given to `df_to_json`, for csv and parquet to ``df.to_csv`` and ``df.to_parquet``.

    Raises
    ------
    OptionError
        If the arguments are wrong, or the format cannot hold a value. Nothing is written then.

    Examples
    --------
    >>> df_write(pd.DataFrame({"a": [1, 2]}), "mine.pk")
    >>> df_write("mine.pk", pd.DataFrame({"a": [1, 2]}))
    Traceback (most recent call last):
    psweep_nb.errors.OptionError: df_write takes the DataFrame first: df_write(df, fn, fmt)
    """
    if isinstance(fn, pd.DataFrame) and not isinstance(df, pd.DataFrame):
        raise OptionError("df_write takes the DataFrame first: df_write(df, fn, fmt)")
    frames.check_frame(df)
    path = path_of(fn, "fn")
    fmt = _checked_format(fmt, path, kwds, {"json", "csv", "parquet"})
    if not path.parent.is_dir():
        raise OptionError(f"there is no directory {path.parent} to write {path.name} into")
    try:
        replace_file(path, lambda file: _WRITERS[fmt](df, file, kwds))
    except ImportError as exc:
        raise _no_parquet() from exc
    except (OSError, OptionError):
        raise
    except Exception as exc:
        text = f"the table cannot be written as {fmt}: {_first_line(exc)}"
        hint = "" if fmt == "pickle" else "; pickle keeps every value"
        raise OptionError(text + hint) from exc


def df_to_json(df: pd.DataFrame, **kwds: Any) -> str:
    """Return a table as JSON text: as ``df.to_json`` does, with psweep's defaults.

    Parameters
    ----------
    df : DataFrame
        The table.
    **kwds
        Given to ``df.to_json``; by default one object a row (``orient="records"``), times in ISO
        format to the second, numbers with 15 digits, and the text of what json cannot write.

    Examples
    --------
    >>> df_to_json(pd.DataFrame({"a": [1, 2]}))
    '[{"a":1},{"a":2}]'
    """
    frames.check_frame(df)
    defaults: dict[str, Any] = {
        "orient": "records",
        "date_format": "iso",
        "date_unit": "s",
        "double_precision": 15,
        "default_handler": str,
    }
    try:
        return str(df.to_json(**{**defaults, **kwds}))
    except (TypeError, ValueError) as exc:
        raise OptionError(f"the table cannot be written as json: {_first_line(exc)}") from exc


def df_print(
    df: pd.DataFrame,
    index: bool = False,
    prefix_cols: bool = False,
    cols: Sequence[str] = (),
    skip_cols: Sequence[str] = (),
) -> None:
    """Print a table, its columns in alphabetical order and without book-keeping.

    Parameters
    ----------
    df : DataFrame
        The table.
    index : bool
        Print the index, too.
    prefix_cols : bool
        Print book-keeping columns (leading underscore), too.
    cols, skip_cols : sequence of str
        Print only these columns, or all but these.

    Raises
    ------
    OptionError
        If `cols` and `skip_cols` are both given, or there is no such column.

    Examples
    --------
    >>> df_print(pd.DataFrame({"b": [1.5, 2.0], "_run_seq": [0, 0], "a": [1, 2]}))
    a   b
    1 1.5
    2 2.0
    """
    frames.check_frame(df)
    cols = frames.columns_given(cols, "cols", df.columns)
    skip_cols = frames.columns_given(skip_cols, "skip_cols", df.columns)
    if cols and skip_cols:
        raise OptionError("cols and skip_cols are both given; give one of them")
    shown = [
        name
        for name in df.columns
        if (name in cols if cols else name not in skip_cols)
        or (prefix_cols and is_bookkeeping(name))
    ]
    if not cols and not prefix_cols:
        shown = [name for name in shown if not is_bookkeeping(name)]
    print(df[sorted(shown, key=str)].to_string(index=index))


def df_filter_conds(df: pd.DataFrame, conds: Sequence[Any], op: str = "and") -> pd.DataFrame:
    """Return the rows for which conditions hold, given as a list.

    Parameters
    ----------
    df : DataFrame
        The table.
    conds : sequence of bool masks
        Series, arrays or lists, each as long as `df`; an absent value counts as False. No
        conditions are no limit.
    op : "and", "or" or "xor"
        What joins them.

    Raises
    ------
    OptionError
        If a mask has another length or index than `df`, or holds something else than truth values.

    Examples
    --------
    >>> df = pd.DataFrame({"a": range(6)})
    >>> df_filter_conds(df, [df.a > 1, df.a % 2 == 0])["a"].tolist()
    [2, 4]
    """
    if op not in OPS:
        raise OptionError(f"op is {op!r}; it should be one of {OPS}")
    frames.check_frame(df)
    if not is_seq(conds, dict, pd.DataFrame):
        raise OptionError(
            f"conds is a {type(conds).__name__}; it should be a list: [df.a > 1, df.b < 5]"
        )
    masks = [mask_of(df, cond, f"condition {i}") for i, cond in enumerate(conds)]
    if not masks:
        return df.copy()
    chosen: pd.DataFrame = df[getattr(np, f"logical_{op}").reduce(masks)]
    return chosen


def mask_of(df: pd.DataFrame, cond: Any, what: str) -> np.ndarray:
    """Return a condition on the rows of `df` as an array of bool; `OptionError` if it is none."""
    if isinstance(cond, pd.DataFrame) and cond.shape[1] == 1:
        cond = cond.iloc[:, 0]
    if isinstance(cond, pd.Series) and not cond.index.equals(df.index):
        raise OptionError(
            f"{what} is about other rows: its index is not the table's. Make it from this "
            "table, or give its values (.to_numpy()) if it is meant by position"
        )
    try:
        values = list(cond)
    except TypeError:
        raise OptionError(f"{what} is {cond!r}; it should be one truth value a row") from None
    if len(values) != len(df):
        raise OptionError(f"{what} has {len(values)} values; the table has {len(df)} rows")
    for value in values:
        if not (isinstance(value, bool | np.bool_) or value is pd.NA):
            raise OptionError(f"{what} holds {value!r}; it should hold True and False")
    return np.array([value is not pd.NA and bool(value) for value in values], dtype=bool)


def is_bookkeeping(name: object) -> bool:
    """Whether a column is psweep_nb's: its name begins with an underscore."""
    return str(name).startswith("_")


def _checked_format(
    fmt: str | None, path: Path, kwds: dict[str, Any], with_options: set[str]
) -> str:
    if fmt is None:
        fmt = _ENDINGS.get(path.suffix.lower(), "pickle")
    if fmt not in FORMATS:
        raise OptionError(f"fmt is {fmt!r}; it should be one of {FORMATS}")
    if kwds and fmt not in with_options:
        raise OptionError(f"{', '.join(map(repr, kwds))}: {fmt} takes no further options here")
    return fmt


def _read_pickle(path: Path, trust: bool) -> pd.DataFrame:
    # A study's own table is as trusted as the study; anything else may come from anywhere.
    try:
        known = path.exists() and is_trusted(path.absolute().parent, False, path.name)
    except (OSError, JournalError):  # somebody else's study, or a damaged one: the table may do
        known = False
    return read_table(path, trust or known)


def _read_json(path: Path) -> pd.DataFrame:
    # Not pandas.read_json: that takes text for numbers and dates wherever it can.
    rows = json.loads(path.read_bytes(), object_pairs_hook=_each_once)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected a list of objects, one a row (orient='records')")
    cells = [{k: frames.ABSENT if v is None else v for k, v in row.items()} for row in rows]
    values = {name: frames.typed(v) for name, v in frames.columns_of(cells).items()}
    # With their types named: pandas 3 would make its own of text.
    columns = {name: pd.Series(v, dtype=v.dtype) for name, v in values.items()}
    return frames.retyped(pd.DataFrame(columns, index=range(len(rows))))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice!r} comes twice in one row")
    return found


def _without_none(table: pd.DataFrame) -> pd.DataFrame:
    """In columns of objects parquet gives None for what is absent."""
    for name in table.select_dtypes(object).columns:
        column = table[name]
        values = [pd.NA if value is None else value for value in column.tolist()]
        table[name] = pd.Series(values, column.index, dtype=object)
    return table


def _write_parquet(df: pd.DataFrame, file: BinaryIO, kwds: dict[str, Any]) -> None:
    df.to_parquet(file, **kwds)


def _write_csv(df: pd.DataFrame, file: BinaryIO, kwds: dict[str, Any]) -> None:
    file.write(df.to_csv(**{"index": False, **kwds}).encode())


def _write_json(df: pd.DataFrame, file: BinaryIO, kwds: dict[str, Any]) -> None:
    file.write(df_to_json(df, **kwds).encode() + b"\n")


def _write_pickle(df: pd.DataFrame, file: BinaryIO, _kwds: dict[str, Any]) -> None:
    frames.dump(df, file)


_WRITERS: dict[str, Callable[[pd.DataFrame, BinaryIO, dict[str, Any]], None]] = {
    "pickle": _write_pickle,
    "json": _write_json,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _no_parquet() -> OptionError:
    return OptionError('parquet needs pyarrow: pip install "psweep_nb[parquet]"')


def _first_line(exc: Exception) -> str:
    kind = "" if isinstance(exc, PsweepError) else f"{type(exc).__name__}: "
    return f"{kind}{exc}".splitlines()[0]
