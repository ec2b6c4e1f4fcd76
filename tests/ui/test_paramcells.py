"""Cells that describe psets: axes, constants, ties, helpers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from IPython.core.error import UsageError

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.ui import paramcells
from tests.ui.conftest import Notebook


@pytest.mark.parametrize(
    ("cell", "expected", "text"),
    [
        ("a = [1, 2]", ps.grid(a=[1, 2]), "a (2)"),
        (
            "a = [1, 2]\nb = range(3)\nc = 'const'; d = 0.5",
            ps.grid(a=[1, 2], b=range(3), c="const", d=0.5),
            "a (2) x b (3), c, d constant",
        ),
        ("import numpy as np\na = np.linspace(0, 1, 3)", ps.grid(a=[0.0, 0.5, 1.0]), "a (3)"),
        ("_n = 3\na = [_i**2 for _i in range(_n)]", ps.grid(a=[0, 1, 4]), "a (3)"),
        ("a = []\nfor i in range(3):\n    a.append(outside * i)", ps.grid(a=[0, 7, 14]), "a (3)"),
        ("def f(x):\n    return 2 * x\na = f(3)\nprint(a)", [{"a": 6}], "a constant"),
        (
            "a = [1, 2]\nc = [5, 6]\nb = [3, 4]\nzip(a, b)",
            [dict(a=a, b=a + 2, c=c) for a in (1, 2) for c in (5, 6)],
            "a, b tied (2) x c (2)",
        ),
        (
            "a = [1, 2]\nb = [3, 4]\nc = [5, 6]\nd = 7\nzip(c, b, strict=True)",
            [dict(a=a, b=b, c=b + 2, d=7) for a in (1, 2) for b in (3, 4)],
            "a (2) x c, b tied (2), d constant",
        ),
        ("    a = [1]\n    b = [(1, 2)]", [{"a": 1, "b": (1, 2)}], "a, b constant"),
        ("a = [1, 2]\nb = 3\ndel b", ps.grid(a=[1, 2]), "a (2)"),
    ],
)
def test_what_a_cell_describes(cell: str, expected: Any, text: str) -> None:
    names = {"outside": 7}
    found = paramcells.build(cell, names)
    assert found.params == expected
    assert found.text == text
    assert names == {"outside": 7}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "the cell is empty"),
        ("import math", "assigns no parameters"),
        ("_a = [1]", "assigns no parameters"),
        ("a = [1", "line 2 of the cell"),
        ("%time a = 1", "line 2 of the cell: '%time a = 1' only works in the notebook"),
        ("a = 1\nb = 1 / 0", "line 3 of the cell raises ZeroDivisionError"),
        ("def f():\n    return nothing\na = f()", "line 3 of the cell raises NameError"),
        ("a = [1, 2]\nzip(a, [3, 4])", r"line 3 .* a bare zip ties variables .*zip\(a, \[3, 4\]\)"),
        ("a = [1, 2]\nzip(a)", "line 3 .* a bare zip ties variables"),
        ("a = [1, 2]\nzip(a, other)", "other is no parameter of the cell"),
        ("a = [1, 2]\nb = [1]\nzip(a, b)", "different length: a has 2, b has 1"),
        ("a = b = c = [1, 2]\nzip(a, b)\nzip(b, c)", "b is in more than one zip"),
        ("a = [1, 2]\nb = zip(a, a)", r"b is a zip; write zip\(a, b\)"),
        ("a = []", "'a' is empty"),
        ("a = {1, 2}", "'a' is a set"),
        ("a = {'x': 1}", "'a' is"),
    ],
)
def test_errors_name_the_line_or_the_variable(cell: str, said: str) -> None:
    with pytest.raises((UsageError, ParamsError), match=said) as caught:
        paramcells.build(cell, {"other": [1, 2]})
    assert "\n" not in str(caught.value)


def test_the_magic_binds_the_name_and_says_what_it_made(notebook: Notebook) -> None:
    notebook.run("from numpy import linspace\na = 'mine'")
    out = notebook.run("%%psweep params points\na = [1, 2, 3, 4]\nb = linspace(0, 1, 10)\nc = 'x'")
    assert out == "points: 40 psets: a (4) x b (10), c constant\n"
    assert notebook["points"] == ps.grid(a=[1, 2, 3, 4], b=np.linspace(0, 1, 10), c="x")
    assert notebook["a"] == "mine"
    assert "b" not in notebook.shell.user_ns


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("%%psweep params\na = 1", "one name expected, found none: %%psweep params NAME"),
        ("%%psweep params a b\na = 1", "one name expected, found a b"),
        ("%%psweep params a.b\na = 1", "one name expected, found a.b"),
        ("%%psweep params if\na = 1", "one name expected, found if"),
        ("%%psweep params p -w 2\na = 1", "unknown option -w"),
        ("%%psweep params p\na = []", "'a' is empty"),
        ("%psweep params p", "%%psweep params NAME: two % at the top of a cell"),
    ],
)
def test_wrong_use(notebook: Notebook, source: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        notebook.run(source)
    assert said in str(caught.value)
    assert "p" not in notebook.shell.user_ns


def test_help(notebook: Notebook) -> None:
    out = notebook.run("%%psweep params -h\na = 1")
    assert "usage: %%psweep params NAME" in out and "zip(a, b) ties" in out
    assert "%%psweep params NAME" in notebook.run("%psweep -h")
