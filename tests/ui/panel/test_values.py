"""Columns of values: their order, and conditions on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.ui import texts, values
from psweep_nb.ui.values import ABSENT, Column, Values, is_number
from tests.ui.fakes import FakeRun

ANY = (
    st.integers()
    | st.floats()
    | st.text(max_size=60)
    | st.booleans()
    | st.none()
    | st.just(10**400)
    | st.builds(np.float32, st.floats(width=32))
    | st.just(ABSENT)
)


def filled(given: list[Any]) -> Values:
    made = Values(len(given))
    for pset, value in enumerate(given):
        made.put(pset, value)
    return made


def rank(value: Any) -> tuple[int, Any]:
    """What sorting should go by."""
    if value is ABSENT:
        return 3, 0
    if is_number(value) and not (isinstance(value, int) and value.bit_length() > 1000):
        return (1, 0) if math.isnan(value) else (0, float(value))
    return 2, texts.cell(value)


@given(st.lists(ANY))
def test_the_order_is_numbers_nan_texts_and_last_what_is_absent(given: list[Any]) -> None:
    made = filled(given)
    order = made.order(np.arange(len(given))).tolist()
    assert order == sorted(range(len(given)), key=lambda i: rank(given[i]))  # stable, too
    down = made.order(np.arange(len(given)), descending=True).tolist()
    kinds = [rank(given[i])[0] for i in down]
    assert kinds == sorted(kinds)
    for kind in (0, 2):
        keys = [rank(given[i])[1] for i in down if rank(given[i])[0] == kind]
        assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("<", 2.0, [0]),
        ("<=", 2.0, [0, 1]),
        (">", 1.0, [1, 6]),
        (">=", 2.0, [1, 6]),
        ("=", 2.0, [1]),
        ("!=", 2.0, [0, 2, 3, 4, 6]),
        ("=", "nan", [2]),
        ("=", "abc", [3]),
        ("=", "True", [4]),
        ("~", "B", [3]),
        ("~", "", [3, 4]),
        ("<", "b", [3, 4]),
    ],
)
def test_conditions(op: str, value: Any, expected: list[int]) -> None:
    made = filled([1, 2.0, math.nan, "abc", True, ABSENT, math.inf])
    assert np.flatnonzero(made.where(op, value)).tolist() == expected


@given(
    st.lists(ANY),
    st.floats(allow_nan=False) | st.text(),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!=", "~"]),
)
def test_a_condition_never_holds_where_there_is_nothing(
    given: list[Any], value: Any, op: str
) -> None:
    found = filled(given).where(op, value)
    assert found.dtype == bool
    assert not any(found[i] for i, v in enumerate(given) if v is ABSENT)


def test_the_range_is_of_finite_numbers() -> None:
    assert filled([3, math.inf, -1.5, "x", math.nan]).range() == (-1.5, 3.0)
    assert filled(["x", math.nan]).range() is None


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_hostile_values_are_texts() -> None:
    made = filled([Rude(), "x" * 10**6, [1] * 10**6, {"a": Rude()}])
    assert all(len(word) <= texts.CELL_WIDTH for word in made.words)
    assert len(made.order(np.arange(4))) == 4


def results_of(view: Any, name: str) -> Any:
    return lambda *part: [(pset, r.get(name, ABSENT)) for pset, r in view.results(*part)]


def test_a_column_is_read_in_pieces_and_goes_on() -> None:
    ended = 2 * values.PIECE + 300
    run = FakeRun(total=ended + 1)
    for i in range(ended):
        run.done(i, {"a": i}, loss=i / 2)
    view: Any = run.view
    loss = Column(view, of_arrived=results_of(view, "loss"))
    pieces = loss.read()
    next(pieces)
    assert loss.progress == pytest.approx(values.PIECE / ended)
    assert len(list(pieces)) == 2
    assert loss.progress == 1.0
    run.done(ended, {"a": 0}, loss=-1)
    list(loss.read())
    assert loss.range() == (-1.0, (ended - 1) / 2)
    assert loss.numbers[ended] == -1


def test_parameters_are_there_before_anything_ended_and_results_change_them() -> None:
    run = FakeRun(total=3)
    view: Any = run.view
    run.view.psets = {i: {"a": i} for i in range(3)}
    a = Column(view, lambda pset: pset.get("a", ABSENT), results_of(view, "a"))
    list(a.read())
    assert a.numbers.tolist() == [0, 1, 2]
    run.done(1, {"a": 1}, a=7)
    run.done(2, {"a": 2}, b=7)
    list(a.read())
    assert a.numbers.tolist() == [0, 7, 2]


def test_a_result_is_gone_when_a_later_attempt_has_none() -> None:
    run = FakeRun(total=1)
    view: Any = run.view
    run.failed(0, {}, "E: no")
    errors = Column(
        view,
        of_arrived=lambda start, stop: [
            (r.index, r.error or ABSENT) for r in view.arrived(start, stop)
        ],
    )
    list(errors.read())
    assert errors.where("~", "no").tolist() == [True]
    run.done(0, {}, loss=1)
    list(errors.read())
    assert errors.where("~", "no").tolist() == [False]
