"""Cells as workloads: results, what is seen of the notebook, tracebacks, travelling."""

from __future__ import annotations

import inspect
import math
import pickle
import subprocess
import sys
import traceback
from typing import Any

import cloudpickle
import pytest
from IPython.core.error import UsageError

from psweep_nb.ui import cells


def results_of(cell: str, pset: dict[str, Any], names: Any = None, **options: Any) -> Any:
    return cells.build(cell, [pset], {} if names is None else names, **options)(**pset)


@pytest.mark.parametrize(
    ("cell", "results"),
    [
        ("E = a**2\nloss = E / 2\n", {"E": 9, "loss": 4.5}),
        ("E = a**2\n{'energy': E}", {"energy": 9}),
        ("E = a**2\ndict(energy=E)", {"energy": 9}),
        ("E = a**2\nE", {"E": 9}),
        ("E = {'x': a}\nE", {"x": 3}),
        ("E = a**2; loss = 1\nE, loss", {"E": 9, "loss": 1}),
        ("E = a\n(E,\n E)", {"E": 3}),
        ("a + 1", 4),
        ("max(a, 7)", 7),
        ("E = a\nprint('hello')", {"E": 3}),
        ("E = a\nprint('hello');", {"E": 3}),
        ("import math\nfrom math import pi\nE = math.floor(pi) + a", {"E": 6}),
        ("def g(x):\n    y = 2 * x\n    return y\nE = g(a)", {"E": 6}),
        ("class C:\n    k = 1\nE = C.k", {"E": 1}),
        ("E = 0\nfor i in range(a):\n    E += i", {"E": 3}),
        ("E = [j * a for j in range(2)]", {"E": [0, 3]}),
        ("_tmp = a\nE = _tmp", {"E": 3}),
        ("tmp = a\nE = tmp\ndel tmp", {"E": 3}),
        ("if a > 1:\n    E = 1\nelse:\n    F = 2", {"E": 1}),
        ("f = lambda x: x\nE = f(a)", {"E": 3}),
        ("with open('/dev/null') as file:\n    E = file.read()", {"E": ""}),
        ("E = (n := a) + 1", {"n": 3, "E": 4}),
        ("a = a + 1\nE = a", {"E": 4}),
        ("E: int = a", {"E": 3}),
        ("text = '''one\n  two'''\n", {"text": "one\n  two"}),
        ("if a:\n\tE = 1\n", {"E": 1}),
        ("return {'E': a}", {"E": 3}),
        ("ä = 'ö'; print(ä)", {"ä": "ö"}),
    ],
)
def test_results(cell: str, results: Any) -> None:
    assert results_of(cell, {"a": 3}) == results


def test_figures_are_no_results() -> None:
    cell = "from matplotlib.figure import Figure\nfig = Figure()\nax = fig.subplots()\nE = a"
    assert results_of(cell, {"a": 1}) == {"E": 1}


def test_named_results() -> None:
    assert results_of("E = a\nF = 2\n", {"a": 1}, results=["F", "a"]) == {"F": 2, "a": 1}
    with pytest.raises(UsageError, match="-r G: the cell never assigns it; it assigns E, F"):
        results_of("E = a\nF = 2\n", {"a": 1}, results=["G"])


@pytest.mark.parametrize("text", ["E,loss", "'E, loss'", "[E, loss]", "(E,loss)", "E,,loss,E"])
def test_names_of_results_are_read_in_any_dress(text: str) -> None:
    assert cells.result_names(text) == ["E", "loss"]


@pytest.mark.parametrize("text", ["", "E+1", "1"])
def test_a_result_that_is_no_name(text: str) -> None:
    with pytest.raises(UsageError, match="-r wants names"):
        cells.result_names(text)


def test_it_sees_the_notebook_and_leaves_it_alone() -> None:
    names = {"scale": 10, "math": math, "E": 1, "count": 5}
    before = dict(names)
    function = cells.build("E = scale * math.floor(a)\ncount = count + 1", [{"a": 1.5}], names)
    assert function(a=1.5) == {"E": 10, "count": 6}
    names["scale"] = 20
    assert function(a=1.5)["E"] == 20
    assert names == {**before, "scale": 20}


def test_a_parameter_that_some_psets_lack() -> None:
    params = [{"a": 1, "b": 2}, {"a": 1}]
    function = cells.build("E = a + b", params, {"b": 40})
    assert [function(**pset)["E"] for pset in params] == [3, 41]
    with pytest.raises(UsageError, match="pset 1 has no 'b'"):
        cells.build("E = a + b", params, {})


def test_a_parameter_that_is_no_variable() -> None:
    with pytest.raises(UsageError, match="'learning rate' cannot be a variable"):
        cells.build("E = 1", [{"learning rate": 1}], {})


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "cell is empty"),
        ("# only a comment", "cell is empty"),
        ("E = (1,\n", "line 2"),
        ("E = 1\nF == = 2", "line 3"),
        ("E = 1\n%time x", "line 3 of the cell: '%time x' only works in the notebook"),
        ("!ls", "line 2"),
        ("from math import *", "line 2 of the cell: import \\* only allowed"),
        ("await x", "line 2"),
    ],
)
def test_what_cannot_be_a_workload(cell: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cells.build(cell, [{"a": 1}], {})


def test_tracebacks_show_the_lines_of_the_cell() -> None:
    function = cells.build("x = 1\nE = x / a", [{"a": 0}], {})
    with pytest.raises(ZeroDivisionError) as caught:
        function(a=0)
    text = "".join(traceback.format_exception(caught.value))
    assert "line 3, in cell_" in text
    assert "E = x / a" in text


def test_its_source_is_a_function() -> None:
    function = cells.build("E = a", [{"a": 1, "b": 2}], {})
    assert inspect.getsource(function).startswith("def cell_")
    assert list(inspect.signature(function).parameters)[:2] == ["a", "b"]


def test_it_travels_by_value_with_what_it_uses() -> None:
    names = {"offset": 100, "unused": object(), "helper": None}
    exec("def helper(x):\n    return x + offset", names)
    names["helper"].__module__ = "__main__"
    function = cells.build("E = helper(a)\n", [{"a": 1}], names)
    data = cloudpickle.dumps(function)
    code = (
        "import pickle, sys; f = pickle.loads(sys.stdin.buffer.read());"
        "heavy = {'IPython', 'pandas', 'ipywidgets'} & set(sys.modules);"
        "sys.stdout.buffer.write(pickle.dumps((f(a=1), heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert pickle.loads(done.stdout) == ({"E": 101}, set())


def test_the_cell_changed_is_the_same_workload() -> None:
    one = cells.build("E = a", [{"a": 1, "b": 2}], {})
    two = cells.build("E = a + 1", [{"b": 2, "a": 1}], {})
    other = cells.build("E = a", [{"a": 1}], {})
    assert one.__name__ == two.__name__ != other.__name__
    assert one.__module__ == "__main__"
