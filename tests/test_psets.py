import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.errors import ParamsError
from psweep_nb.psets import check_params
from tests.strategies import psets


@given(st.lists(psets, max_size=4))
def test_gives_back_the_same_dicts(params):
    checked = check_params(iter(params))
    assert all(a is b for a, b in zip(checked, params, strict=True))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"a": 1}, "\\[pset\\]"),
        ("abc", "'abc'"),
        (3, "3"),
        (None, "None"),
        ([{"a": 1}, [("a", 1)]], "pset 1 .*not a dict"),
        ([{"a": 1}, {"a": 1, 2: 3}], "pset 1 .*2 \\(int\\)"),
        ([{"_failed": True}], "pset 0 .*'_failed'"),
    ],
)
def test_what_is_wrong_is_named(params, words):
    with pytest.raises(ParamsError, match=words):
        check_params(params)


def test_an_error_is_a_value_error_too():
    with pytest.raises(ValueError, match="params"):
        check_params("abc")
