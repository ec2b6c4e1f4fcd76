"""Names lead back to functions; source is found wherever there is any."""

import functools
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from psweep_nb.functions import find_current, module_of, name_of, source_of


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A ``__main__`` like that of a notebook."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    yield module


def cell(main: ModuleType, text: str, number: int = 1) -> None:
    """Runs text as a notebook runs a cell: its lines are in linecache."""
    text = textwrap.dedent(text)
    file = f"/tmp/ipykernel_1/{number}{abs(hash(text))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), vars(main))


CELL = """
    import functools

    def f(a):
        return a + 1

    class Model:
        '''A model.'''
        def __init__(self, k):
            self.k = k
        def energy(self, a):
            return self.k * a
        def __call__(self, a):
            return a
        @classmethod
        def of(cls, a):
            return cls(a)

    def factory():
        def inner(a):
            return a
        return inner

    made = factory()
    short = lambda a: 2 * a
    half = functools.partial(f, a=1)
    model = Model(2)
"""


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        *(("f", "f"), ("Model", "Model"), ("Model.of", "Model.of"), ("made", "made")),
        *(
            ("short", "short"),
            ("half", "half"),
            ("model", "model"),
            ("model.energy", "model.energy"),
        ),
    ],
)
def test_names_lead_back(main: ModuleType, expression: str, name: str) -> None:
    cell(main, CELL)
    func = eval(expression, vars(main))
    assert (name_of(func), module_of(func)) == (name, "__main__")
    found = find_current(name, "__main__")
    assert found == func
    cell(main, CELL, number=2)
    again = find_current(name, "__main__")
    assert again is not None and again is not func


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("lambda a: a", "<lambda>"),
        ("factory()", "factory.<locals>.inner"),
        ("functools.partial(f, a=2)", "partial(f)"),
        ("Model(3)", "Model()"),
        ("Model(3).energy", "Model().energy"),
    ],
)
def test_what_nothing_leads_to_is_not_found(main: ModuleType, expression: str, name: str) -> None:
    cell(main, CELL)
    func = eval(expression, vars(main))
    assert name_of(func) == name
    assert find_current(name, module_of(func)) is None


def test_a_function_of_a_module() -> None:
    assert (name_of(textwrap.dedent), module_of(textwrap.dedent)) == ("dedent", "textwrap")
    assert find_current("dedent", "textwrap") is textwrap.dedent
    assert name_of(len) == "len" and find_current("len", "builtins") is len


def test_what_is_gone_is_not_found(main: ModuleType) -> None:
    cell(main, "f = 3")
    assert find_current("f", "__main__") is None
    assert find_current("g", "__main__") is None
    assert find_current("f", "no.such.module") is None
    assert find_current("Model.energy", "__main__") is None


def test_a_decorated_function_is_found_under_its_variable(main: ModuleType) -> None:
    cell(main, CELL)
    cell(main, "@functools.wraps(f)\ndef g(a):\n    return f(a)", number=2)
    assert name_of(vars(main)["g"]) == "g"


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        *(("f", "def f(a)"), ("half", "def f(a)"), ("functools.partial(half)", "def f(a)")),
        *(("Model", "class Model:"), ("model", "class Model:"), ("made", "def inner(a)")),
        *(("model.energy", "def energy(self, a)"), ("short", "short = lambda")),
    ],
)
def test_source_of_cells(main: ModuleType, expression: str, start: str) -> None:
    cell(main, CELL)
    text = source_of(eval(expression, vars(main)))
    assert text.startswith(start)
    if "Model" in start:
        assert text.rstrip().endswith("return cls(a)")


def test_source_of_modules() -> None:
    assert source_of(textwrap.dedent).startswith("def dedent(")
    assert source_of(textwrap.TextWrapper).startswith("class TextWrapper")

    @functools.wraps(textwrap.dedent)
    def wrapper(*args: Any) -> Any:
        return textwrap.dedent(*args)

    assert source_of(wrapper).startswith("def dedent(")


class Odd:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize("func", [len, max, functools.partial(len), Odd(), None], ids=type)
def test_no_source_is_no_error(func: Any) -> None:
    assert isinstance(source_of(func), str)


def test_executed_code_has_no_source() -> None:
    space: dict[str, Callable[..., Any]] = {}
    exec("def f(a): return a\nclass C:\n  def m(self): pass", space)
    assert source_of(space["f"]) == "" and source_of(space["C"]) == ""
