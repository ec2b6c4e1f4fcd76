"""Which failures are one kind, and the pattern that finds them again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.errorkinds import kind_of, pattern_of


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ValueError: at least 1, not 0", "ValueError: at least #, not #"),
        ("KeyError: 'x2'", "KeyError: 'x2'"),
        ("TypeError: float64 expected", "TypeError: float64 expected"),
        ("RuntimeError: 1_000 steps, residual -2.5e-07", "RuntimeError: # steps, residual #"),
        ("E: <A object at 0x7f00DEad>", "E: <A object at #>"),
        ("E: shape (3, 4) and (5,)", "E: shape (#, #) and (#,)"),
        ("E: pset 01234567-89ab-4def-8123-456789abcdef", "E: pset #"),
        ("E: line 3.", "E: line #"),
        ("E: v1.2.3 is old", "E: v1.2.3 is old"),
        ("E: loss is nan", "E: loss is nan"),
        ("", ""),
    ],
)  # fmt: skip
def test_numbers_and_addresses_are_left_out(error: str, kind: str) -> None:
    assert kind_of(error) == kind


ERRORS = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" ()[]*.\\0123x-"))
    | st.integers().map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(str)
    | st.integers(0, 2**48).map(hex)
).map(" ".join)


@given(ERRORS)
def test_the_pattern_finds_the_error_it_is_made_of(error: str) -> None:
    text = f"{error}\nTraceback (most recent call last):\n{error}"
    assert re.search(pattern_of(error), text, re.MULTILINE)


@given(ERRORS, st.integers(), st.integers())
def test_the_pattern_finds_all_errors_of_the_kind(start: str, one: int, other: int) -> None:
    a, b = f"{start} is {one} here", f"{start} is {other} here"
    assert kind_of(a) == kind_of(b)
    assert re.search(pattern_of(a), b, re.MULTILINE)


def test_the_pattern_finds_no_others() -> None:
    pattern = pattern_of("ValueError: radius is 0")
    for other in ("ValueError: radius is bad", pattern, "ValueError: radius is 0 or so"):
        assert not re.search(pattern, other, re.MULTILINE), other
