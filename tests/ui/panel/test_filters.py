"""What a person may type as a filter, and what is said when it is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.errors import OptionError
from psweep_nb.ui.filters import Condition, parse

COLUMNS = {"loss": "c1", "loss two": "c2", "a<b": "c3", "name": "c4", "pset": "pset"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("loss<0.3", [("c1", "<", 0.3)]),
        ("loss == 1e-3", [("c1", "=", 0.001)]),
        ("loss two >= -inf", [("c2", ">=", float("-inf"))]),
        ("a<b < 3", [("c3", "<", 3.0)]),
        ("name = adam and loss != nan", [("c4", "=", "adam"), ("c1", "!=", "nan")]),
        ("name = 'a, b and c', pset > 3", [("c4", "=", "a, b and c"), ("pset", ">", 3.0)]),
        ('name ~ "12"', [("c4", "~", "12")]),
        (r'name = "a \"b\""', [("c4", "=", 'a "b"')]),
        ("loss < 1 & loss > 0,", [("c1", "<", 1.0), ("c1", ">", 0.0)]),
        ("name = sandy", [("c4", "=", "sandy")]),
        ("name = <b>=</b>", [("c4", "=", "<b>=</b>")]),
        ("name > 'm', name = 'a = b'", [("c4", ">", "m"), ("c4", "=", "a = b")]),
        ("name ~ <b>", [("c4", "~", "<b>")]),
    ],
)
def test_conditions(text: str, expected: list[tuple[str, str, float | str]]) -> None:
    assert parse(text, COLUMNS) == [Condition(*entry) for entry in expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("los < 3", "there is no column los; did you mean loss?"),
        ("loss", "`loss` is no condition; conditions look like: loss < 0.3"),
        ("loss <", "a value is missing"),
        ("< 3", "`< 3` is no condition"),
        ("loss < 3 or name = x", "`3 or name = x` has a second =: put a comma between"),
        ("loss = 0.9 name = 0.5", "`0.9 name = 0.5` has a second =: put a comma between"),
        ("loss > mean", "`mean` is no number; a text to compare with wants quotes"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(text, COLUMNS)
    assert said in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = parse(text, COLUMNS)
    except OptionError as error:
        assert len(str(error)) < 300
    else:
        assert all(condition.column in COLUMNS.values() for condition in found)
