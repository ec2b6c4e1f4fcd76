"""The editor at work, without a widget: the page's messages, the way back, the variable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.ui.editor import table
from psweep_nb.ui.editor.draft import Draft, of_axes
from psweep_nb.ui.editor.editing import LONGEST_CODE, Content, Editing
from psweep_nb.ui.editor.opening import content_of
from tests.ui.editor.test_draft import Odd, exactly, executed

HOSTILE = "<img src=x onerror='window.hacked=1'>\u202e\u200b\x00\ud800"


def editing_of(axes: dict[str, Any] | None = None, **names: Any) -> Editing:
    return Editing(Content(of_axes(axes or {"a": [1, 2], "b": [10, 20, 30]})), names, "params")


def change(editing: Editing, row: int, field: str, value: Any, **more: Any) -> None:
    editing.do({"kind": "change", "row": row, "field": field, "value": value, **more})


def test_the_variable_follows_what_is_right() -> None:
    editing = editing_of()
    assert editing.names["params"] == ps.grid(a=[1, 2], b=[10, 20, 30])
    change(editing, 1, "text", "1, 2, [")
    assert len(editing.names["params"]) == 6
    assert editing.state()["note"] == "`params` still has the 6 psets from before"
    assert editing.state()["counted"] == "1 entry to correct"
    with pytest.raises(ParamsError, match="never closed"):
        editing.params()
    change(editing, 1, "text", "1")
    assert editing.names["params"] == ps.grid(a=[1], b=[10, 20, 30])
    assert editing.is_bound_to(editing.names["params"])


def test_a_variable_that_the_user_has_assigned_is_left_alone() -> None:
    editing = editing_of()
    editing.names["params"] = mine = [{"a": 9}]
    change(editing, 1, "text", "1")
    assert editing.names["params"] is mine
    assert "left alone" in editing.state()["note"]


def test_what_was_opened_stays_the_users_until_the_first_edit() -> None:
    params = ps.grid(a=[1, 2])
    names = {"params": params}
    editing = Editing(content_of(params), names, "params", params)
    editing.do({"kind": "settle"})
    assert names["params"] is params
    assert editing.is_bound_to(params)
    change(editing, 1, "text", "3")
    assert names["params"] == [{"a": 3}]
    assert params == [{"a": 1}, {"a": 2}]


def test_a_variable_that_was_named_in_code_is_bound_at_once() -> None:
    names: dict[str, Any] = {"params": 5}
    editing = Editing(Content(of_axes({"a": [1, 2]})), names, "params")
    assert names["params"] == editing.params() == [{"a": 1}, {"a": 2}]


def test_many_psets_are_bound_when_edits_pause() -> None:
    editing = editing_of({"a": range(300), "b": range(299)})
    change(editing, 2, "text", "300")
    assert len(editing.names["params"]) == 300 * 299
    assert editing.state()["count"] == 90_000
    editing.do({"kind": "settle"})
    assert len(editing.names["params"]) == 90_000


def test_undo_takes_back_a_field_at_a_time() -> None:
    editing = editing_of()
    for text in ("1, 2, 3", "1, 2, 3, 4"):
        change(editing, 1, "text", text)
    editing.do({"kind": "remove", "row": 2})
    editing.do({"kind": "undo"})
    assert editing.count == 12
    editing.do({"kind": "undo"})
    assert editing.count == 6
    with pytest.raises(ParamsError, match="nothing to undo"):
        editing.do({"kind": "undo"})


def test_expressions_are_computed_on_enter_only() -> None:
    seen = []
    editing = editing_of(f=lambda: seen.append(1) or [1, 2])  # type: ignore[func-returns-value]
    change(editing, 1, "kind", "expression")
    for text in ("f", "f(", "f()"):
        change(editing, 1, "text", text)
    assert editing.state()["counted"] == "1 expression to compute: press Enter"
    assert seen == []
    change(editing, 1, "text", "f()", enter=True)
    assert (editing.count, seen) == (6, [1])
    editing.names["f"] = lambda: [1]
    change(editing, 1, "text", "f()", enter=True)  # once more: names have changed
    assert editing.count == 3


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "explode"},
        {"kind": "change", "row": 99, "field": "text", "value": "1"},
        {"kind": "change", "row": 1, "field": "key", "value": "1"},
        {"kind": "change", "row": 1, "field": "given", "value": "1"},
        {"kind": "change", "row": 1, "field": "kind", "value": "magic"},
        {"kind": "change", "row": 1, "field": "text", "value": "x" * 30_000},
        {"kind": "setting", "field": "set", "value": "1"},
        {"kind": "setting", "field": "pattern", "value": "spiral"},
        {"kind": "use", "source": "table"},
        {"kind": "cell", "row": 99, "column": 0, "value": "1"},
        {"kind": "cell", "row": 0, "column": 9, "value": "1"},
        {"kind": "add_column", "name": "_x"},
        {"kind": "add_column", "name": "a"},
        {"kind": "add_column", "name": "z", "value": "red"},
        {"kind": "delete_column", "column": -1},
    ],
)
def test_what_cannot_be_changes_nothing(message: dict[str, Any]) -> None:
    editing = editing_of()
    before, state = editing.content, editing.state()
    with pytest.raises(ParamsError):
        editing.do(message)
    assert editing.content == before
    assert editing.state() == state


def test_the_table_is_edited_by_hand() -> None:
    editing = editing_of({"a": [1, 2], "b": ["x"]})
    editing.do({"kind": "cell", "row": 0, "column": 0, "value": "1.5"})
    assert editing.by_hand
    editing.do({"kind": "add_row", "row": 1})
    editing.do({"kind": "cell", "row": 2, "column": 1, "value": "None"})
    editing.do({"kind": "add_column", "name": "c", "value": "True"})
    editing.do({"kind": "cell", "row": 2, "column": 2, "value": ""})
    expected = [{"a": 1.5, "b": "x", "c": True}, {"a": 2, "b": "x", "c": True}, {"a": 2, "b": None}]
    assert exactly(editing.params()) == exactly(expected)
    assert exactly(executed(editing.code())) == exactly(expected)
    assert editing.names["params"] == expected
    editing.do({"kind": "delete_row", "row": 0})
    editing.do({"kind": "delete_column", "column": 2})
    assert editing.params() == [{"a": 2, "b": "x"}, {"a": 2, "b": None}]
    # The rows are still there, and so is the table after a look at them.
    editing.do({"kind": "use", "source": "rows"})
    assert editing.params() == ps.grid(a=[1, 2], b=["x"])
    editing.do({"kind": "use", "source": "table"})
    assert editing.params() == [{"a": 2, "b": "x"}, {"a": 2, "b": None}]


def test_a_wrong_cell_is_kept_until_it_is_right() -> None:
    editing = editing_of()
    editing.do({"kind": "cell", "row": 1, "column": 0, "value": "red"})
    assert editing.table.cell_text(1, "a") == "red"
    assert "quotes" in table.window(editing.table, 0, 9)["rows"][1][0][2]
    with pytest.raises(ParamsError, match="pset 1, a: text needs quotes"):
        editing.params()
    editing.do({"kind": "add_row", "row": 0})
    editing.do({"kind": "cell", "row": 0, "column": 1, "value": "7"})
    assert list(editing.table.wrong) == [(2, "a")]  # it moved along with its row
    editing.do({"kind": "cell", "row": 2, "column": 0, "value": "'red'"})
    assert editing.params()[2] == {"a": "red", "b": 20}
    editing.do({"kind": "cell", "row": 2, "column": 0, "value": "["})
    editing.do({"kind": "delete_row", "row": 2})
    assert editing.valid


def test_a_window_is_bounded_whatever_it_shows() -> None:
    values = [HOSTILE, "y" * 1_000_000, Odd(), float("nan"), 10**5000, [1] * 10_000, {"k": Odd()}]
    many = {f"{HOSTILE}{i}": value for i, value in enumerate(values * 20)}
    shown = table.window(table.of_psets([many] * 1000), -5, 10**9)
    assert len(shown["rows"]) == table.WINDOW
    assert (len(shown["columns"]), shown["hidden"]) == (table.MOST_COLUMNS, 90)
    assert len(json.dumps(shown)) < 1_000_000
    editing = Editing(content_of([many] * 1000), {}, None)
    assert len(json.dumps(editing.state())) < 300_000
    assert table.window(table.of_psets([]), 5, 5)["rows"] == []


def test_the_state_is_bounded() -> None:
    editing = editing_of({"a": range(500_000), "b": [1, 2]})
    assert editing.count == 1_000_000
    assert len(json.dumps(editing.state())) < 5000
    by_hand = Editing(content_of([{"a": "x" * (i % 50)} for i in range(20_000)]), {}, None)
    by_hand.do({"kind": "cell", "row": 0, "column": 0, "value": "1"})
    assert len(json.dumps(by_hand.state())) < LONGEST_CODE + 20_000


def test_hostile_names_and_values_are_no_problem() -> None:
    editing = Editing(Content(Draft().add()), {}, None)
    change(editing, 1, "name", HOSTILE)
    assert editing.count == 0
    assert "half a character" in json.dumps(editing.state())
    change(editing, 1, "name", HOSTILE.removesuffix("\ud800"))
    change(editing, 1, "text", f'"{"<script>"}", nan, {{"x": [None]}}')
    assert editing.count == 3
    assert exactly(executed(editing.code())) == exactly(editing.params())
    state = json.dumps(editing.state())
    assert json.loads(state)


_messages = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("change"),
            "row": st.integers(1, 4),
            "field": st.sampled_from(["name", "kind", "text", "tie", "middle", "on"]),
            "value": st.sampled_from(["a", "b", "list", "range", "1, 2", "1, 2, 3", "[", "A", ""]),
            "enter": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("setting"),
            "field": st.sampled_from(["pattern", "condition", "repeats", "points"]),
            "value": st.sampled_from(["grid", "star", "sample", "a < 2", "2", "", "x"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["cell", "add_row", "delete_row", "delete_column"]),
            "row": st.integers(0, 3),
            "column": st.integers(0, 2),
            "value": st.sampled_from(["1", "'x'", "[", ""]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["add", "duplicate", "remove", "move", "undo", "use"]),
            "row": st.integers(1, 4),
            "by": st.integers(-1, 1),
            "source": st.sampled_from(["rows", "table"]),
        }
    ),
)


@given(st.lists(_messages, max_size=15))
def test_whatever_is_done_params_code_and_state_agree(messages: list[dict[str, Any]]) -> None:
    editing = editing_of()
    for message in messages:
        before = editing.content
        try:
            editing.do(message)
        except ParamsError:
            assert editing.content is before
        state = json.loads(json.dumps(editing.state()))
        if state["valid"]:
            params = editing.params()
            assert state["count"] == len(params)
            assert exactly(executed(editing.code())) == exactly(params)
            assert editing.names["params"] == params
        else:
            with pytest.raises(ParamsError):
                editing.params()
            assert state["code"] == ""
