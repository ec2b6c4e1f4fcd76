"""The grid editor without a widget: rows, what they mean, what is wrong, and the code."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.ui.editor import pycode, typed
from psweep_nb.ui.editor.checking import Checked, Reader, check
from psweep_nb.ui.editor.draft import Draft, of_axes
from tests.strategies import json_values, names, scalars

NAMES: dict[str, Any] = {"sizes": [10, 20, 30], "np": np, "pair": (1, 2)}


def draft_of(*rows: str | dict[str, Any], **settings: str) -> Draft:
    """``"a list 1, 2"`` is a row; a dict has more of its fields."""
    draft = Draft().set(**settings)
    for row in rows:
        fields = row if isinstance(row, dict) else {"row": row}
        name, kind, text = fields.pop("row").split(" ", 2)
        draft = draft.add(name=name, kind=kind, text=text, **fields)
    return draft


def checked(draft: Draft, names: dict[str, Any] = NAMES) -> Checked:
    reader = Reader(names)
    for axis in draft.axes:
        reader.compute(axis)
    return check(draft, reader)


def code_of(draft: Draft, names: dict[str, Any] = NAMES, target: str = "params") -> str:
    return pycode.of_draft(draft, checked(draft, names), target, names)


def executed(code: str, names: dict[str, Any] = NAMES, target: str = "params") -> Any:
    space = dict(names)
    with warnings.catch_warnings(action="ignore"):
        exec(code, space)
    return space[target]


def exactly(value: Any) -> Any:
    """What equals only the same value of the same type: NaN is NaN, 1 is not 1.0."""
    if isinstance(value, dict):
        return {key: exactly(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [type(value), *map(exactly, value)]
    if isinstance(value, set | frozenset):
        return (type(value), sorted(map(repr, value)))
    return (type(value), repr(value))


def agrees(draft: Draft, names: dict[str, Any] = NAMES) -> list[dict[str, Any]]:
    """The psets of a draft, after a look that its code makes the same."""
    found = checked(draft, names)
    assert found.problems == {}
    psets = found.built()
    assert exactly(executed(pycode.of_draft(draft, found, "params", names), names)) == exactly(
        psets
    )
    assert found.count == len(psets)
    if psets:
        assert found.psets is not None
        assert exactly(found.psets[0]) == exactly(psets[0])
        assert exactly(found.psets[-1]) == exactly(psets[-1])
    return psets


def problem(draft: Draft, field: str) -> str:
    found = checked(draft)
    assert list(found.problems) == [field]
    assert found.psets is None
    with pytest.raises(ParamsError):
        pycode.of_draft(draft, found, "params", NAMES)
    return found.problems[field]


def test_a_grid_with_a_tie_says_why_so_many() -> None:
    draft = draft_of(
        "a list 1, 2, 3",
        {"row": "x range 0, 5", "tie": "A"},
        "b linspace 0, 1, 4",
        {"row": "y logspace 1, 10000, 5", "tie": "A"},
        "c constant 'on'",
    )
    assert checked(draft).arithmetic == "3 x (5 tied) x 4 = 60"
    psets = agrees(draft)
    assert psets[0] == {"a": 1, "x": 0, "y": 1.0, "b": 0.0, "c": "on"}
    assert psets[-1] == {"a": 3, "x": 4, "y": 10000.0, "b": 1.0, "c": "on"}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 1.0, '1', None, True", [1, 1.0, "1", None, True]),
        ("[1, 2]", [1, 2]),
        ("(1, 2)", [1, 2]),
        ("[1, 2],", [[1, 2]]),
        ("-1e-3, +2, nan, -inf, float('nan')", [-0.001, 2, np.nan, -np.inf, np.nan]),
        ("{'a': 1}, {1, 2}, b'x', 1+2j", None),
        ("'a', # a comment\n'b'", ["a", "b"]),
    ],
)
def test_types_stay_what_they_are(text: str, values: list[Any] | None) -> None:
    if values is None:
        assert problem(draft_of(f"v list {text}"), "1.text")
        return
    found = [pset["v"] for pset in agrees(draft_of(f"v list {text}"))]
    assert exactly(found) == exactly([float(v) if isinstance(v, np.floating) else v
                                      for v in values])  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("list", "", "1, 2, 3"),
        ("list", "[]", "no values"),
        ("list", "1, 2, [3", "never closed"),
        ("list", "red, blue", "text needs quotes: 'red'"),
        ("list", "1, 2 * k", "expression"),
        ("list", "print('hello')", "expression"),
        ("list", "9" * 5000, "not a Python value"),
        ("list", "[" * 500, "not a Python value"),
        ("list", "1, " * 10_000, "put it into a variable"),
        ("range", "0.5, 2", "choose linspace"),
        ("range", "0, 10, 0", "a step of 0"),
        ("range", "10, 0", "no values in this step"),
        ("range", "0", "no values in this step"),
        ("range", "0, 10000000", "at most 1000000"),
        ("range", "1" + 30 * "0", "at most 1000000"),
        ("expression", "range(10**30)", "at most 1000000"),
        ("linspace", "0, 1", "0, 1, 5"),
        ("linspace", "0, 1, 2.5", "how many is a whole number"),
        ("linspace", "0, 1, 0", "how many is a whole number"),
        ("linspace", "0, nan, 3", "not a finite number"),
        ("linspace", "0, 1, 100000000000", "at most 1000000"),
        ("linspace", "'0', 1, 3", "not a finite number"),
        ("linspace", f"0, 1{'0' * 400}, 3", "not a finite number"),
        ("logspace", "0, 1, 3", "more than 0"),
        ("integers", "0, 1e17, 3", "2**53"),
        ("constant", "", "nothing here yet"),
        ("constant", "red", "quotes: 'red'"),
        ("expression", "", "no expression yet"),
        ("expression", "size", "did you mean sizes?"),
        ("expression", "1 /", "not a Python expression"),
        ("expression", "1 / 0", "ZeroDivisionError"),
        ("expression", "{1, 2}", "a set, which has no order"),
        ("expression", "[]", "is empty"),
        ("expression", "(x for x in sizes)", "list(...)"),
        ("expression", "exit(3)", "SystemExit"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(kind: str, text: str, says: str) -> None:
    names = NAMES | {"exit": lambda code: (_ for _ in ()).throw(SystemExit(code))}
    found = checked(draft_of("ok list 1, 2", f"v {kind} {text}"), names)
    assert list(found.problems) == ["2.text"]
    assert says in found.problems["2.text"]
    assert found.lengths == {1: 2}


def test_names_are_looked_at() -> None:
    assert "another row" in problem(draft_of("a list 1", "a list 2"), "2.name")
    assert "book-keeping" in problem(draft_of("_a list 1"), "1.name")
    assert "empty" in problem(Draft().add(text="1, 2"), "1.name")


def test_blank_rows_and_rows_switched_off_do_not_count() -> None:
    draft = draft_of("a list 1, 2", {"row": "a list [", "on": False}).add()
    assert agrees(draft) == [{"a": 1}, {"a": 2}]
    assert agrees(Draft()) == []
    assert checked(Draft().add()).built() == []


def test_tied_rows_have_as_manyjson_values() -> None:
    draft = draft_of({"row": "a list 1, 2", "tie": "A"}, {"row": "b list 1, 2, 3", "tie": "A"})
    assert "a has 2, this has 3" in problem(draft, "2.text")
    assert len(agrees(draft.change(2, tie="B"))) == 6  # alone in its group it is tied to nothing


def test_an_expression_is_computed_when_asked_for_and_not_before() -> None:
    calls = []

    def f() -> list[int]:
        calls.append(1)
        return [1, 2]

    names: dict[str, Any] = {"f": f}
    draft = draft_of("a expression f()")
    reader = Reader(names)
    found = check(draft, reader)
    assert (found.waiting, found.psets, calls) == ({1}, None, [])
    reader.compute(draft.axes[0])
    assert check(draft, reader).count == 2
    assert check(draft.add(name="b", text="1, 2"), reader).count == 4
    assert calls == [1]
    names["f"] = lambda: [1, 2, 3]  # names are the notebook's as they are when asked again
    reader.compute(draft.axes[0])
    assert check(draft, reader).count == 3


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("sizes", [10, 20, 30]),
        ("np.arange(3) * 0.5", [0.0, 0.5, 1.0]),
        ("1, 2", [1, 2]),
        ("'text'", ["text"]),
        ("np.float64(2)", [2.0]),
        ("{'a': 1}.values()  # why not", [1]),
        ("pair", [1, 2]),
    ],
)
def test_expressions_are_what_grid_makes_of_them(text: str, values: list[Any]) -> None:
    draft = draft_of(f"a expression {text}")
    assert exactly([pset["a"] for pset in agrees(draft)]) == exactly(values)


def test_a_star() -> None:
    draft = draft_of("a list 1, 2, 3", "b list 10, 20", "c constant 7", pattern="star")
    assert checked(draft).arithmetic == "3 + 2 - 1 (there already) = 4"
    psets = agrees(draft)
    assert psets == ps.stargrid(
        {"a": 1, "b": 10, "c": 7}, [ps.plist("a", [1, 2, 3]), ps.plist("b", [10, 20])]
    )
    around = agrees(draft.change(1, middle="2"))
    assert {"a": 2, "b": 20, "c": 7} in around
    assert "quotes" in problem(draft.change(1, middle="two"), "1.middle")
    assert "all are constants" in problem(draft_of("c constant 7", pattern="star"),
                                          "settings.pattern")  # fmt: skip
    agrees(draft.change(1, tie="A").change(2, tie="A", text="10, 20, 30"))


@pytest.mark.parametrize("method", ["random", "lhs", "sobol"])
def test_samples(method: str) -> None:
    draft = draft_of("a between 0.0, 1.0", "b between 1, 6", "c list 'x', 'y'", "d constant [1]",
                     "e expression pair", "f linspace 0, 1, 3", "g expression np.eye(2)[0]",
                     pattern="sample", points="16", method=method, seed="3")  # fmt: skip
    psets = agrees(draft)
    assert all(0 <= p["a"] < 1 and p["b"] in range(1, 7) and p["e"] in (1, 2) for p in psets)
    assert psets == agrees(draft)
    assert "seed" not in code_of(draft.set(seed="0"))


def test_settings_are_looked_at() -> None:
    draft = draft_of("a list 1, 2", "b between 0, 1", pattern="sample")
    assert "whole number" in problem(draft.set(points="many"), "settings.points")
    assert "whole number" in problem(draft.set(seed="-1"), "settings.seed")
    assert "at most" in problem(draft.set(points="1000000"), "settings.points")
    assert "for samples" in problem(draft.set(pattern="grid"), "2.kind")
    draft = draft_of("a list 1, 2", "b list 1, 2")
    assert "whole number" in problem(draft.set(repeats="0"), "settings.repeats")
    assert "no Python expression" in problem(draft.set(condition="a <"), "settings.condition")
    assert "'z'" in problem(draft.set(condition="a < z"), "settings.condition")
    assert "none of 4" in problem(draft.set(condition="a > 9"), "settings.condition")
    assert "may call" in problem(draft.set(condition="open('x')"), "settings.condition")
    wrong = checked(draft.set(condition="a <", repeats="x"))
    assert list(wrong.problems) == ["settings.repeats", "settings.condition"]
    many = draft_of("a range 0, 1000000", "b range 0, 1000000", "c range 0, 1000000",
                    "d range 0, 1000000")  # fmt: skip
    assert "at most" in problem(many, "settings.pattern")


def test_conditions_and_repeats_say_what_they_do() -> None:
    draft = draft_of("a list 1, 2, 3", "b list 1, 2, 3", condition="a < b", repeats="2")
    assert checked(draft).arithmetic == "3 x 3 = 9, 3 with a < b, each 2 times = 6"
    assert [p["_repeat"] for p in agrees(draft)] == [0, 1] * 3
    draft = draft.set(condition="")
    assert checked(draft).arithmetic == "3 x 3 x 2 repeats = 18"
    agrees(draft)


def test_a_million_psets_are_counted_not_built() -> None:
    found = checked(draft_of("a range 0, 1000", "b range 0, 500", repeats="2"))
    assert found.count == 1_000_000
    assert found.psets is not None
    last = found.psets[-1]
    assert (last["a"], last["b"], last["_repeat"]) == (999, 499, 1)


def test_code_reads_well() -> None:
    draft = draft_of(
        {"row": "a list 1, 2, 3", "tie": "A"},
        {"row": "b linspace 0, 1, 3", "tie": "A"},
        "c list 'x', 'y'",
        condition="a > 1",
    )
    assert code_of(draft) == (
        "import numpy as np\n"
        "import psweep_nb as ps\n"
        "\n"
        "params = ps.pgrid(\n"
        "    zip(ps.grid(a=[1, 2, 3]), ps.grid(b=np.linspace(0, 1, 3))),\n"
        '    ps.grid(c=["x", "y"]),\n'
        ")\n"
        'params = ps.where(params, "a > 1")\n'
    )
    assert code_of(draft_of("a list 1, 2")) == (
        "import psweep_nb as ps\n\nparams = ps.grid(a=[1, 2])\n"
    )


def test_code_changes_no_name_of_the_user() -> None:
    names = {"ps": "mine", "np": "mine too", "sizes": [1, 2]}
    draft = draft_of("a linspace 0, 1, 3", "b expression sizes", repeats="2")
    space = dict(names)
    exec(code_of(draft, names), space)
    assert (space["ps"], space["np"]) == ("mine", "mine too")
    agrees(draft, names)
    assert executed(code_of(draft, {"sizes": [1]}, "ps"), {"sizes": [1]}, "ps")


def test_names_that_are_no_identifiers() -> None:
    psets = agrees(draft_of("lambda list 1, 2").add(name="two words", text="3").add(
        name="\ufb01", text="4").add(name="<b>\u202e'\"", text="5"))  # fmt: skip
    assert list(psets[0]) == ["lambda", "two words", "\ufb01", "<b>\u202e'\""]


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def testjson_values_that_cannot_be_typed_stay_as_they_are() -> None:
    odd = Odd()
    draft = of_axes({"a": [odd, odd], "b": "x" * 1_000_000, "c": range(3), "d": [1, "2"], "e": 5})
    assert [axis.kind for axis in draft.axes] == ["given", "given", "range", "list", "constant"]
    found = checked(draft)
    assert found.count == 12
    assert found.built()[0]["a"] is odd
    with pytest.raises(ParamsError, match="a has a Odd, for which there is no code"):
        pycode.of_draft(draft, found, "params", NAMES)
    assert draft.change(1, kind="list", text="1").axes[0].given == ()


def test_edits() -> None:
    draft = draft_of("a list 1", "b list 2")
    assert [a.name for a in draft.move(2, -1).axes] == ["b", "a"]
    assert draft.move(1, -1) == draft
    assert [a.name for a in draft.duplicate(1).duplicate(1).axes] == ["a", "a_3", "a_2", "b"]
    assert [a.name for a in draft.remove(1).axes] == ["b"]
    assert [a.name for a in draft.add(after=1).axes] == ["a", "", "b"]
    assert draft.add(key=70).axes[-1].key == 70
    with pytest.raises(ParamsError, match="already"):
        draft.add(key=1)
    assert len({a.key for a in draft.duplicate(1).remove(1).add().axes}) == 3
    for wrong in (lambda: draft.remove(9), lambda: draft.change(1, kind="magic"),
                  lambda: draft.set(pattern="spiral")):  # fmt: skip
        with pytest.raises(ParamsError):
            wrong()


# -- what holds for all drafts -------------------------------------------------------------------

_names = names | st.sampled_from(["a", "b", "class", "x y", "\ufb01"])
_whole = st.integers(-50, 50)


@given(json_values)
def test_a_literal_is_read_as_it_was_written(value: Any) -> None:
    assert exactly(typed.read(typed.write(value))) == exactly(value)
    typed.shown(value)


@given(st.lists(json_values, min_size=1, max_size=4))
def test_so_are_several(values: list[Any]) -> None:
    text = typed.write_several(values)
    assert exactly(typed.read_several(text)) == exactly(values)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for kind in ("list", "constant", "range", "linspace", "logspace", "integers", "between"):
        check(Draft().add(name="a", kind=kind, text=text), Reader({}))


@st.composite
def _rows(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["list", "list", "range", "linspace", "logspace", "integers",
                                 "between", "constant", "expression"]))  # fmt: skip
    several = st.lists(json_values, min_size=1, max_size=3).map(typed.write_several)
    spaced = st.tuples(_whole, _whole, st.integers(1, 3)).map(lambda t: f"{t[0]}, {t[1]}, {t[2]}")
    texts = {
        "list": several,
        "range": st.integers(1, 3).map(lambda n: f"0, {n}"),
        "linspace": spaced,
        "integers": spaced,
        "logspace": st.integers(1, 3).map(lambda n: f"1, 100, {n}"),
        "between": _whole.map(lambda low: f"{low}, {low + 2.5}"),
        "constant": json_values.map(typed.write),
        "expression": st.sampled_from(["sizes", "1, 2, 3", "'word'", "np.arange(2)", "7", "pair"]),
    }
    return {
        "kind": kind,
        "text": draw(texts[kind]),
        "tie": draw(st.sampled_from(["", "", "A"])),
        "on": draw(st.sampled_from([True, True, True, False])),
        "middle": draw(st.just("") | scalars.map(typed.write)),
    }


@given(
    st.lists(_rows(), max_size=4),
    st.lists(_names, min_size=4, max_size=4, unique=True),
    st.sampled_from(["grid", "grid", "star", "sample"]),
    st.sampled_from(["1", "1", "2"]),
)
def test_the_code_makes_the_psets(
    rows: list[dict[str, Any]], names: list[str], pattern: str, repeats: str
) -> None:
    draft = Draft().set(pattern=pattern, repeats=repeats, points="4")
    for name, row in zip(names, rows, strict=False):
        draft = draft.add(name=name, **row)
    found = checked(draft)
    if found.problems:
        assert all(found.problems.values())
        assert found.psets is None
    else:
        agrees(draft)
