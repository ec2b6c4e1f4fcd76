"""Plan, Simulate and Run of the grid editor, on a real study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb.errors import OptionError
from psweep_nb.ui.editor.actions import Runner
from psweep_nb.ui.session import Session
from tests.ui.editor.test_gridedit import Page


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def square(a: int) -> dict[str, int]:
    return {"square": a * a}


def fussy(a: int) -> dict[str, int]:
    return {"square": 1 // (a - 2)}


def product(a: int, b: int) -> dict[str, int]:
    return {"product": a * b}


def planned(page: Page) -> str:
    assert page.editor.widget is not None
    page.ask({"kind": "settle"})
    return page.editor.widget.plan


def test_from_plan_to_rows() -> None:
    page = Page({"a": [1, 2, 3]}, square=square)
    page.ask({"kind": "function", "name": "square"})
    page.ask({"kind": "workers", "value": "2"})
    assert "3 new" in planned(page)
    assert not Path("calc").exists()  # looking writes nothing
    assert page.editor._runner._session.last is None  # and is not using the study
    answer = page.ask({"kind": "plan"})
    assert "3 psets, `square`: 3 new" in answer["details"]
    assert "%psweep plan square params -w 2" in answer["text"]
    answer = page.ask({"kind": "simulate"})
    assert "Nothing was run" in answer["text"]
    assert len(ps.Study("calc.simulate").df) == 3
    answer = page.ask({"kind": "run"})
    assert not answer["bad"]
    assert answer["text"].startswith("run 0: 3 psets, 2 workers")
    run = page.editor._runner._session.names["run"]
    run.wait(60)
    assert sorted(run.df["square"].tolist()) == [1, 4, 9]
    assert len(page.editor._box.children) == 2  # the panel, below the editor
    assert "3 done" in planned(page)
    assert page.ask({"kind": "window", "start": 0, "count": 9})["states"] == ["done"] * 3
    # Once more: nothing is computed, the run is shown.
    answer = page.ask({"kind": "run"})
    assert answer["text"].startswith("nothing would run: 0 new, 3 done")
    assert len(ps.Study("calc").runs) == 1
    page.ask({"kind": "change", "row": 1, "field": "text", "value": "1, 2, 3, 4"})
    assert "1 new, 3 done" in planned(page)
    assert "took" in planned(page)  # what the time is told by


def test_a_failed_pset_is_seen() -> None:
    page = Page({"a": [1, 2]}, fussy=fussy)
    page.ask({"kind": "function", "name": "fussy"})
    page.ask({"kind": "run"})
    page.editor._runner._session.names["run"].wait(60)
    assert "1 failed" in planned(page)
    states = page.ask({"kind": "window", "start": 0, "count": 9})["states"]
    assert states == ["done", "failed"]


@pytest.mark.parametrize("kind", ["plan", "run", "simulate"])
def test_what_cannot_run_is_said(kind: str) -> None:
    page = Page({"a": [1, 2]}, product=product)
    page.ask({"kind": "function", "name": "product"})
    answer = page.ask({"kind": kind})
    assert answer["bad"]
    assert "requires `b`" in answer["text"]
    page = Page({"a": [1]}, square=square)
    page.ask({"kind": "function", "name": "square"})
    page.ask({"kind": "workers", "value": "0"})
    assert "a whole number from 1 on" in page.ask({"kind": "run"})["text"]
    page.ask({"kind": "change", "row": 1, "field": "text", "value": "["})
    assert "to correct" in page.ask({"kind": kind})["text"]
    assert not Path("calc").exists()


def test_functions_that_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"square": square, "_hidden": square, "grid": ps.grid, "n": 3}
    runner = Runner(Session(names))
    assert runner.functions() == ["square"]
    with pytest.raises(OptionError, match="no function 'nothing'"):
        runner.choose("nothing")
    runner.choose("square")
    names["square"] = 3
    with pytest.raises(OptionError, match="any more"):
        runner.plan([{"a": 1}])
    given = Runner(Session({}), square)
    assert (given.functions(), given.chosen) == (["square"], "square")
    # The notebook's only one is chosen without a click.
    own = Runner(Session({"own": _of_main(monkeypatch)}))
    own.functions()
    assert own.chosen == "own"


def _of_main(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(fussy, "__module__", "__main__")
    return fussy
