"""What code built opens in the editor: the same psets, as rows where they are a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.ui.editor.editing import Editing
from psweep_nb.ui.editor.opening import content_of
from tests.strategies import names, psets, values
from tests.ui.editor.test_draft import exactly, executed


def opened(params: list[dict[str, Any]]) -> Editing:
    """The editor, after a look that it holds and writes just these psets."""
    editing = Editing(content_of(params), {}, None)
    assert exactly(editing.params()) == exactly(params)
    assert exactly(executed(editing.code())) == exactly(params)
    return editing


def rows(editing: Editing) -> list[tuple[str, str, str, str]]:
    return [(a.name, a.kind, a.text, a.tie) for a in editing.content.draft.axes]


def test_grids_ties_constants_and_spaces_are_found() -> None:
    a, b = ps.plist("a", [1, 2, 3]), ps.plist("b", ["x", "y", "z"])
    params = ps.pgrid(zip(a, b, strict=True), ps.grid(c=np.linspace(0, 1, 5), d=0.5))
    editing = opened(params)
    assert rows(editing) == [
        ("a", "list", "1, 2, 3", "A"),
        ("b", "list", '"x", "y", "z"', "A"),
        ("c", "linspace", "0.0, 1.0, 5", ""),
        ("d", "constant", "0.5", ""),
    ]
    assert not editing.by_hand


@pytest.mark.parametrize(
    ("axis", "kind", "text"),
    [
        (range(7), "range", "0, 7"),
        ([8, 6, 4, 2, 0], "range", "8, -1, -2"),
        (ps.intspace(0, 100, 7), "integers", "0, 100, 7"),
        (ps.logspace(1, 1e4, 5), "logspace", "1.0, 10000.0, 5"),
        ([0.1, 0.2, 0.3, 0.4, 0.5], "list", "0.1, 0.2, 0.3, 0.4, 0.5"),
        ([1, 2, 3, 4, 5.0], "list", "1, 2, 3, 4, 5.0"),
        ([True, False, True, False, True], "list", "True, False, True, False, True"),
    ],
)
def test_kinds_are_found_where_they_are_exact(axis: Any, kind: str, text: str) -> None:
    [row] = rows(opened(ps.grid(a=axis)))
    assert row[1:3] == (kind, text)


def test_repeats_are_found() -> None:
    editing = opened(ps.repeat(ps.grid(a=[1, 5], b=[2, 4]), 3))
    assert editing.content.draft.settings.repeats == "3"
    assert rows(editing) == [("a", "list", "1, 5", ""), ("b", "list", "2, 4", "")]
    changed = ps.repeat(ps.grid(a=[1, 5]), 2)
    changed[1]["a"] = 7
    assert opened(changed).content.draft.settings.repeats == "1"


def test_what_is_no_grid_is_a_table() -> None:
    no_grids: list[list[dict[str, Any]]] = [
        ps.sample({"a": (0.0, 1.0), "b": (0.0, 1.0)}, 20),
        [{"a": 1}, {"b": 2}],
        [{}],
        [{"a": 1, "x" * 1000: 2}],
    ]
    for params in no_grids:
        assert opened(params).by_hand


def test_an_empty_list_opens_a_blank_row() -> None:
    assert rows(Editing(content_of([]), {}, None)) == [("", "list", "", "")]


def test_objects_are_kept() -> None:
    thing = object()
    editing = Editing(content_of([{"a": thing, "b": i} for i in range(3)]), {}, None)
    assert all(pset["a"] is thing for pset in editing.params())
    with pytest.raises(ParamsError, match="no code"):
        editing.code()


def test_too_many_that_are_no_grid() -> None:
    with pytest.raises(ParamsError, match="too many to edit by hand"):
        content_of([{"a": i, "b": i * i % 7} for i in range(100_001)])
    assert not Editing(content_of([{"a": i} for i in range(100_001)]), {}, None).by_hand


@given(st.lists(psets, max_size=6))
def test_any_list_of_psets_opens_as_it_is(params: list[dict[str, Any]]) -> None:
    opened(params)


@given(
    st.dictionaries(
        names,
        st.lists(values, min_size=1, max_size=3) | st.integers(1, 5).map(range),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 2),
)
def test_any_grid_opens_as_it_is(axes: dict[str, Any], n: int) -> None:
    try:
        params = ps.repeat(ps.grid(**axes), n) if n > 1 else ps.grid(**axes)
    except ParamsError:
        return  # values that are taken for a plist
    opened(params)
