"""`params_to_code`: the code makes the same psets, and is short where they are regular."""

from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.psets import check_params
from tests import strategies
from tests.test_literals import same


def made(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(code, names)
    return names["params"]


def assert_same(params: list[dict[str, Any]], code: str) -> None:
    found = made(code)
    assert len(found) == len(params)
    for one, other in zip(found, params, strict=True):
        assert same(dict(sorted(one.items())), dict(sorted(other.items())))


def body(params: Any) -> str:
    """The assigned expression, on one line."""
    code = ps.params_to_code(params)
    assert_same(check_params(params), code)
    return " ".join(code.partition("params = ")[2].split()).replace(", ]", "]")


axes = st.one_of(
    st.lists(strategies.values, min_size=1, max_size=4),
    st.lists(st.integers(0, 1), min_size=1, max_size=4),
    st.builds(lambda n: list(range(n)), st.integers(1, 9)),
    st.builds(lambda a, b, n: np.linspace(a, b, n).tolist(), *2 * [st.floats(-9, 9)], st.just(5)),
    st.builds(lambda n: list(np.arange(n)), st.integers(1, 9)),
    st.builds(lambda n: list(np.linspace(0, n, 4, dtype="float32")), st.integers(1, 9)),
)
loops = st.dictionaries(strategies.names, axes, min_size=1, max_size=4)


@given(st.lists(strategies.psets, max_size=6))
def test_any_psets(params):
    assert_same(params, ps.params_to_code(params))


@given(loops)
def test_any_grid(axes):
    params = ps.pgrid([ps.plist(name, values) for name, values in axes.items()])
    assert_same(params, ps.params_to_code(params))


@given(loops, st.lists(st.tuples(*2 * [strategies.scalars]), min_size=2, max_size=4), st.booleans())
def test_any_grid_with_a_tie(axes, pairs, outside):
    axes = {name: values for name, values in axes.items() if name not in ("p", "q")}
    tie = zip(
        ps.plist("p", [p for p, _ in pairs]), ps.plist("q", [q for _, q in pairs]), strict=True
    )
    plists: list[Any] = [ps.plist(name, values) for name, values in axes.items()]
    plists.insert(0 if outside else len(plists), tie)
    params = ps.pgrid(plists)
    assert_same(params, ps.params_to_code(params))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (ps.grid(a=range(20), b=[1, 2.5], c="x"), 'ps.grid(a=range(20), b=[1, 2.5], c="x")'),
        (ps.grid(a=[1, 2, 3]), "ps.grid(a=[1, 2, 3])"),
        (ps.grid(a=range(40, 0, -2)), "ps.grid(a=range(40, 1, -2))"),
        (ps.grid(a=np.linspace(0, 1, 7)), "ps.grid(a=np.linspace(0.0, 1.0, 7))"),
        (ps.grid(a=ps.logspace(0.003, 10, 7)), "ps.grid(a=ps.logspace(0.003, 10.0, 7))"),
        (ps.grid(a=ps.intspace(0, 100, 7)), "ps.grid(a=ps.intspace(0, 100, 7))"),
        (ps.plist("a", np.arange(30)), "ps.grid(a=list(np.arange(30)))"),
        (ps.grid(a=[1, 2], b=[(1, 2)], c=[{}]), "ps.grid(a=[1, 2], b=[(1, 2)], c=[{}])"),
        (ps.grid(**{"a b": [1, 2], "if": 3}), 'ps.grid(**{"a b": [1, 2]}, **{"if": 3})'),
        (ps.grid(a=[0.0, -0.0, 0.0]), "ps.grid(a=[0.0, -0.0, 0.0])"),
        (
            ps.pgrid(zip(*(ps.plist(n, range(9)) for n in "ab"), strict=True), ps.grid(c=[7])),
            'ps.pgrid(zip(ps.plist("a", range(9)), ps.plist("b", range(9))), ps.grid(c=7))',
        ),
        (ps.repeat(ps.grid(a=range(5)), 3), "ps.repeat(ps.grid(a=range(5)), 3)"),
        (
            ps.grid(a=range(9)) + ps.grid(a=range(9), b=[0.5]),
            "ps.grid(a=range(9)) + ps.grid(a=range(9), b=0.5)",
        ),
        ([{"a": 1}], '[{"a": 1}]'),
        ([], "[]"),
        ([{}, {}], "[{}, {}]"),
        (pd.DataFrame({"a": [1, 2]}), "ps.grid(a=[1, 2])"),
    ],
)
def test_what_is_recognised(params, expected):
    assert body(params) == expected


def test_one_bit_makes_a_difference():
    values = np.linspace(0, 1, 7).tolist()
    values[3] = float(np.nextafter(values[3], 1))
    assert "linspace" not in body(ps.grid(a=values))
    assert body([{"a": 1}, {"a": True}, {"a": 1.0}]) == "ps.grid(a=[1, True, 1.0])"


def test_repeats_that_are_none_of_ours_are_written_out():
    params = ps.repeat([{"a": 1}, {"a": 2}], 2)
    params[3]["_seed"] += 1
    assert "repeat(" not in body(params)
    assert "repeat(" not in body(params[1:])


def test_a_studys_psets(tmp_path):
    study = ps.Study(tmp_path / "calc")
    study.run(lambda a, b: {}, ps.grid(a=range(9), b=["x", "y"]))
    assert body(study) == 'ps.grid(a=range(9), b=["x", "y"])'


def test_what_a_study_ran_again_is_there_once(tmp_path):
    study = ps.Study(tmp_path / "calc")
    params = ps.repeat(ps.grid(a=range(9)), 2)
    study.run(lambda pset: {}, params)
    study.run(lambda pset: {"b": 1}, params[3:])
    assert made(ps.params_to_code(study)) == params
    assert len(made(ps.params_to_code(study.runs[1]))) == len(params) - 3
    assert len(study.params()) == 2 * len(params) - 3


def test_imports_are_what_is_needed():
    code = ps.params_to_code([{"a": Path("np.x"), "b": "ps.y"}])
    assert code.splitlines()[:-2] == ["import pathlib"]
    assert ps.params_to_code([{"b": "np.x"}]) == 'params = [{"b": "np.x"}]'


def test_lines_are_not_too_long():
    code = ps.params_to_code(ps.grid(a=[0.1 * i**2 for i in range(60)], b=list("some letters")))
    assert max(map(len, code.splitlines())) <= 88
    assert_same(ps.grid(a=[0.1 * i**2 for i in range(60)], b=list("some letters")), code)


def test_what_cannot_be_written_is_named():
    with pytest.raises(ParamsError, match=r"pset 1 .*'b' has a function .*<lambda>"):
        ps.params_to_code([{"a": 1}, {"a": 1, "b": lambda: 1}])
    with pytest.raises(ParamsError, match="one dict"):
        ps.params_to_code({"a": 1})


def test_many_psets_take_time_in_proportion():
    def seconds(n: int) -> float:
        params = ps.sample({"a": (0.0, 1.0), "b": (0, 9)}, n)
        start = process_time()
        ps.params_to_code(params)
        return process_time() - start

    seconds(100)
    assert seconds(40_000) < 16 * seconds(5_000) + 0.5
