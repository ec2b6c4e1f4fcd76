"""A module that was edited after its import is noticed; one that only looks so is not."""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from psweep_nb import Study
from psweep_nb.functions import dump_function
from psweep_nb.functions.edited import edited_modules

TEXT = """
import functools
CONSTANT = 1

def helper(x):
    return {"a", "b", "c"} and x + 1.0

@functools.wraps(helper)
def wrapped(x):
    return helper(x)

class Model:
    k: int = 3
    @property
    def size(self):
        return self.k
    @classmethod
    def make(cls):
        return [i for i in range(3)]

def f(a):
    def inner():
        return a in {1, 2, 3}
    return helper(a)
"""

Make = Callable[[str, str], ModuleType]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def module(name: str, text: str = TEXT) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        names.append(name)
        return importlib.import_module(name)

    yield module
    for name in names:
        del sys.modules[name]


def edit(module: ModuleType, old: str, new: str) -> None:
    file = Path(str(module.__file__))
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    # Python's cached bytecode counts as new while a file's size and second of change are the same.
    later = time.time() + 2
    os.utime(file, (later, later))


def test_an_untouched_module_is_not_noted(make: Any) -> None:
    assert dump_function(make("mod_a").f)[1] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("x + 1.0", "x + 2.0"), ("x + 1.0", "x + 1"), ("x + 1.0", "x - 1.0"), ("(x)", "(y)")),
        *(('{"a", "b", "c"}', '{"a", "b", "d"}'), ("{1, 2, 3}", "{1, 2}"), ("def helper", "def h")),
        *(("return self.k", "return 2 * self.k"), ("range(3)", "range(4)")),
    ],
)
def test_an_edit_is_noted(make: Any, old: str, new: str) -> None:
    module = make("mod_b")
    edit(module, old, new)
    notes = dump_function(module.f)[1]
    assert notes == [
        "module `mod_b` was edited after it was imported: workers run the file as it is now."
    ]


def test_moved_lines_and_comments_are_no_edit(make: Any) -> None:
    module = make("mod_c")
    edit(module, "CONSTANT = 1", "# a comment\n\n\nCONSTANT = 1")
    assert dump_function(module.f)[1] == []


def test_what_was_compiled_before_is_the_same(make: Any, tmp_path: Path) -> None:
    make("mod_d")
    del sys.modules["mod_d"]
    module = importlib.import_module("mod_d")  # from its .pyc
    edit(module, "CONSTANT = 1", "CONSTANT = 1  # touched")
    assert dump_function(module.f)[1] == []


def test_a_file_that_does_not_compile_or_is_gone_is_noted(make: Any) -> None:
    module = make("mod_e")
    edit(module, "def f(a):", "def f(a:")
    assert edited_modules([module.f]) == ["mod_e"]
    Path(module.__file__).unlink()
    assert edited_modules([module.f]) == ["mod_e"]


def test_modules_behind_modules_are_looked_at(make: Any) -> None:
    inner = make("mod_inner")
    outer = make(
        "mod_outer", "from mod_inner import helper\nimport mod_inner as m\ndef f(a): return m.f(a)"
    )
    space: dict[str, Any] = {"__name__": "__main__", "outer": outer}
    exec("def f(a): return outer.f(a)", space)
    assert dump_function(space["f"])[1] == []
    edit(inner, "x + 1.0", "x + 2.0")
    assert len(dump_function(space["f"])[1]) == 1
    assert edited_modules([outer.f]) == ["mod_inner"]


def test_installed_modules_and_the_standard_library_are_not_looked_at() -> None:
    assert edited_modules([pytest.raises, importlib.import_module, os.path]) == []


def test_an_old_file_is_not_compiled(make: Any) -> None:
    module = make("mod_f")
    edit(module, "x + 1.0", "x + 2.0")
    long_ago = time.time() - 10**8
    os.utime(str(module.__file__), (long_ago, long_ago))
    assert edited_modules([module.f]) == []


@pytest.mark.parametrize(
    ("old", "new", "edited"),
    [
        ("CONSTANT = 1", "CONSTANT = 2", True),
        ("CONSTANT = 1", "CONSTANT = 1.0", True),
        ("CONSTANT = 1", "CONSTANT: int = 1", False),
        ("CONSTANT = 1", "CONSTANT = [1]", False),  # of what can change in place, nobody knows
        ("CONSTANT = 1", "CONSTANT = 1\nCONSTANT = 2", False),
        ("CONSTANT = 1", "CONSTANT = 1\nnew = 2", False),
    ],
)
def test_constants_count(make: Any, old: str, new: str, edited: bool) -> None:
    module = make("mod_g")
    edit(module, old, new)
    assert edited_modules([module.f]) == (["mod_g"] if edited else [])


def test_who_runs_it_here_is_told_that_it_is_the_old_one(make: Any) -> None:
    module = make("mod_h", "def f(a):\n    return {'x': a + 1}\n")
    edit(module, "a + 1", "a + 2")
    said: list[str] = []
    df = Study().run(module.f, [{"a": 1}], notes=said.append)
    assert df["x"].tolist() == [2]
    [note] = said
    assert note.startswith("module `mod_h` was edited after it was imported: this process runs it")
    said.clear()
    assert Study().run(module.f, [{"a": 1}], workers=1, notes=said.append)["x"].tolist() == [2, 3]
    [note] = said
    assert note.endswith("imported: workers run the file as it is now.")
