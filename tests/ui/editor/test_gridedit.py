"""`GridEditor` and ``%psweep edit``: what code sees of the editor, and what the page may send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import ParamsError
from psweep_nb.ui import follower, show, slot
from psweep_nb.ui.editor import gridedit
from psweep_nb.ui.editor.gridedit import GridEditor
from psweep_nb.ui.session import Session
from tests.strategies import json_values
from tests.ui.conftest import Notebook
from tests.ui.fakes import FakeRun

NO_AXES: Any = [{"a": 1}]
NO_PSETS: Any = [1, 2]


@pytest.fixture(autouse=True)
def _no_editors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gridedit, "_editors", {})


def test_params_and_code() -> None:
    editor = ps.GridEditor({"a": [1, 2], "b": range(3), "c": "x"})
    assert editor.params == ps.grid(a=[1, 2], b=range(3), c="x")
    assert editor.code == 'import psweep_nb as ps\n\nparams = ps.grid(a=[1, 2], b=range(3), c="x")'
    assert repr(editor) == "grid editor: 6 psets, 2 x 3 = 6"
    assert ps.GridEditor().params == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ps.GridEditor(NO_AXES), "from_params"),
        (lambda: ps.GridEditor({"a": []}), "is empty"),
        (lambda: ps.GridEditor({"a": {1, 2}}), "no order"),
        (lambda: ps.GridEditor({"a": [1]}, name="two words"), "name of a variable"),
        (lambda: ps.GridEditor.from_params(NO_PSETS), "not a dict"),
    ],
)
def test_what_is_no_grid_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        make()


def test_edit_binds_the_variable(notebook: Notebook) -> None:
    printed = notebook.run("%psweep edit params")
    assert "grid editor: 0 psets" in printed  # a terminal has no page
    assert notebook["params"] == []
    editor = gridedit.edit(notebook.session, "params")
    editor._editing.do({"kind": "change", "row": 1, "field": "name", "value": "a"})
    editor._editing.do({"kind": "change", "row": 1, "field": "text", "value": "1, 2"})
    assert notebook["params"] == [{"a": 1}, {"a": 2}]
    # The same editor, with all that was typed, as long as the variable is its own.
    assert gridedit.edit(notebook.session, "params") is editor
    notebook.run("params = [{'b': 5}]")
    other = gridedit.edit(notebook.session, "params")
    assert other is not editor
    assert other.params == [{"b": 5}]


def test_edit_opens_what_the_variable_holds(notebook: Notebook) -> None:
    notebook.run("import psweep_nb as ps\nparams = before = ps.grid(a=[1, 2], b=[3, 4])")
    assert "ps.grid(a=[1, 2], b=[3, 4])" in notebook.run("%psweep edit params")
    assert notebook["params"] is notebook["before"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%psweep edit", "the name of one variable expected"),
        ("%psweep edit a b", "the name of one variable expected"),
        ("%psweep edit a=[1]", "the name of one variable expected"),
        ("%psweep edit number", "not"),
        ("%psweep edit params --nope", "unknown option"),
    ],
)
def test_wrong_use_is_one_line(notebook: Notebook, line: str, says: str) -> None:
    notebook.run("number = 3")
    with pytest.raises(Exception, match=says) as caught:
        notebook.run(line)
    assert type(caught.value).__name__ == "UsageError"
    assert notebook["number"] == 3


def test_help_says_that_the_variable_is_bound(notebook: Notebook) -> None:
    assert "the variable NAME is their list as you edit" in notebook.run("%psweep edit -h")


class Page:
    """An editor whose widget keeps its answers."""

    def __init__(self, axes: dict[str, Any], **names: Any) -> None:
        self.editor = GridEditor.__new__(GridEditor)
        content = ps.GridEditor(axes)._editing.content
        self.editor._start(content, "params", None, None, Session(names))
        self.editor._made()
        self.answers: list[Any] = []
        assert self.editor.widget is not None
        self.editor.widget.send = lambda content, buffers=None: self.answers.append(content)

    def ask(self, message: Any) -> Any:
        self.editor.answer(message)
        return self.answers[-1] if self.answers else None


_KINDS = ["change", "cell", "window", "add", "move", "cell_text", "setting", "function", "workers",
          "add_column", "delete_row", "plan", "run", "use"]  # fmt: skip
_FIELDS = [
    "row",
    "column",
    "field",
    "value",
    "start",
    "count",
    "view",
    "by",
    "name",
    "after",
    "key",
]


@given(
    st.fixed_dictionaries(
        {"kind": json_values | st.sampled_from(_KINDS)},
        optional={field: json_values for field in _FIELDS},
    )
)
def test_no_message_breaks_the_editor(message: dict[str, Any]) -> None:
    page = Page({"a": [1, 2]})
    answer = page.ask(message)
    assert json.dumps(answer["view"]) == json.dumps(message.get("view"))  # NaN too
    json.dumps({**answer, "view": None, "of": None, "seq": None})
    assert page.editor._editing.state()["rows"]
    page.ask("no dict")
    page.ask({"kind": "undo"})


def test_a_run_begun_in_the_editor_leaves_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, str] = {}  # by display id: what the saved notebook has

    def publish(data: Any, raw: bool = True, *, display_id: str, update: bool, **_: Any) -> None:
        assert update == (display_id in shown)
        shown[display_id] = data["text/html"]

    page = Page({"a": [1, 2]})
    editor = page.editor
    monkeypatch.setattr(slot, "display", publish)
    monkeypatch.setattr(gridedit, "display", lambda box: None)
    monkeypatch.setattr(show, "has_page", lambda ip: True)
    monkeypatch.setattr(follower, "shared", lambda: follower.Follower(threaded=False))
    monkeypatch.setattr(show, "_panels", {})
    editor._ipython_display_()
    code, report = shown
    assert shown[report] == ""
    run: Any = FakeRun(total=2)
    editor._show(run)
    assert "psw-report" in shown[report]
    assert "finished" not in shown[report]
    run.done(0, {"a": 1}, loss=0.5)
    run.done(1, {"a": 2}, loss=0.25)
    run.set(state="finished", pending=0)
    for _ in show.panel_of(run).push():
        pass
    assert "finished" in shown[report]
    assert "0.25" in shown[report]
    assert "psw-report" not in shown[code]
    # A page that is loaded later gets both.
    page.answers.clear()
    page.ask({"kind": "hello", "view": "v"})
    assert [answer["slot"]["slot"] for answer in page.answers] == [report, code]
    # The next run takes the place of the first.
    other: Any = FakeRun(seq=1, total=1)
    editor._show(other)
    assert "run 1" in shown[report]
    run.failed(1, {"a": 2}, "ValueError: late")
    list(show.panel_of(run)._write_report())
    assert "late" not in shown[report]


def test_a_window_is_answered_to_the_view_that_asked() -> None:
    page = Page({"a": range(500)})
    answer = page.ask({"kind": "window", "start": 490, "count": 50, "view": "v"})
    assert (answer["view"], answer["start"], len(answer["rows"])) == ("v", 490, 10)
    text = page.ask({"kind": "cell_text", "row": 3, "column": 0, "view": "v"})
    assert text["text"] == "3"
