"""What a column can be drawn as, and what it takes: numbers, times, categories, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

NUMBER, TIME, CATEGORY, OTHER = "number", "time", "category", "other"

_MISSING = {type(None), type(pd.NA), type(pd.NaT)}
_INTS = (int, np.integer)
_NUMBERS = (int, float, np.integer, np.floating)
_TEXTS = (str, bool, np.bool_, int, float, np.integer, np.floating, type(None), date, PurePath)


@dataclass(frozen=True)
class Kind:
    """How a column can be drawn.

    Attributes
    ----------
    name : str
        `NUMBER`, `TIME`, `CATEGORY`, or `OTHER` for what cannot be drawn.
    cast : str
        The type that its values need once none is missing; empty for none.
    written : str
        ``"str"`` or ``"repr"`` where categories are only comparable as their texts.
    truth : bool
        Whether they are True and False, which may also count as 1 and 0.
    """

    name: str
    cast: str = ""
    written: str = ""
    truth: bool = False


def kind_of(column: pd.Series[Any]) -> Kind:
    """How a column can be drawn.

    Examples
    --------
    >>> kind_of(pd.Series([1, pd.NA, 2], dtype=object))
    Kind(name='number', cast='int64', written='', truth=False)
    >>> kind_of(pd.Series(["a", "b"])).name, kind_of(pd.Series([[1], [2]])).name
    ('category', 'other')
    """
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        inner = kind_of(pd.Series(dtype.categories))
        return Kind(OTHER) if inner.name == OTHER else Kind(CATEGORY, "object", inner.written)
    if pd.api.types.is_object_dtype(dtype):
        return _of_objects(column)
    if isinstance(dtype, pd.StringDtype):
        return Kind(CATEGORY)
    if pd.api.types.is_bool_dtype(dtype):
        return Kind(CATEGORY, "" if isinstance(dtype, np.dtype) else "bool", truth=True)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Kind(TIME)
    if pd.api.types.is_complex_dtype(dtype) or not pd.api.types.is_numeric_dtype(dtype):
        return Kind(OTHER)
    if isinstance(dtype, np.dtype):
        return Kind(NUMBER, "float64" if dtype == np.float16 else "")
    signed = pd.api.types.is_signed_integer_dtype(dtype)
    return Kind(NUMBER, "int64" if signed else "float64")


def _of_objects(column: pd.Series[Any]) -> Kind:
    kinds = set(map(type, column.tolist()))
    none = type(None) in kinds
    kinds -= _MISSING
    if float in kinds and not _all(kinds, _NUMBERS):  # NaN, for absent
        kinds = set(map(type, column.dropna().tolist()))
    if {bool, np.bool_} >= kinds and kinds:
        return Kind(CATEGORY, "bool", truth=True)
    if _all(kinds, _NUMBERS) and not none:
        return _of_numbers(column.dropna(), _all(kinds, _INTS))
    if kinds == {str} and not none:
        return Kind(CATEGORY)
    if all(kind in _TEXTS or issubclass(kind, (date, PurePath)) for kind in kinds):
        # 1 and "1" are two values and look the same.
        several = str in kinds and len(kinds) > 1
        return Kind(CATEGORY, "", "repr" if several else "str")
    return Kind(OTHER)


def _all(kinds: set[type], among: tuple[type, ...]) -> bool:
    return all(issubclass(kind, among) and kind is not bool for kind in kinds)


def _of_numbers(values: pd.Series[Any], whole: bool) -> Kind:
    for cast in ("int64", "float64") if whole and len(values) else ("float64",):
        try:
            values.astype(cast)
        except (OverflowError, TypeError, ValueError):
            continue
        return Kind(NUMBER, cast)
    return Kind(OTHER)  # an integer of thousands of digits


def drawable(df: pd.DataFrame) -> dict[str, Kind]:
    """The columns of a table that can be drawn, in its order; the others are left out.

    Names that are no texts, or belong to several columns, cannot be drawn.
    """
    once = df.columns[~df.columns.duplicated(keep=False)]
    kinds = {name: kind_of(df[name]) for name in once if isinstance(name, str)}
    return {name: kind for name, kind in kinds.items() if kind.name != OTHER}
