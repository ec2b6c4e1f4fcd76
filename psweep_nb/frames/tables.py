"""Tables: built from columns, and how new rows join an older table.

`database` calls it for everything that becomes ``database.pk``; nothing here knows of files
or runs.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from psweep_nb.errors import StudyError
from psweep_nb.frames.columns import all_absent, array_of, column_of, join, typed

#: Names of the book-keeping columns, in their order; they come first in a table.
BOOKKEEPING: Final = (
    "_run_id",
    "_pset_id",
    "_run_seq",
    "_pset_seq",
    "_pset_sha1",
    "_calc_dir",
    "_time_utc",
    "_pset_runtime",
    "_exec_host",
    "_failed",
    "_exc_txt",
    "_attempt",
    "_logs",
)


_PANDAS_2: Final = int(pd.__version__.split(".")[0]) < 3

#: What describes one attempt only: an earlier one's must not stay when it is replaced.
_OF_ATTEMPT: Final = ("_exc_txt", "_logs")


def build(
    columns: Mapping[str, Sequence[Any] | np.ndarray[Any, Any] | ExtensionArray],
    time_utc: np.ndarray[Any, Any],
) -> pd.DataFrame:
    """A table from its columns.

    Parameters
    ----------
    columns
        Name to values. Lists become columns as in `typed`; arrays stay as they are and are
        not copied.
    time_utc
        For each row the start in UTC: datetime64 or integers, nanoseconds since 1970.

    Returns
    -------
    DataFrame
        Book-keeping columns first, then the others as given; the times are the column
        ``_time_utc`` (datetime64[ns]) and the index.
    """
    times = _as_times(time_utc)
    arrays: dict[str, Any] = {
        name: typed(values) if isinstance(values, (list, tuple)) else values
        for name, values in columns.items()
    }
    return _frame(arrays, times)


def merge(table: pd.DataFrame, new: pd.DataFrame, results: Collection[str] = ()) -> pd.DataFrame:
    """Add rows to a table, or put them in the place of earlier attempts.

    Rows belong together by ``_pset_id``. A row of `new` replaces one of `table` only if its
    ``_attempt`` is greater, or equal and only the new one has ended (has ``_failed``), so
    that merging the same rows again, or in another order, gives the same table. Everything
    else in `table` stays: the user's own columns and rows, and what was edited by hand.

    Parameters
    ----------
    table
        The table so far. It may be any DataFrame: psweep's (object columns, no attempts),
        re-sorted, with another index, with columns of any type, empty.
    new
        The rows to add, as from `build`.
    results
        Columns that hold results of the rows in `new`. Where a row is replaced, these are
        cleared if `new` lacks them: a result of an earlier attempt would be stale.

    Returns
    -------
    DataFrame
        A new table in ``_pset_seq`` order (rows without one last), its columns in the order of
        `table` and then of `new`, book-keeping columns first. Neither input is changed.

    Raises
    ------
    StudyError
        If two columns have the same name.
    """
    return absorb([table], new, results)


def absorb(
    held: list[pd.DataFrame], new: pd.DataFrame, results: Collection[str] = ()
) -> pd.DataFrame:
    """As `merge`, but the table is taken out of a list of one, and given back column by column.

    So a large table that nobody else holds is never there twice.
    """
    table, new = _tidy(held.pop()), _tidy(new)
    taken, earlier = _match(table, new)
    # Values that go may have been the ones that needed a wider type.
    retype = len(taken) < len(new) or bool((earlier >= 0).any())
    new = new.iloc[taken] if len(taken) < len(new) else new
    rows, kept = _row_order(table, new, earlier)
    cleared = {*results, *_OF_ATTEMPT}
    sizes = len(table), len(new)
    times = np.concatenate([_times(table), _times(new)])
    names = _ordered([*table.columns, *new.columns])
    # Not popped off the frames: of thousands of columns that takes as long for one as for all.
    olds, adds = dict(table.items()), dict(new.items())
    del table, new
    arrays: dict[Any, Any] = {}
    for name in names:
        old = column_of(olds.pop(name)) if name in olds else None
        add = column_of(adds.pop(name)) if name in adds else None
        if name == "_time_utc" or (old is None and name not in BOOKKEEPING and all_absent(add)):
            continue
        # Where `new` does not know a column, replaced rows keep what they have.
        order = kept if add is None and name not in cleared else rows
        arrays[name] = join(old, add, sizes, order, retype)
    return _frame(arrays, times if rows is None else times[rows])


def retyped(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows in the types that tables have, whatever file they were read from.

    Text becomes object, complete nullable columns become plain ones; ``_time_utc``, where there is
    one, becomes times and the index; book-keeping then comes first.
    """
    _check_names(table)
    arrays: dict[Any, Any] = {}
    for name in table.columns:
        column = column_of(table[name])
        # Which type an empty column had, no file tells.
        lost = len(table) > 0 and all_absent(column)
        arrays[name] = typed([pd.NA] * len(table)) if lost else array_of(column)
    if "_time_utc" in arrays:
        return _frame(arrays, _times(table))
    return _as_frame(arrays, table.index)


def changed(
    table: pd.DataFrame, columns: Mapping[str, "pd.Series[Any]"], rows: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """A table with other values in some rows of some columns, new or not.

    Parameters
    ----------
    table
        As from `merge`.
    columns
        Name to new values.
    rows
        Where in the table they belong.
    """
    order = np.arange(len(table))
    order[rows] = len(table) + np.arange(len(rows))
    arrays: dict[Any, Any] = {name: array_of(column_of(table[name])) for name in table.columns}
    for name, values in columns.items():
        old = column_of(table[name]) if name in table else None
        arrays[name] = join(old, column_of(values), (len(table), len(rows)), order, True)
    return _frame(arrays, _times(table))


def snapshot(df: pd.DataFrame) -> pd.DataFrame:
    """A table the caller may write to without reaching `df`.

    Values that can be changed in place (lists, dicts, arrays in object columns) are shared.
    With pandas 3 the data is copied only where somebody writes; keep `df` alive for that long.
    """
    return df.copy(deep=_PANDAS_2)


# -- rows: which are new, which replace others, and where they go


def _match(
    table: pd.DataFrame, new: pd.DataFrame
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows of `new` that count, and for each the row of `table` it replaces or -1."""
    taken = _latest(new)
    earlier = _positions(table, new)[taken]
    found = np.flatnonzero(earlier >= 0)
    if len(found):
        ranks = _ranks(table.iloc[earlier[found]])
        wins = np.ones(len(taken), bool)
        wins[found] = _ranks(new.iloc[taken[found]]) > ranks
        taken, earlier = taken[wins], earlier[wins]
    return taken, earlier


def _ranks(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """What decides between two rows of one pset: the attempt, then whether it has ended."""
    attempt = np.nan_to_num(_numbers(rows, "_attempt"), nan=-1)
    ended = rows["_failed"].notna().to_numpy() if "_failed" in rows else np.zeros(len(rows))
    return np.asarray(2 * attempt + ended)


def _latest(new: pd.DataFrame) -> np.ndarray[Any, Any]:
    """One row for each id: of several attempts the last."""
    ids = _ids(new)
    if len(set(ids)) == len(ids):
        return np.arange(len(ids))
    ranks = _ranks(new)
    best: dict[Any, int] = {}
    for row, pset_id in enumerate(ids):
        if pset_id not in best or ranks[row] > ranks[best[pset_id]]:
            best[pset_id] = row
    return np.array(sorted(best.values()), dtype=np.intp)


def _positions(table: pd.DataFrame, new: pd.DataFrame) -> np.ndarray[Any, Any]:
    """For each row of `new` the row of `table` with the same id, or -1."""
    places = np.full(len(new), -1, dtype=np.intp)
    if not len(table) or not len(new) or "_pset_id" not in table:
        return places
    seqs, new_seqs = _numbers(table, "_pset_seq"), _numbers(new, "_pset_seq")
    ids = _ids(new)
    if np.isfinite(new_seqs).all() and (seqs[1:] > seqs[:-1]).all() and np.isfinite(seqs[-1]):
        # A number belongs to one pset for ever: look there instead of hashing a million ids.
        near = np.searchsorted(seqs, new_seqs)
        hits = np.flatnonzero(seqs[np.minimum(near, len(seqs) - 1)] == new_seqs)
        if _ids(table, near[hits]) == [ids[hit] for hit in hits]:
            places[hits] = near[hits]
            return places
    first: dict[str, int] = {}
    for row, pset_id in enumerate(_ids(table)):
        if isinstance(pset_id, str):
            first.setdefault(pset_id, row)
    places[:] = [first.get(pset_id, -1) for pset_id in ids]
    return places


def _row_order(
    table: pd.DataFrame, new: pd.DataFrame, earlier: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any] | None, np.ndarray[Any, Any] | None]:
    """The result's rows as positions in table + new, and the same with replaced rows kept.

    None stands for all rows as they are, which saves taking every column apart.
    """
    size, total = len(table), len(table) + len(new)
    appended = size + np.flatnonzero(earlier < 0)
    kept = np.concatenate([np.arange(size), appended])
    rows = kept.copy()
    rows[earlier[earlier >= 0]] = size + np.flatnonzero(earlier >= 0)
    seqs = np.concatenate([_numbers(table, "_pset_seq"), _numbers(new, "_pset_seq")])[rows]
    if not (seqs[1:] >= seqs[:-1]).all():
        order = np.argsort(seqs, kind="stable")  # puts NaN last
        return rows[order], kept[order]
    return (None, None) if len(kept) == total else (rows, kept)


def _ids(frame: pd.DataFrame, rows: Any = slice(None)) -> list[Any]:
    ids: list[Any] = frame["_pset_id"].iloc[rows].tolist()
    return ids


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray[Any, Any]:
    """A book-keeping column as numbers, NaN where it has none."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    values: Any = frame[name]
    if values.dtype != np.int64:
        values = pd.to_numeric(values.astype(object), errors="coerce")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


# -- frames


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with every named level of the index as a column."""
    _check_names(frame)
    levels = [name for name in frame.index.names if name is not None and name not in frame]
    if levels:
        frame = frame.reset_index(levels)
    elif "_time_utc" not in frame and isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.assign(_time_utc=frame.index)
    return frame


def _check_names(frame: pd.DataFrame) -> None:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise StudyError(
            f"The table has more than one column {twice!r}. Rename or drop one of them."
        )


def _times(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    if "_time_utc" not in frame:
        return np.full(len(frame), "NaT", dtype="datetime64[ns]")
    times: Any = frame["_time_utc"]
    if not isinstance(times.dtype, np.dtype) or times.dtype.kind != "M":
        # Objects and text of other programs' tables, or times with a zone.
        times = pd.to_datetime(times, errors="coerce", utc=True, format="mixed").dt.tz_convert(None)
    return _as_times(times.to_numpy())


def _as_times(times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(times).astype("datetime64[ns]", copy=False)


def _ordered(names: Iterable[Any]) -> list[Any]:
    given = dict.fromkeys([*names, "_time_utc"])
    first = [name for name in BOOKKEEPING if name in given]
    return [*first, *(name for name in given if name not in BOOKKEEPING)]


def _frame(arrays: Mapping[Any, Any], times: np.ndarray[Any, Any]) -> pd.DataFrame:
    # A copy: writing to the column must not reach the index.
    index = pd.DatetimeIndex(times.copy())
    arrays = {**arrays, "_time_utc": times}
    return _as_frame({name: arrays[name] for name in _ordered(arrays)}, index)


def _as_frame(arrays: Mapping[Any, Any], index: "pd.Index[Any]") -> pd.DataFrame:
    # As a Series of type object, or pandas 3 turns text into its own string type. copy=False
    # leaves each column a block of its own, which also saves the time to put them together.
    data = {
        name: pd.Series(arrays[name], index=index, dtype=object, copy=False)
        if arrays[name].dtype == object
        else arrays[name]
        for name in arrays
    }
    frame = pd.DataFrame(data, index=index, copy=False)
    # So with the names: a table with an index of pandas 3's string type opens only there.
    frame.columns = pd.Index(list(data), dtype=object)
    return frame
