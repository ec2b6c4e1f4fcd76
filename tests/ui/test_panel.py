"""What the panel shows, as plain data; and the widget that carries it."""

from __future__ import annotations

import json
import pathlib
import time
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.errors import StudyError
from psweep_nb.ui import header, panel, rows, text, texts
from tests.ui.fakes import FakeRun, FakeRunning, FakeStatus


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (10**100, "<int of 333 bits>"),
        (0.1 + 0.2, "0.3"),
        (float("nan"), "nan"),
        (True, "True"),
        (None, "None"),
        ("text", "text"),
        ("two\nlines", "two\\nlines"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\ud800", "\\ud800"),
        ([1, 2.5, "x"], "[1, 2.5, 'x']"),
        ({"a": (1,)}, "{'a': (1,)}"),
        (b"12345", "<5 bytes>"),
        (np.float64(0.25), "0.25"),
        (np.int64(3), "3"),
        (np.array(2.0), "2"),
        (np.zeros((2, 3)), "ndarray (2, 3) float64"),
        (pd.DataFrame({"a": [1]}), "DataFrame (1, 1)"),
        (np.datetime64("2031-01-02"), "2031-01-02"),
        (date(2031, 1, 2), "2031-01-02"),
        (Decimal("1.50"), "1.50"),
        (pathlib.Path("a/b"), "a/b"),
        (Rude(), "<Rude>"),
        ([Rude()], "[<Rude>]"),
        (object, "<type>"),
    ],
)
def test_values_in_cells(value: Any, shown: str) -> None:
    assert texts.cell(value) == shown


@given(
    st.recursive(
        st.none() | st.text() | st.floats() | st.integers() | st.binary() | st.characters(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=30,
    )
)
def test_any_value_is_short_and_can_be_sent(value: Any) -> None:
    shown = texts.cell(value)
    assert len(shown) <= texts.CELL_WIDTH
    assert shown.isprintable()
    for full in (texts.full(value), texts.block(repr(value)), texts.line(str(value))):
        full.encode()
        assert len(full) < 30_000


def test_large_values_cost_little() -> None:
    large = [
        list(range(10**6)),
        {i: i for i in range(10**6)},
        "x" * 10**7,
        1 << 10**7,
        [[0] * 10**6] * 9,
    ]
    started = time.perf_counter()
    for value in large:
        texts.cell(value)
        texts.full(value)
    assert time.perf_counter() - started < 0.5


# -- head ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "commands"),
    [
        (FakeStatus("running"), "running", ["pause", "stop"]),
        (FakeStatus("paused"), "paused", ["resume", "stop"]),
        (FakeStatus("stopping", running=2), "stopping: 2 psets still running", ["stop_now"]),
        (FakeStatus("stopped", done=1, failed=1), "stopped", ["resume", "retry"]),
        (FakeStatus("finished", done=4), "finished", []),
        (FakeStatus("finished", done=3, failed=1), "finished, 1 failed", ["retry"]),
        (FakeStatus("lost"), "lost: the process that computed it is gone", ["resume"]),
        (FakeStatus("unknown", failed=1), "unknown: it belongs to another machine", []),
        (FakeStatus("something new"), "something new", []),
    ],
)
def test_states_in_words_and_what_can_be_done(status: Any, words: str, commands: list[str]) -> None:
    assert header.words(status) == words
    assert header.commands(status) == commands


def test_what_is_not_known_is_said() -> None:
    assert header.pace(FakeStatus()) == [  # type: ignore[arg-type]
        "rate unknown",
        "1.0 s so far",
        "time left unknown",
    ]
    known: Any = FakeStatus(rate=12.3, time_left=17.6)
    assert header.pace(known) == ["12 psets/s", "1.0 s so far", "about 18 s left"]
    assert header.pace(FakeStatus("finished")) == ["took 1.0 s"]  # type: ignore[arg-type]


def test_the_head_is_small() -> None:
    run: Any = FakeRun(label="l" * 500, total=10**6)
    run.set(message="m" * 5000, done=999_999, failed=1)
    built = header.build(run, run.status())
    assert len(json.dumps(built)) < 2500
    assert built["counts"]["done"] == "999\u202f999 of 1\u202f000\u202f000 done"


# -- rows ---------------------------------------------------------------------------------------


def built(run: FakeRun) -> dict[str, Any]:
    view: Any = run.view
    return rows.Rows(view).build()


def test_rows_newest_first_with_columns_of_parameters_and_results() -> None:
    run = FakeRun()
    run.done(0, {"a": 1, "b": "x"}, loss=0.5)
    run.done(1, {"a": 2, "b": "y"}, loss=0.25, extra=None)
    table = built(run)
    assert [(c["name"], c["kind"], c["numeric"]) for c in table["columns"]] == [
        ("a", "param", True),
        ("b", "param", False),
        ("loss", "result", True),
        ("extra", "result", False),
    ]
    assert [row["cells"] for row in table["newest"]] == [
        ["2", "y", "0.25", "None"],
        ["1", "x", "0.5", ""],
    ]
    assert table["seen"] == 2


def test_failures_and_running_psets() -> None:
    run = FakeRun()
    run.failed(2, {"a": 1}, "ValueError: no\nmore")
    run.view.at_work = [FakeRunning(3, {"a": 5}, 61)]
    table = built(run)
    assert table["failed"][0]["error"] == "ValueError: no"
    assert table["newest"][0]["state"] == "failed"
    assert table["running"][0]["runtime"] == "1 min 1 s"
    assert table["running"][0]["cells"] == ["5"]


def test_what_running_psets_report_is_shown() -> None:
    run = FakeRun()
    run.done(0, {"a": 1}, loss=0.5)
    reports: list[dict[str, Any]] = [
        {"loss": 0.125, "progress": 0.999},
        {"progress": "<b>soon", "a": 7},
        {},
    ]
    run.view.at_work = [FakeRunning(i, {"a": i}, report=r) for i, r in enumerate(reports, 1)]
    table = built(run)
    assert [c["name"] for c in table["columns"]] == ["a", "loss", "progress"]
    assert [c["kind"] for c in table["columns"]] == ["param", "result", "result"]
    assert [(row["progress"], row["cells"]) for row in table["running"]] == [
        ("99 %", ["1", "0.125", "0.999"]),
        ("", ["7", "", "<b>soon"]),
        ("", ["3", "", ""]),
    ]
    assert table["newest"][0]["progress"] == ""
    detail = rows.detail(run.view, 1)  # type: ignore[arg-type]
    assert detail["results"] == [["loss", "0.125"], ["progress", "0.999"]]


def test_what_a_failed_pset_reported_is_in_its_detail() -> None:
    run = FakeRun()
    run.failed(0, {"a": 1}, "ValueError: no")
    run.view.records[0].reported = {"loss": 0.5}
    assert rows.detail(run.view, 0)["results"] == [["loss", "0.5"]]  # type: ignore[arg-type]


def test_an_attempt_that_a_later_one_replaced_is_not_shown() -> None:
    run = FakeRun()
    run.failed(0, {"a": 1}, "ValueError: no")
    run.done(0, {"a": 1}, loss=1)
    run.view.records[-1].attempt = 2
    table = built(run)
    assert [row["state"] for row in table["newest"]] == ["done"]
    assert table["failed"] == []


def test_many_wide_rows_stay_bounded() -> None:
    run = FakeRun(total=10**5)
    pset = {f"parameter_{k}": "v" * 100 for k in range(1000)}
    for i in range(200):
        run.done(i, pset, **{f"result_{k}": k for k in range(50)})
    view: Any = run.view
    table = rows.Rows(view)
    started = time.perf_counter()
    found = table.build()
    assert time.perf_counter() - started < 0.5
    assert len(json.dumps(found)) < 200_000
    assert len(found["columns"]) == rows.MAX_COLUMNS
    assert found["hidden"] == 1050 - rows.MAX_COLUMNS
    assert {c["kind"] for c in found["columns"]} == {"param", "result"}
    assert len(found["newest"]) == rows.SHOWN


def test_detail_of_a_row() -> None:
    run = FakeRun()
    run.failed(0, {"a": [1, 2]}, "ValueError: no", "Traceback\nValueError: no")
    run.view.records[0].text = "printed\n"
    run.view.records[0].attempt = 2
    view: Any = run.view
    detail = rows.detail(view, 0)
    assert detail["title"] == "pset 0, failed after 20 ms, attempt 2"
    assert detail["params"] == [["a", "[1, 2]"]]
    assert detail["traceback"].endswith("ValueError: no")
    assert detail["log"] == "printed\n"
    assert not detail["live"]
    run.view.at_work = [FakeRunning(1, {"a": 5})]
    assert rows.detail(view, 1)["live"]
    assert rows.detail(view, 1)["log"] == "still at it"
    assert "nothing recorded" in rows.detail(view, 3)["title"]


def test_text_in_a_terminal() -> None:
    run: Any = FakeRun(seq=3, total=300)
    for i in range(5):
        run.failed(i, {"a": i}, f"ValueError: {i}")
    lines = text.status_lines(run)
    assert lines[0] == "run 3: running; 0 of 300 done, 5 failed, 295 pending"
    assert lines[2:] == [
        "  pset 4 failed: ValueError: 4",
        "  pset 3 failed: ValueError: 3",
        "  pset 2 failed: ValueError: 2",
        "  and 2 more: run.failures",
    ]


def test_reports_in_a_terminal() -> None:
    run: Any = FakeRun(seq=3, total=300)
    reports = {i: {"loss": i / 3, "note": "n" * 500, "x\n": 1} for i in range(5)}
    run.set(running=5, reports=reports)
    lines = text.status_lines(run)
    assert lines[3].startswith("  pset 1: loss=0.333333, note=nnn")
    assert lines[-1] == "  and 2 more: run.reports"
    assert max(map(len, lines)) <= 120


# -- widget -------------------------------------------------------------------------------------


class Page:
    """What the widget sends."""

    def __init__(self, run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr(
            panel.PanelWidget, "send", lambda _self, content: self.sent.append(content)
        )
        wanted: Any = run
        self.panel = panel.RunPanel(wanted)

    def push(self) -> None:
        for _ in self.panel.push():
            pass

    def ask(self, **message: Any) -> dict[str, Any]:
        self.panel.answer({"view": "v1", **message})
        return self.sent[-1]


@pytest.fixture
def run() -> FakeRun:
    run = FakeRun(seq=3)
    run.done(0, {"a": 1}, loss=1)
    run.failed(1, {"a": 2}, "ValueError: no")
    run.set(state="finished", pending=0, total=2)
    return run


@pytest.fixture
def page(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(run, monkeypatch)


def test_state_is_in_traits_so_that_a_reload_finds_it(page: Page) -> None:
    page.push()
    state = page.panel.widget.get_state()
    assert json.loads(state["header"])["words"] == "finished, 1 failed"
    assert len(json.loads(state["rows"])["newest"]) == 2
    assert "render" in state["_esm"]
    assert ".psw" in state["_css"]
    assert len(state["_esm"]) + len(state["_css"]) < 50_000


def test_without_widgets_it_is_a_sentence(page: Page) -> None:
    assert "report below" in repr(page.panel.widget)


def test_reports_are_news_to_the_follower(page: Page, run: FakeRun) -> None:
    page.panel.poll()
    assert page.panel.poll() == 0
    run.view.reported_at = 7
    assert page.panel.poll() == 1
    assert page.panel.poll() == 0


def test_hello_and_detail_answer_the_view_that_asked(page: Page) -> None:
    assert page.ask(kind="hello")["slot"]["slot"] == "psweep-run-3"
    reply = page.ask(kind="detail", index=1)
    assert (reply["kind"], reply["view"], reply["index"]) == ("detail", "v1", 1)
    assert reply["detail"]["title"].startswith("pset 1, failed")


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("stop", [("stop", False)]),
        ("stop_now", [("stop", True)]),
        ("pause", ["pause"]),
        ("resume", [("resume", None)]),
        ("retry", ["retry"]),
    ],
)
def test_clicks_command_the_run(page: Page, run: FakeRun, command: str, calls: list[Any]) -> None:
    reply = page.ask(kind="command", command=command)
    assert run.calls == calls
    assert (reply["kind"], reply["bad"]) == ("said", False)


def test_retry_says_when_the_function_changed(page: Page) -> None:
    assert "has changed since" in page.ask(kind="command", command="retry")["text"]


def test_what_a_command_raises_is_said(
    page: Page, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise StudyError("run 3 has ended")

    monkeypatch.setattr(run, "pause", refuse)
    reply = page.ask(kind="command", command="pause")
    assert (reply["bad"], reply["text"]) == (True, "run 3 has ended")


@pytest.mark.parametrize(
    "message",
    [None, "x", {}, {"kind": "command"}, {"kind": "command", "command": "rm"},
     {"kind": "detail"}, {"kind": "detail", "index": "x"}, {"kind": "detail", "index": [1]}],
)  # fmt: skip
def test_nonsense_from_a_page_does_nothing(page: Page, run: FakeRun, message: Any) -> None:
    page.panel.answer(message)
    assert run.calls == []


def test_a_run_that_cannot_be_read_says_so(page: Page) -> None:
    page.push()
    page.panel.fail(OSError("the folder is gone"))
    assert "the folder is gone" in json.loads(page.panel.widget.header)["message"]
