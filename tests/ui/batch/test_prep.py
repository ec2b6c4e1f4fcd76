"""`BatchPrep` itself and `%psweep batch`: messages of the page, the thread, the terminal."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb.errors import OptionError, ParamsError, RemoteError, StudyError
from psweep_nb.ui.batch.prep import BatchPrep
from psweep_nb.ui.completion import completions
from psweep_nb.ui.session import Session
from tests.ui.conftest import Shell, usage_error

PARAMS = [{"a": 1}, {"a": 2}]


class Page:
    """A widget, and a page that asks it."""

    def __init__(self, prep: BatchPrep) -> None:
        self.prep = prep
        prep._made()
        assert prep.widget is not None
        prep.widget.send = self._hear
        self.heard: list[Any] = []

    def _hear(self, content: Any, buffers: Any = None) -> None:
        self.heard.append(content)

    def ask(self, kind: str, **more: Any) -> Any:
        self.prep.answer({"kind": kind, "view": "v", **more})
        return self.heard[-1]

    def finish(self) -> Any:
        assert self.prep._thread is not None
        self.prep._thread.join(60)
        return self.heard[-1]

    @property
    def state(self) -> dict[str, Any]:
        assert self.prep.widget is not None
        found: dict[str, Any] = json.loads(self.prep.widget.state)
        return found


@pytest.fixture
def page() -> Page:
    ps.new_templates("local")
    return Page(BatchPrep(PARAMS, study=ps.Study("calc")))


def test_a_button_does_not_wait_and_one_job_goes_on_at_a_time(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, prep_batch = threading.Event(), ps.Study.prep_batch

    def slow(*args: Any, **options: Any) -> Any:
        assert go_on.wait(30)
        return prep_batch(*args, **options)

    monkeypatch.setattr(ps.Study, "prep_batch", slow)
    page.ask("write")
    assert page.state["working"] == "Writing …"
    said = page.ask("write")
    assert said["bad"] and "one thing at a time" in said["text"]
    page.ask("choose", changes={"number": 1})  # choosing goes on
    assert page.state["choices"]["number"] == 1 and page.state["working"] == "Writing …"
    go_on.set()
    said = page.finish()
    assert (said["of"], said["bad"], said["view"]) == ("done", False, "v")
    assert page.state["working"] == "" and page.state["run"] == "run 0: prepared, 0 of 2 done"
    assert len(page.prep._box.children) == 2  # the run's panel


@pytest.mark.parametrize("error", [RemoteError("no route to\nhost"), StudyError("x"), OSError(28)])
def test_what_goes_wrong_is_a_line_and_the_buttons_come_back(
    page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        raise error

    page.ask("write")
    page.finish()
    monkeypatch.setattr(ps.Study, "submit_batch", broken)
    page.ask("submit")
    said = page.finish()
    assert said["bad"] and "\n" not in said["text"] and str(error).split("\n")[-1] in said["text"]
    assert page.state["working"] == "" and page.state["canSubmit"]


def test_wrong_messages_change_nothing(page: Page) -> None:
    before = page.state
    for message in (None, {}, {"kind": "choose"}, {"kind": "choose", "changes": {"x": 1}}):
        page.prep.answer(message)
    assert page.ask("start", about="local")["bad"]
    assert page.ask("submit")["text"].startswith("there is nothing to submit yet")
    assert page.state == before
    Path("templates/calc/new").write_text("$b")
    page.ask("look")
    assert page.state["sheets"][0]["name"] == "new"


def test_what_it_is_given_is_checked() -> None:
    with pytest.raises(ParamsError):
        BatchPrep(5)
    with pytest.raises(OptionError, match="should be a Command"):
        BatchPrep(command="ls")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="template_mode is 'mako'"):
        BatchPrep(template_mode="mako")
    with pytest.raises(OptionError, match="no directory 'nowhere'"):
        ps.Study("calc").prep_batch(PARAMS, "nowhere")
    assert "no directory 'nowhere'" in repr(BatchPrep(PARAMS, "nowhere"))


def test_in_a_terminal_it_is_text(ipython: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(ipython, capsys)
    shell.run("%load_ext psweep_nb\nimport psweep_nb as ps\nparams = [{'a': 1}]")
    out = shell.run("%psweep batch")
    assert 'no templates yet: ps.new_templates("local")' in out
    shell.run("files = ps.new_templates('local')")
    out = shell.run("%psweep batch params -d mine")
    assert "1 directory in mine/" in out and 'study = ps.Study("mine")' in out
    Path("templates/machines/local/jobscript").write_text("$_cmd\n")
    shell.run("program = ps.Command('echo $a')")
    out = shell.run("%psweep batch params -c program")
    assert "run = study.prep_batch(params, command=program, skip" in out


def test_the_magic(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nb: Shell = notebook
    assert "usage: %psweep batch [PARAMS]" in nb.run("%psweep batch -h")
    assert "batch " in nb.run("%psweep -h")
    assert "nothing expected after params, found 3" in usage_error(nb, "%psweep batch params 3")
    nb.run("params = [{'a': 1}]")
    assert "is no ps.Command" in usage_error(nb, "%psweep batch params -c params")
    assert "not a list of psets" in usage_error(nb, "%psweep batch 5")
    session = Session({"params": [{"a": 1}]})
    assert completions("%psweep ba", session) == ["batch"]
    assert completions("%psweep batch p", session) == ["params"]
    assert completions("%psweep batch --c", session) == ["--command"]
