"""The explorer: what comes up, what can be chosen, and what it tells the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.error import UsageError

import psweep_nb as ps
from psweep_nb.errors import OptionError
from psweep_nb.ui.choice import Choice, Filter, columns_of, completed, menu
from psweep_nb.ui.explorer import Explorer
from tests.ui.conftest import Notebook
from tests.ui.test_drawing import Rude, table
from tests.ui.test_turns import Loop

PARAMS = ["a", "b", "method"]


class Page:
    """An explorer, and a page that asks it."""

    def __init__(self, data: Any, **first: str) -> None:
        self.explorer: Explorer = ps.explore(data, **first)
        self.explorer.draw()
        self.seq = 0

    def choose(self, **changes: Any) -> None:
        self.seq += 1
        self.explorer.answer({"kind": "choose", "changes": changes, "seq": self.seq})
        assert self.said["seq"] == self.seq

    @property
    def said(self) -> dict[str, Any]:
        return self._text("said")

    @property
    def chosen(self) -> dict[str, Any]:
        return self._text("chosen")

    @property
    def menu(self) -> dict[str, Any]:
        return self._text("menu")

    @property
    def figure(self) -> bytes:
        found: bytes = self.explorer.widget.figure
        return found

    def _text(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(getattr(self.explorer.widget, name))
        return found


def chosen(choice: Choice, params: list[str] | None = PARAMS) -> tuple[str, str, str]:
    found = completed(choice, columns_of(table(), params))
    return found.x, found.y, found.color


def test_what_comes_up_at_first() -> None:
    assert chosen(Choice()) == ("a", "energy", "b")
    assert chosen(Choice(y="energy")) == ("a", "energy", "")
    assert chosen(Choice(x="b")) == ("b", "energy", "a")
    assert chosen(Choice(kind="heatmap")) == ("a", "b", "energy")
    assert chosen(Choice(), None) == ("a", "fine", "b")
    assert chosen(Choice(kind="heatmap"), None) == ("a", "b", "fine")
    assert chosen(Choice(), []) == ("a", "b", "")
    assert chosen(Choice(kind="scatter", x="gone", y="method", color="energy")) == (
        "a",
        "method",
        "energy",
    )
    assert completed(Choice(), columns_of(pd.DataFrame(), [])) == Choice()


def test_repeats_are_a_spread_and_no_colours() -> None:
    df = pd.DataFrame({"a": [1, 1, 2, 2], "_repeat": [0, 1, 0, 1], "e": [1.0, 2.0, 3.0, 4.0]})
    assert completed(Choice(), columns_of(df, ["a", "_repeat"])).color == ""
    page = Page(df, x="a", y="e")
    assert page.said["notes"][-1].endswith("of up to 2 rows a point over _repeat")


def test_of_a_table_names_that_end_in_an_underscore_are_results() -> None:
    df = pd.DataFrame({"loss_": [1.0, 2.0], "a": [1, 2], "b": [2, 1]})
    assert columns_of(df, None).params == ["a", "b"]
    assert completed(Choice(), columns_of(df, None)).y == "loss_"


def test_a_heat_map_colours_what_was_against_x_and_back() -> None:
    line = Choice(x="a", y="energy", color="b")
    heat = line.changed({"kind": "heatmap"})
    assert (heat.x, heat.y, heat.color) == ("a", "b", "energy")
    assert heat.changed({"kind": "line"}) == line
    for values in ("a" * 9, [1] * 2000):
        with pytest.raises(OptionError, match="a list is expected"):
            line.changed({"filters": [{"column": "a", "values": values}]})
    assert line.changed({"kind": "scatter"}).y == "energy"


def test_book_keeping_comes_last_or_not_at_all() -> None:
    df = table().assign(_pset_id="x", _pset_runtime=0.1, loss_=0.5)
    offered = [name for name, _ in menu(Choice(), columns_of(df, ["b"]), df)["x"]]
    assert offered[0] == "b"
    assert offered[-2:] == ["_run_seq", "_pset_runtime"]
    assert not {"_pset_id", "_failed"} & set(offered)


def test_choices_change_the_figure_and_its_code() -> None:
    page = Page(table(), x="a", y="energy", color="b")
    assert page.figure.startswith(b"\x89PNG")
    assert page.said["alt"] == "Lines of energy against a, coloured by b"
    assert page.said["notes"][0] == "219 rows"
    first = page.figure
    page.choose(color="method", band="quartiles")
    assert page.figure != first
    assert 'data.groupby("method")' in page.said["code"]
    assert ".quantile(" in page.said["code"]
    page.choose(kind="heatmap", y="b", color="energy")
    assert page.said["alt"] == "Heat map of energy over a and b"
    page.choose(state="failed", runs=[1])
    assert page.said["notes"][0] == "11 rows"
    assert page.explorer.code == page.said["code"]


def test_filters_by_value_and_by_range() -> None:
    page = Page(table(), x="a", y="energy")
    page.choose(filters=[{"column": "method", "values": None}, {"column": "fine"}])
    assert page.menu["values"]["method"]["options"] == [['"adam"', "adam"], ['"sgd"', "sgd"]]
    low, high = map(float, page.menu["values"]["fine"]["range"])
    assert 0 <= low < high <= 1
    all_rows = page.said["notes"][0]
    page.choose(filters=[{"column": "method", "values": ['"sgd"']}])
    assert page.said["notes"][0] != all_rows
    assert 'data["method"].isin(["sgd"])' in page.said["code"]
    page.choose(filters=[{"column": "fine", "low": "0.5", "high": ""}])
    assert '(data["fine"] >= 0.5)' in page.said["code"]
    page.choose(filters=[{"column": "fine", "low": "<b>", "high": ""}])
    assert page.said["error"] == "fine: <b> is no number"
    page.choose(filters=[{"column": "fine", "low": "2", "high": ""}])
    assert page.said["error"] == "No row is left: all are filtered out"
    page.choose(filters=[])
    assert page.said["error"] == ""
    assert page.said["notes"][0] == all_rows


@pytest.mark.parametrize(
    "message",
    [
        None,
        "choose",
        {"kind": "choose"},
        {"kind": "choose", "changes": {"kind": "pie", "x": 3, "band": None}},
        {"kind": "choose", "changes": {"runs": "x", "filters": 3}},
        {"kind": "choose", "changes": {"filters": [{"values": 1}]}},
        {"kind": "nonsense"},
    ],
)
def test_nonsense_from_a_page_changes_nothing(message: Any) -> None:
    page = Page(table(), x="a", y="energy")
    before = page.chosen
    page.explorer.answer(message)
    assert page.chosen == before
    assert page.said["error"] == ""


@pytest.mark.parametrize(
    ("df", "said"),
    [
        (pd.DataFrame(), "There are no rows yet"),
        (pd.DataFrame({"a": [1]}).iloc[:0], "There are no rows yet"),
        (pd.DataFrame({"a": [[1]], "b": [Rude()]}), "There is nothing to draw"),
        (pd.DataFrame({"a": ["x", "y"]}), "There is no column of numbers to draw yet"),
        (pd.DataFrame({"a": [1, 2], "e": [float("nan")] * 2}), "No row is left: 2 rows without"),
    ],
)
def test_nothing_to_draw_is_said(df: pd.DataFrame, said: str) -> None:
    page = Page(df)
    assert page.said["error"].startswith(said)
    assert page.figure == b""


def test_names_from_a_user_are_cut_and_printable_for_the_page() -> None:
    name = "<img onerror=1>\u202e" + "x" * 100
    page = Page(pd.DataFrame({name: [1, 2], "$x_": [3, 4]}))
    ((value, shown), _) = page.menu["x"]
    assert value == name
    assert len(shown) == 40
    assert "\u202e" not in shown
    html = page.explorer._html
    assert "<img onerror" not in html


def test_the_figure_stays_in_the_notebook() -> None:
    page = Page(table(), x="a", y="energy")
    html = page.explorer._html
    assert html.count("<img") == 1
    assert "import matplotlib.pyplot as plt" in html
    assert page.explorer._plain.startswith("Lines of energy against a\n")


def test_wrong_use(notebook: Notebook) -> None:
    for data in ([1], None, "calc"):
        with pytest.raises(OptionError, match="a Study or a DataFrame is expected"):
            ps.explore(data)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="no column 'z'; there are a, b"):
        ps.explore(table(), x="z")
    with pytest.raises(OptionError, match="kind is 'pie'"):
        ps.explore(table(), kind="pie")
    for line in ("1", "df", "a b"):
        with pytest.raises(UsageError):
            notebook.run(f"%psweep explore {line}")


def test_in_a_terminal_it_is_its_code(notebook: Notebook) -> None:
    notebook.shell.user_ns["mine"] = table()
    notebook.run("tables = [mine.copy()]")
    out = notebook.run("%psweep explore tables[0].head(3)")
    assert "\ndata = tables[0].head(3)\n" in out, "the expression: no name stands for it"
    out = notebook.run("%psweep explore mine")
    assert out.startswith("explorer; the code of its figure:\n\nimport matplotlib")
    assert "\ndata = mine\n" in out


def test_it_is_drawn_anew_as_rows_arrive_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    study = ps.Study(tmp_path / "calc")
    explorer = ps.explore(study)
    explorer.draw()
    assert "no rows yet" in json.loads(explorer.widget.said)["error"]
    loop = Loop()
    explorer._turns = loop.turns
    loop.turns.join(explorer)
    drawn: list[float] = []
    draw = explorer.draw

    def draw_and_note() -> None:
        drawn.append(loop.now)
        draw()

    monkeypatch.setattr(explorer, "draw", draw_and_note)

    def look() -> None:
        explorer._news._looked = -1e9
        explorer.poll()
        list(explorer.push())
        loop.run(loop.now + 100)

    look()
    assert drawn == []
    go = tmp_path / "go"
    run = study.submit(_wait_for, [{"a": n, "file": str(go)} for n in range(3)])
    look()
    go.touch()
    run.wait()
    look()
    look()
    assert json.loads(explorer.widget.said)["notes"][0] == "3 rows"
    times = len(drawn)
    assert 1 <= times <= 3
    look()
    assert len(drawn) == times
    assert explorer.ended()

    study.run(_wait_for, [{"a": 3, "file": str(go)}])  # begun and ended between two looks
    look()
    assert json.loads(explorer.widget.said)["notes"][0] == "4 rows"
    look()
    assert len(drawn) == times + 1


def _wait_for(a: int, file: str) -> dict[str, float]:
    import os
    import time

    while not os.path.exists(file):
        time.sleep(0.01)
    return {"energy": a / 2}


def test_what_somebody_waits_for_is_drawn_at_once() -> None:
    loop = Loop()
    page = Page(table(), x="a", y="energy")
    explorer = page.explorer
    explorer._turns = loop.turns
    loop.turns.join(explorer)
    loop.turns.spent(explorer, 1000)
    explorer.answer({"kind": "choose", "changes": {"x": "b"}, "seq": 7})
    loop.busy = True
    loop.run(1)
    assert page.said["seq"] == 0
    loop.busy = False
    loop.turns.cell_ended()
    loop.run(2)
    assert page.said["seq"] == 7
    assert page.chosen["x"] == "b"


def test_a_filter_takes_values_as_python_writes_them() -> None:
    assert Filter("a", ("1", "1.0", '"1"', "True", "None")).wanted() == [1, 1.0, "1", True, None]
    assert Filter("a", low="1", high="2.5").wanted() == slice(1, 2.5)
    assert Filter("a").wanted() is None
    assert Filter("a", ("__import__('os')",)).wanted() == ["__import__('os')"]


def test_columns_whose_names_are_no_texts_are_said_to_be_left_out() -> None:
    shown = ps.explore(pd.DataFrame({0: [1.0, 2.0], 1: [3.0, 4.0]}))
    shown.draw()
    assert "names are no texts" in json.loads(shown.widget.said)["error"]
