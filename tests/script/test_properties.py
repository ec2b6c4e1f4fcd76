"""Any notebook that is put together of such cells: its script gives the same, by the same code."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tests.strategies  # noqa: F401  (the profile of hypothesis)
from tests.script import exporting
from tests.script.exporting import end

# Names that the driver, or what makes psets, would like to have.
NAMES = [
    "main", "ps", "argparse", "PARAMS", "args", "parser", "df", "sys", "Path", "pickle",
    "stored", "make_params", "print", "len", "Study", "params", "func", "box", "k", "L_x",
]  # fmt: skip

values = st.one_of(
    st.integers(-9, 9),
    st.floats(-9, 9).map(lambda x: round(x, 3)),
    st.sampled_from([2**70, 1e-300, True, None, "text", "it's", 'a "b"', (), (1,), b"\x00"]),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3),
)


@dataclass
class Piece:
    """Cells that define a name, and an expression of it and of `a`."""

    cells: list[str]
    use: str


def text(value: object) -> str:
    """A value as a formatter writes it."""
    if isinstance(value, str):
        return '"' + value.replace('"', "'") + '"' if "'" not in value else f'"{value}"'
    if isinstance(value, bytes):
        return 'b"\\x00"'
    return repr(value).replace("'", '"')


@st.composite
def constants(draw: st.DrawFn, name: str) -> Piece:
    value = draw(values)
    comment = draw(st.sampled_from(["", "  # in mm"]))
    above = draw(st.sampled_from(["", "# What it is\n"]))
    before = draw(st.sampled_from([[], [f"{name} = 77"], [f"{name}_ = [0]\n{name} = {name}_"]]))
    return Piece([*before, f"{above}{name} = {text(value)}{comment}"], f"({name}, a)")


@st.composite
def derived(draw: st.DrawFn, name: str) -> Piece:
    n = draw(st.integers(1, 9))
    again = draw(st.booleans())
    cells = [f"{name}_n = {n}", f"{name} = {name}_n * 2 + 1"]
    return Piece([*cells, *[f"{name}_n = {n + 1}"] * again], f"{name} + a")


@st.composite
def changed(draw: st.DrawFn, name: str) -> Piece:
    change = draw(
        st.sampled_from(
            ["{0}.append(3)", "{0} += [4]", "{0}[0] = 5", "for i in (1, 2):\n    {0}.append(i)"]
        )
    )
    return Piece([f"{name} = [0]", change.format(name)], f"{name} + [a]")


@st.composite
def arrays(draw: st.DrawFn, name: str) -> Piece:
    made = draw(
        st.sampled_from(
            ["linspace(0, 1, 3)", "arange(4)", "float32(0.1)", "random.rand(2)", "eye(2)"]
        )
    )
    cells = ["import numpy", f"{name} = numpy.{made}"]
    return Piece(cells, f"(numpy.asarray({name}) * a).tolist()")


@st.composite
def functions(draw: st.DrawFn, name: str) -> Piece:
    k = draw(st.integers(0, 9))
    kinds = [
        [f"def {name}(x):\n    return x + {k}  # a comment"],
        [f"def {name}(x, k={k}):\n    return inner_{name}(x) + k",
         f"def inner_{name}(x):\n    return 2 * x"],
        [f"{name}_k = {k}", f"def {name}(x, *, k={name}_k):\n    return x + k"],
        [f"def make_{name}(k):\n    return lambda x: x + k", f"{name} = make_{name}({k})"],
        ["from functools import partial", f"def base_{name}(y, x):\n    return x + y",
         f"{name} = partial(base_{name}, {k})"],
        ["import functools as ft", f"@ft.lru_cache\ndef {name}(x):\n    return x + {k}"],
        [f"def deco_{name}(f):\n    def inner(x):\n        return f(x) + {k}\n\n    return inner",
         f"@deco_{name}\ndef {name}(x):\n    return x"],
        [f"def {name}(x):\n    return 1 / 0", f"def {name}(x):\n    return x - {k}"],
        [f"def {name}(x):\n    def inner(y):\n        return y + {k}\n\n    return inner(x)"],
        ["from math import copysign, fabs as absolute",
         f"def {name}(x):\n    return copysign(absolute(x), -1) + {k}"],
        [f"{name}_seen = {{}}", f"def {name}(x):\n    {name}_seen[x] = 1\n    return x + {k}"],
    ]  # fmt: skip
    return Piece(draw(st.sampled_from(kinds)), f"{name}(a)")


@st.composite
def classes(draw: st.DrawFn, name: str) -> Piece:
    k = draw(st.integers(0, 9))
    get = "    def get(self, x):\n        return x + self.k"
    kinds = [
        [f"class {name}:\n    k = {k}\n\n{get}"],
        [f"class Base_{name}:\n    k = {k}\n\n{get}", f"class {name}(Base_{name}):\n    pass"],
        ["from dataclasses import dataclass",
         f"@dataclass\nclass {name}:\n    k: int = {k}\n\n{get}"],
    ]  # fmt: skip
    return Piece(draw(st.sampled_from(kinds)), f"{name}().get(a)")


@st.composite
def notebooks(draw: st.DrawFn) -> list[str]:
    """The cells of a notebook in which a function uses some of each."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    kinds = st.sampled_from([constants, derived, changed, arrays, functions, classes])
    pieces = [draw(draw(kinds)(name)) for name in names]
    queues = [list(piece.cells) for piece in pieces]
    uses = "".join(f"    found.append({piece.use})\n" for piece in pieces)
    func = draw(st.sampled_from(["f", "simulate", "run"]))
    queues.append([f'def {func}(a):\n    found = []\n{uses}    return {{"r": str(found)}}'])
    cells = []
    while queues := [queue for queue in queues if queue]:
        cells.append(draw(st.sampled_from(queues)).pop(0))
    psets = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
    # The notebook's own names must not be in the way of its last cell.
    last = end(func, f"[dict(a=x) for x in {psets}]", "study.export()")
    return [
        *cells,
        last.replace("import psweep_nb as ps\n", "import psweep_nb as _ps\n").replace(
            "ps.S", "_ps.S"
        ),
    ]


@given(cases=st.lists(notebooks(), min_size=30, max_size=30))
@settings(
    max_examples=2,
    phases=[Phase.generate],  # a smaller one is not worth minutes: the cells are in the message
    suppress_health_check=list(HealthCheck),
)
def test_any_notebook(cases: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    place: Path = tmp_path_factory.mktemp("any")
    for case, found in zip(cases, exporting.run(cases, place), strict=True):
        told = "\n\n# --\n".join(case) + "\n\n=====\n"
        assert not found.errors, told + "\n".join(found.errors)
        assert found.error == "", told + found.text + found.error
        for column in ("a", "r", "_pset_sha1"):
            assert found.after[column].tolist() == found.before[column].tolist(), told + found.text
        if "class " not in found.text:  # see UNKNOWN in test_export
            assert found.code("again") == found.code("calc"), told + found.text
    assert exporting.ruff(place) == ""
