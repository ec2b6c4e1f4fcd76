"""Code identity: blind to how code is written, changed by any change in what it does."""

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.functions.identity import Code, code_of, diff
from tests.functions.notebook import cell

NOTEBOOK = '''
import enum, functools, math
from dataclasses import dataclass

K = 3
SETTINGS = {"rate": 0.5, "names": ["x", "y"], "kinds": {"u", "v", "w"}}

class Kind(enum.Enum):
    """A kind."""
    ONE = 1

    def label(self):
        return self.name

@dataclass
class Config:
    """Has a docstring."""
    depth: int = 3

    def twice(self):
        return 2 * self.depth

config = Config()

class Base:
    def shift(self):
        return 7

class Model(Base):
    rate = K * 2

    def __init__(self, k):
        self.k = k

    def energy(self, a):
        """Energy."""
        return self.k * a + helper(a)

model = Model(2)

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def helper(a):
    """Helps."""
    if a > 10:
        return a - 1
    return math.sqrt(a) + K

def scaled(factor):
    def inner(a):
        return factor * a
    return inner

by_five = scaled(5)
table = {"one": lambda a: a + 11, "two": by_five}

def logged(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs), 13
    return wrapper

@functools.cache
def remembered(a):
    return a + 17

@logged
def f(a, b=K, *, c=4):
    """Compute."""
    parts = [table["one"](a), model.energy(a), model.shift(), even(a), remembered(a)]
    return {"r": parts, "b": b, "c": c, "s": SETTINGS["rate"], "d": config.twice(), "k": Kind.ONE}
'''


def of(text: str, name: str = "f") -> Code:
    return code_of(cell({}, text)[name])


REFERENCE = of(NOTEBOOK)
LINES = NOTEBOOK.splitlines()


def test_all_that_is_reached_is_a_readable_part() -> None:
    names = {name.removesuffix(" =") for name in REFERENCE.parts}
    wanted = "f logged logged.wrapper Model Base helper even odd K SETTINGS table scaled.inner"
    assert names >= {*wanted.split(), "remembered", "Config", "Kind", "Model: bases"}
    assert "Compute" not in REFERENCE.parts["f"]
    assert "a - 1" in REFERENCE.parts["helper"]
    assert REFERENCE.parts["scaled.inner: variable factor"] == "5"
    assert REFERENCE.parts["math ="] == "module math"


# -- stable ------------------------------------------------------------------------------------

BETWEEN = [i for i, line in enumerate(LINES) if not line.strip()]
DOCSTRINGS = ['"""A kind."""', '"""Has a docstring."""', '"""Energy."""', '"""Helps."""']


@given(
    comments=st.lists(st.tuples(st.sampled_from(range(len(LINES))), st.text("abc #", max_size=5))),
    blanks=st.lists(st.sampled_from(BETWEEN)),
    docstring=st.sampled_from(["another", "", "two\n  lines", "'quoted'", "\\\\"]),
    spaces=st.booleans(),
)
def test_edits_that_do_nothing(
    comments: list[tuple[int, str]], blanks: list[int], docstring: str, spaces: bool
) -> None:
    lines = list(LINES)
    for at, comment in comments:
        lines[at] += f"  # {comment}"
    for at in sorted(blanks, reverse=True):
        lines.insert(at, "")
    text = "\n".join(lines)
    for old in DOCSTRINGS:
        text = text.replace(old, f'"""{docstring}"""')
    if spaces:
        text = text.replace("a + ", "(a   + ").replace("+ K", "+ K)").replace("a + 1", "a  +  1")
        text = "\n".join(
            line if line.count("(") == line.count(")") else line.replace("(a   +", "a   +")
            for line in text.replace("+ K)", "+ K").splitlines()
        )
    assert of(text).parts == REFERENCE.parts


def test_other_cells_and_an_order_of_theirs() -> None:
    blocks = NOTEBOOK.split("\n\n")
    names: dict[str, Any] = {}
    cell(names, blocks[0])
    rest = "\n\n".join(blocks[1:])
    cell(names, "unrelated = object()\ndef g(): return 1")
    cell(names, rest)
    assert code_of(names["f"]).sha1 == REFERENCE.sha1


def test_the_same_in_every_process() -> None:
    code = (
        "import sys\n"
        "from psweep_nb.functions.identity import code_of\n"
        "from tests.functions.notebook import cell\n"
        "print(code_of(cell({}, sys.stdin.read())['f']).sha1)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            input=NOTEBOOK, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "123")
    }  # fmt: skip
    assert found == {REFERENCE.sha1 + "\n"}


def test_state_is_no_code() -> None:
    names = cell({}, """
        seen, memo, count, log = [], {}, 0, set()
        def helper(a):
            return len(memo)
        def f(a):
            global count
            count += 1
            seen.append(a)
            memo[a] = a
            log.add(a)
            return helper(a)
    """)  # fmt: skip
    before = code_of(names["f"])
    names["f"](3)
    assert code_of(names["f"]) == before
    names["memo"] = [1]  # of another type
    assert code_of(names["f"]).sha1 != before.sha1


# -- sensitive ---------------------------------------------------------------------------------

EDITS = [
    ("K = 3", "K = 4"), ("K = 3", "K = 3.0"), ("K = 3", "K = True"), ("0.5", "0.25"),
    ('"x", "y"', '"y", "x"'), ('"w"', '"z"'), ("ONE = 1", "ONE = 2"),
    ("return self.name", "return 1"),
    ("depth: int = 3", "depth: int = 4"), ("2 * self.depth", "3 * self.depth"),
    ("config = Config()", "config = Config(9)"), ("return 7", "return 8"),
    ("class Model(Base)", "class Model(Base, object)"), ("K * 2", "K * 5"),
    ("Model(2)", "Model(3)"),
    ("self.k * a +", "self.k * a -"), ("odd(n - 1)", "odd(n - 2)"), ("n != 0", "n > 0"),
    ("a > 10", "a >= 10"), ("a - 1", "a - 2"), ("math.sqrt", "math.exp"),
    ("scaled(5)", "scaled(6)"),
    ("factor * a", "factor + a"), ("a + 11", "a + 12"), ('"two": by_five', '"three": by_five'),
    ("), 13", "), 14"), ("a + 17", "a + 18"), ("b=K", "b=K + 1"), ("c=4", "c=5"),
    ("@logged\ndef f", "def f"), ("model.shift(), ", ""), ('"r": parts', '"s": parts'),
    ("@functools.cache\n", ""), ('{"u", "v", "w"}', '["u", "v", "w"]'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_edits_that_do_something(old: str, new: str) -> None:
    assert NOTEBOOK.count(old) == 1
    changed = of(NOTEBOOK.replace(old, new))
    assert changed.sha1 != REFERENCE.sha1
    assert diff(REFERENCE.parts, changed.parts)


# -- modules -----------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "laboratory"]:
        del sys.modules[name]
    (tmp_path / "laboratory").mkdir()
    for file, text in {
        "__init__.py": "from laboratory import deep\n",
        "deep.py": "LIMIT = 5\ndef g(a):\n    return a + LIMIT\ndef unused(a):\n    return 1\n",
        "late.py": "from . import later\n\ndef h(a):\n    return a + 1\n",
        "later.py": "X = 1\n",
    }.items():
        (tmp_path / "laboratory" / file).write_text(text)
    yield tmp_path / "laboratory"
    for name in [name for name in sys.modules if name.partition(".")[0] == "laboratory"]:
        del sys.modules[name]


def fresh(text: str) -> Code:
    """As a kernel started now would see it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "laboratory"]:
        del sys.modules[name]
    return of(text)


def test_attributes_of_local_modules(package: Path) -> None:
    text = "import laboratory\ndef f(a):\n    return laboratory.deep.g(a)"
    before = fresh(text)
    assert before.parts["laboratory.deep.LIMIT ="] == "5"
    (package / "deep.py").write_text("LIMIT = 5\ndef g(a):  # it\n    return a + LIMIT\n")
    assert fresh(text) == before
    (package / "deep.py").write_text("LIMIT = 6\ndef g(a):\n    return a + LIMIT\n")
    assert fresh(text).sha1 != before.sha1


def test_modules_imported_inside_a_function(package: Path) -> None:
    text = "def f(a):\n    from laboratory.late import h\n    return h(a)"
    before = fresh(text)
    names = cell({}, text)
    names["f"](1)  # now it is loaded
    assert code_of(names["f"]) == before
    (package / "later.py").write_text("X = 2\n")
    assert fresh(text).sha1 != before.sha1


def test_installed_code_counts_by_its_name() -> None:
    found = of("import numpy as np, json\ndef f(a):\n    return np.sin(a), json.dumps(a)")
    assert found.parts["np ="] == "module numpy"
    assert found.parts["json ="] == "module json"
    assert len(found.parts) == 3


EVERY_PYTHON = """
import enum
from collections import namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

@dataclass(frozen=True, order=True)
class Config:
    depth: int
    names: list = field(default_factory=lambda: ["x"], compare=False)

@dataclass(slots=True)
class Slots:
    k: int = 3

Point = namedtuple("Point", "x y", defaults=[0])

class Pair(NamedTuple):
    a: int = 1

class Kind(enum.IntFlag):
    ONE = 1
    TWO = 2

class Named(Protocol):
    def name(self): ...

class Real(Named):
    def name(self): return "real"

steps = [lambda a: a + i for i in range(3)]

def f(a):
    text = f"{a['x']!r:>{10}} it's {Real().name()} {{}}" f'{", ".join(a)}\\n'
    return text, Config(1), Slots(), Point(2), Pair(), Kind.ONE, [s(a) for s in steps]
"""


def test_it_is_the_same_in_every_version_of_python() -> None:
    found = of(EVERY_PYTHON)
    text = """f'{a['x']!r:>{10}} it's {Real().name()} {{}}{', '.join(a)}\\n'"""
    assert found.parts["f"].splitlines()[1] == f"    text = {text}"
    assert found.parts["Slots: fields"] == "[('k', {'default': 3})]"
    assert found.sha1 == "6803a71b3c11619acaf61a978e2244e4cca7db96"


# -- odd things --------------------------------------------------------------------------------


def test_where_there_is_no_source() -> None:
    def made(text: str) -> Any:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(text, names)
        return names["f"]

    one = made("def f(a):\n    'doc'\n    return a + 1")
    assert code_of(one) == code_of(made("\n\n\ndef f(a):\n    'other'\n    return a+1"))
    assert code_of(one).sha1 != code_of(made("def f(a):\n    'doc'\n    return a + 2")).sha1
    inner = "def f(a):\n    return [(lambda x: x in {{'u', 'v', {}}})(i) for i in a]"
    assert code_of(made(inner.format(1))).sha1 != code_of(made(inner.format(2))).sha1
    first = "def f(a):\n    return any(x == {} for x in a)"
    assert code_of(made(first.format("'p'"))).sha1 != code_of(made(first.format("'q'"))).sha1


def test_lambdas_on_one_line() -> None:
    names = cell({}, "one, two = lambda a: a + 1, lambda a: a + 2\nthree = lambda a: a + 2")
    assert code_of(names["one"]).sha1 != code_of(names["two"]).sha1
    assert code_of(names["three"]).parts == {"<lambda>": "lambda a: a + 2"}


def test_partials_methods_and_objects() -> None:
    setup = """
        import functools
        class Model:
            def __init__(self, k): self.k = k
            def energy(self, a): return self.k * a
            def __call__(self, a): return a
            @classmethod
            def of(cls, a): return cls(a)
        def f(a, b): return a + b
    """

    def made(expression: str) -> Code:
        names = cell({}, setup)
        return code_of(eval(expression, names))

    expressions = [
        "functools.partial(f, 1)", "functools.partial(f, b=1)", "functools.partial(f, b=2)",
        "functools.partial(functools.partial(f, b=2), 1)", "Model(1).energy", "Model(2).energy",
        "Model(1)", "Model(2)", "Model.of", "Model", "f", "functools.lru_cache(f)",
    ]  # fmt: skip
    found = [made(expression).sha1 for expression in expressions]
    assert len(set(found)) == len(found)
    assert [made(expression).sha1 for expression in expressions] == found


def test_what_makes_the_keyword_setup_counts() -> None:
    text = "def f(a, setup): return a\ndef make(): return helper()\ndef helper(): return {}"
    one, two = cell({}, text.format(1)), cell({}, text.format(2))
    before = code_of(one["f"], one["make"])
    assert before.parts["helper"] == "def helper():\n    return 1"
    assert len({before.sha1, code_of(two["f"], two["make"]).sha1, code_of(one["f"]).sha1}) == 3


def test_functions_of_one_factory_are_told_apart() -> None:
    text = """
        def make(k):
            return lambda a: a + k
        table = {{"x": make({}), "y": make({}), "z": make({})}}
        def f(a, name): return table[name](a)
    """
    found = {of(text.format(*ks)).sha1 for ks in ((1, 2, 1), (1, 2, 2), (2, 1, 1), (1, 1, 1))}
    assert len(found) == 4


class Hostile:
    """Raises whatever is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    __eq__ = __hash__ = __repr__ = __len__ = __iter__ = __bool__ = None  # type: ignore


class Lazy:
    def __getattr__(self, name: str) -> Any:
        return Lazy()


def test_odd_objects() -> None:
    endless: list = [1]
    endless.append(endless)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    odd = [Hostile(), Lazy(), endless, deep, open, sys.stdout, type, object(), functools.partial]
    names = cell({"odd": odd, "one": Hostile(), "two": Lazy()}, "def f(a): return odd, one, two")
    assert code_of(names["f"]).parts["one ="] == "<tests.functions.test_identity.Hostile>"
    things: list[Any] = [*odd, len, None, 3]
    for thing in things:
        assert len(code_of(thing).sha1) == 40


def test_names_that_are_not_there_yet() -> None:
    names = cell({}, "def f(a): return later(a)")
    before = code_of(names["f"])
    cell(names, "def later(a): return a")
    assert code_of(names["f"]).sha1 != before.sha1


def test_diff_says_what_changed() -> None:
    changed = of(NOTEBOOK.replace("a - 1", "a - 2").replace("K = 3", "K = 4"))
    said = diff(REFERENCE.parts, changed.parts)
    assert "--- helper\n+++ helper" in said
    assert "-        return a - 1\n+        return a - 2" in said
    assert "--- K =\n+++ K =\n@@ -1 +1 @@\n-3\n+4" in said
    assert diff(REFERENCE.parts, REFERENCE.parts) == ""
    assert diff({}, {"f": "x"}).startswith("--- (none)\n+++ f")
