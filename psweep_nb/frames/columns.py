"""One column: the type its values have in a table, and how columns are joined.

Owns DESIGN's types: complete columns are int64, float64 or bool; with absent values Int64,
Float64 (whose mask keeps NaN apart from absent) or boolean; everything else is object, where
absent is ``pandas.NA`` and None is None. A value read back equals the value put in: integers
join floats only where float64 holds them exactly, and bools join no numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, take
from pandas.arrays import BooleanArray, FloatingArray, IntegerArray


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"


#: Stands for "this row has no such column"; None is a value like any other.
ABSENT: Final = _Absent()

_MISSING: Final = frozenset({_Absent, type(pd.NA)})
_EXACT: Final = 2**53  # up to here float64 holds every integer


def columns_of(dicts: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns.

    Parameters
    ----------
    dicts
        One dict for each row.

    Returns
    -------
    dict of list
        For each key, in the order of first appearance, one value for each row: `ABSENT` where
        the row has no such key.

    Examples
    --------
    >>> columns_of([{"a": 1}, {"a": 2, "b": None}])
    {'a': [1, 2], 'b': [ABSENT, None]}
    """
    if not dicts:
        return {}
    names = list(dicts[0])
    if sum(map(len, dicts)) == len(dicts) * len(names):
        try:
            return {name: list(map(itemgetter(name), dicts)) for name in names}
        except KeyError:
            pass  # as many keys in every row, but not the same ones
    names = list(dict.fromkeys(chain.from_iterable(dicts)))
    return {name: [row.get(name, ABSENT) for row in dicts] for name in names}


def typed(values: Sequence[Any]) -> np.ndarray[Any, Any] | ExtensionArray:
    """The values of one column in the type that holds them exactly.

    Parameters
    ----------
    values
        Python values. NumPy scalars count as their Python values where nothing is lost (not
        longdouble, times and complex numbers); `ABSENT` and ``pandas.NA`` are absent.

    Returns
    -------
    numpy.ndarray or ExtensionArray
        Of type bool, int64, float64, boolean, Int64, Float64 or object.

    Examples
    --------
    >>> typed([1, 2.5])
    array([1. , 2.5])
    >>> typed([1, ABSENT])
    <IntegerArray>
    [1, <NA>]
    Length: 2, dtype: Int64
    >>> typed([True, 1])
    array([True, 1], dtype=object)
    """
    return array_of(_typed(values))


class Column(NamedTuple):
    """Values by kind: "b" bool, "i" int64, "f" float64, "o" object, "x" any other pandas type.

    `mask` is True where a value is absent; only the first three kinds have one.
    """

    kind: str
    values: Any
    mask: np.ndarray[Any, np.dtype[np.bool_]] | None = None


_DTYPES: Final[dict[str, Any]] = {"b": np.bool_, "i": np.int64, "f": np.float64, "o": object}
_MASKED: Final[dict[str, Any]] = {"b": BooleanArray, "i": IntegerArray, "f": FloatingArray}


def _typed(values: Sequence[Any]) -> Column:
    kinds = set(map(type, values))
    scalars = {kind for kind in kinds if issubclass(kind, np.generic) and _is_lossless(kind)}
    if scalars:
        values = [value.item() if type(value) in scalars else value for value in values]
        kinds = set(map(type, values))
    mask = None
    missing = kinds & _MISSING
    kinds -= missing
    kind = _kind(kinds)
    if missing:
        mask = np.fromiter((type(value) in _MISSING for value in values), bool, len(values))
        fill = pd.NA if kind == "o" else 0
        values = [fill if type(value) in _MISSING else value for value in values]
    if kind == "f" and int in kinds and not _exact(v for v in values if type(v) is int):
        kind = "o"
    if kind != "o":
        try:
            return Column(kind, np.array(values, dtype=_DTYPES[kind]), mask)
        except OverflowError:  # an integer beyond int64
            kind = "o"
    if mask is not None:
        values = [pd.NA if absent else v for v, absent in zip(values, mask, strict=True)]
    # Not np.array: that would take lists of equal length for a second dimension.
    return Column("o", np.fromiter(values, dtype=object, count=len(values)))


def _is_lossless(kind: type) -> bool:
    """Whether scalars of this NumPy type have an equal Python value."""
    lossy = (np.longdouble, np.timedelta64)  # a timedelta64 is an integer to NumPy
    return issubclass(kind, (np.bool_, np.integer, np.floating)) and not issubclass(kind, lossy)


def _kind(kinds: set[type]) -> str:
    if kinds == {bool}:
        return "b"
    if kinds == {int}:
        return "i"
    return "f" if kinds in ({float}, {float, int}) else "o"


def _exact(integers: Iterable[int]) -> bool:
    """Whether float64 holds all these integers."""
    try:
        return all(-_EXACT <= n <= _EXACT or int(float(n)) == n for n in integers)
    except OverflowError:
        return False


def column_of(series: "pd.Series[Any]") -> Column:
    """The column of a table, which may have any type pandas knows."""
    array: Any = series.array
    if isinstance(array, (BooleanArray, IntegerArray, FloatingArray)):
        mask = array.isna()
        plain = array.to_numpy(dtype=cast(Any, array.dtype).numpy_dtype, na_value=0)
        column = _plain_column(plain)
        if column.kind == "o":
            column.values[mask] = pd.NA
            return column
        return Column(column.kind, column.values, mask if mask.any() else None)
    if isinstance(series.dtype, pd.StringDtype):  # what pandas 3 makes of a user's own text
        return _objects(Column("x", array))
    if isinstance(series.dtype, ExtensionDtype) or series.dtype.kind in "mM":
        return Column("x", array)
    return _plain_column(series.to_numpy())


def _plain_column(values: np.ndarray[Any, Any]) -> Column:
    kind = {"u": "i"}.get(values.dtype.kind, values.dtype.kind)
    fits = values.dtype != np.uint64 or not len(values) or values.max() <= np.iinfo(np.int64).max
    if kind in "bif" and values.dtype.itemsize <= 8 and fits:
        return Column(kind, values.astype(_DTYPES[kind], copy=False))
    return Column("o", values.astype(object, copy=False))


def array_of(column: Column) -> "np.ndarray[Any, Any] | ExtensionArray":
    """The values as pandas is to store them."""
    array: np.ndarray[Any, Any] | ExtensionArray = column.values
    if column.mask is not None and column.mask.any():
        array = _MASKED[column.kind](column.values, column.mask)
    return array


def _objects(column: Column) -> Column:
    if column.kind == "o":
        return column
    if column.kind == "x":
        values = np.array(column.values.astype(object), dtype=object)
        values[column.values.isna()] = pd.NA
    else:
        values = column.values.astype(object)
        if column.mask is not None:
            values[column.mask] = pd.NA
    return Column("o", values)


def _absent(like: Column, size: int) -> Column:
    """Nothing but absent values, in a column that joins `like` as it is."""
    if like.kind == "x":
        nowhere = np.full(size, -1)
        return Column("x", take(like.values, nowhere, allow_fill=True))
    if like.kind == "o":
        return Column("o", np.full(size, pd.NA, dtype=object))
    return Column(like.kind, np.zeros(size, _DTYPES[like.kind]), np.ones(size, bool))


def all_absent(column: Column | None) -> bool:
    if column is None:
        return True
    if column.kind == "o":
        return all(type(value) in _MISSING for value in column.values)
    return not len(column.values) or (column.mask is not None and bool(column.mask.all()))


def join(
    old: Column | None,
    new: Column | None,
    sizes: tuple[int, int],
    order: np.ndarray[Any, Any] | None,
    retype: bool,
) -> Any:
    """Old and new values in a row, in the given order, in the type that holds them exactly.

    None stands for a column that one side lacks; `retype` says that values were replaced, so
    that the others may fit a simpler type.
    """
    if old is None or new is None:
        known = old or new
        assert known is not None
        old, new = old or _absent(known, sizes[0]), new or _absent(known, sizes[1])
    retype = (retype or old.kind != new.kind) and len(new.values) > 0
    old, new = _same_kind(old, new)
    if old.kind == "x":
        joined: Any = pd.concat([pd.Series(old.values), pd.Series(new.values)]).array
        return joined if order is None else joined.take(order)
    values = np.concatenate([old.values, new.values])
    mask = None
    if old.mask is not None or new.mask is not None:
        masks = [np.zeros(len(c.values), bool) if c.mask is None else c.mask for c in (old, new)]
        mask = np.concatenate(masks)
    if order is not None:
        values = values[order]
        mask = None if mask is None else mask[order]
    if old.kind == "o" and retype and _may_be_numbers(values):
        return array_of(_typed(values.tolist()))
    return array_of(Column(old.kind, values, mask))


def _may_be_numbers(values: np.ndarray[Any, Any]) -> bool:
    """Whether a type other than object may hold these values."""
    if not len(values) or isinstance(values[0], str):  # most columns of objects are text
        return False
    kinds = set(map(type, values.tolist())) - _MISSING
    return bool(kinds) and all(
        kind in (bool, int, float) or issubclass(kind, np.generic) for kind in kinds
    )


def _same_kind(old: Column, new: Column) -> tuple[Column, Column]:
    if old.kind == new.kind and (old.kind != "x" or old.values.dtype == new.values.dtype):
        return old, new
    if all_absent(new):
        return old, _absent(old, len(new.values))
    if all_absent(old):
        return _absent(new, len(old.values)), new
    if {old.kind, new.kind} == {"i", "f"}:
        integers = old if old.kind == "i" else new
        beyond = np.abs(integers.values.astype(np.float64)) >= _EXACT
        if _exact(map(int, integers.values[beyond])):
            return _floats(old), _floats(new)
    return _objects(old), _objects(new)


def _floats(column: Column) -> Column:
    return Column("f", column.values.astype(np.float64, copy=False), column.mask)
