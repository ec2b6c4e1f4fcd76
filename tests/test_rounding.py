"""Psets that differ by rounding only: all of them are found, and nothing else."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.rounding import near_duplicates

floats = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


def test_each_other_and_known_ones() -> None:
    params: list[dict[str, Any]] = [{"a": 0.3}, {"a": 0.1 + 0.2}, {"a": 0.5}, {"a": 0.30001}]
    (near,) = near_duplicates(params, range(4))
    assert str(near) == "pset 1 and pset 0: a=0.30000000000000004, there 0.3"
    first, second = near_duplicates(params, [1, 2], known=[{"a": 0.3}, {"a": 0.5 + 1e-16}])
    assert (first.number, first.other, first.differs) == (1, None, {"a": (0.1 + 0.2, 0.3)})
    assert str(second) == "pset 2 and one with a row: a=0.5, there 0.5000000000000001"


def test_only_psets_that_are_equal_otherwise() -> None:
    known = [{"a": 0.3, "b": 1, "c": "x"}]
    assert len(near_duplicates([{"a": 0.1 + 0.2, "b": 1, "c": "x"}], [0], known)) == 1
    for other in ({"b": 2, "c": "x"}, {"b": 1, "c": "y"}, {"b": 1}, {"b": 1, "c": "x", "d": 0}):
        assert not near_duplicates([{"a": 0.1 + 0.2, **other}], [0], known)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (1, 1.0, True),
        (1, np.float64(1), True),
        (1.0, np.float32(1), False),
        (1, np.int64(1), False),
        (0.1, np.float32(0.1), False),
        (1, True, False),
        (0.5, Decimal("0.5"), False),
        (math.inf, 1e308, False),
        (math.nan, math.nan, False),
        (0.0, -0.0, False),
        (10**400, 1.0, False),
        (0.3, None, False),
        ("0.3", 0.3, False),
        (np.array([1.0]), 1.0, False),
    ],
)
def test_what_is_the_same_number(one: Any, other: Any, near: bool) -> None:
    assert bool(near_duplicates([{"a": other}], [0], [{"a": one}])) is near
    assert bool(near_duplicates([{"a": one}, {"a": other}], [0, 1])) is near


def test_repeats_are_no_duplicates() -> None:
    params = [{"a": 0.3, "_repeat": 0, "_seed": 1}, {"a": 0.1 + 0.2, "_repeat": 1, "_seed": 2}]
    assert not near_duplicates(params, [0, 1])


@given(floats, st.integers(0, 20), floats)
def test_a_value_some_roundings_away_is_found(value: float, steps: int, other: float) -> None:
    near = value
    for _ in range(steps):
        near = math.nextafter(near, math.inf)
    found = near_duplicates([{"a": near, "b": other}], [0], [{"a": value, "b": other}])
    normal = abs(near) > 1e-300 and math.isfinite(near)
    if normal or near == value:
        assert len(found) == (near != value)


@given(st.lists(st.integers(-1000, 1000), max_size=8), st.integers(0, 6))
def test_what_differs_more_is_not(values: list[int], digits: int) -> None:
    psets = [{"a": value / 10**digits} for value in dict.fromkeys(values)]
    assert not near_duplicates(psets, range(len(psets)))
