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
from psweep_nb.ui import header, panel, text, texts
from tests.ui.fakes import FakeRun, FakeStatus


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


# -- in a terminal -----------------------------------------------------------------------------


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
    assert len(json.loads(state["rows"])["rows"]) == 2
    assert json.loads(state["known"])["query"]["state"] == "all"
    assert "render" in state["_esm"]
    assert ".psw" in state["_css"]
    assert len(state["_esm"]) + len(state["_css"]) < 75_000


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


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pushes but the test."""
    monkeypatch.setattr(panel.RunPanel, "_wake", lambda _self: None)


@pytest.mark.usefixtures("alone")
def test_a_group_of_failures_is_tried_again(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.set(total=3)
    run.failed(2, {"a": 1}, "ValueError: 7 (or 8) is no")
    page = Page(run, monkeypatch)
    page.ask(kind="query", query={"state": "failed"})
    page.push()
    groups = json.loads(page.panel.widget.groups)
    assert sorted(group["kind"] for group in groups) == [
        "ValueError: # (or #) is no",
        "ValueError: no",
    ]
    reply = page.ask(kind="command", command="retry_group", group="ValueError: # (or #) is no")
    match = r"^ValueError: \S*\d\S* \(or \S*\d\S*\) is no$"
    assert run.calls == [("retry", match)]
    assert f'run.retry(match=r"{match}")' in reply["text"]
    reply = page.ask(kind="command", command="retry_group", group="ValueError: other")
    assert reply["bad"]
    assert len(run.calls) == 1


@pytest.mark.usefixtures("alone")
def test_all_views_see_what_was_asked_last(page: Page) -> None:
    page.push()
    reply = page.ask(kind="query", query={"state": "done", "sort": "c0"})
    assert (reply["kind"], reply["view"]) == ("query", "v1")
    page.push()
    known = json.loads(page.panel.widget.known)
    assert (known["query"]["state"], known["query"]["sort"]) == ("done", "c0")
    assert [row["index"] for row in json.loads(page.panel.widget.rows)["rows"]] == [0]
    reply = page.ask(kind="query", query={"filter": "b < 3"})
    assert (reply["bad"], reply["about"]) == (True, "query")
    assert "there is no column b" in reply["text"]
    page.push()
    assert json.loads(page.panel.widget.known)["query"]["state"] == "done"


@pytest.mark.usefixtures("alone")
def test_what_goes_to_the_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 000 psets, wide and hostile: no message of more than 100 KB, few of them."""
    sent: list[int] = []
    run = FakeRun(total=100_000)
    page = Page(run, monkeypatch)
    page.panel.widget.observe(lambda change: sent.append(len(change["new"].encode())))
    for i in range(100_000):
        wide = i % 1000 == 999
        pset = {f"p{k}": "\u202e<b>" * 400 for k in range(12)} if wide else {"p0": i}
        if i % 10:
            run.done(i, pset, loss=float(i), note="é" * 3000)
        else:
            run.failed(i, pset, f"{'Ä' * (i // 1000)}Error: {'m' * 3000} {i}")
    queries: list[dict[str, Any]] = [
        {"plot": True},
        {"sort": "c12", "descending": True},
        {"state": "failed"},
        {"filter": "loss > 5, loss < 1e4", "colour": "c12", "plot": True},
    ]
    page.push()
    assert page.panel.board.columns.name_of("c12") == "loss"
    for query in queries:
        assert page.ask(kind="query", query=query)["kind"] == "query"
        before = len(sent)
        page.push()
        assert len(sent) - before <= 5  # one a trait
        while page.panel.board.behind:
            page.push()
        page.ask(kind="window", start=50_000, stop=60_000)
        sent.append(len(json.dumps(page.sent[-1])))
        page.ask(kind="detail", index=999)
        sent.append(len(json.dumps(page.sent[-1])))
    assert max(sent) < 100_000


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
     {"kind": "detail"}, {"kind": "detail", "index": "x"}, {"kind": "detail", "index": [1]},
     {"kind": "detail", "index": 10**9}, {"kind": "detail", "index": -1},
     {"kind": "window"}, {"kind": "window", "start": None, "stop": {}},
     {"kind": "window", "start": -(10**30), "stop": 10**30},
     {"kind": "command", "command": "retry_group", "group": [1]},
     {"kind": "query"}, {"kind": "query", "query": []}, {"kind": "query", "query": {"x": 1}},
     {"kind": "query", "query": {"state": "x"}}, {"kind": "query", "query": {"columns": 3}},
     {"kind": "query", "query": {"filter": "\ud800 < 3"}}, {"kind": "query", "query": {"y": 1}}],
)  # fmt: skip
def test_nonsense_from_a_page_does_nothing(page: Page, run: FakeRun, message: Any) -> None:
    page.panel.answer(message)
    page.push()
    assert run.calls == []


def test_a_run_that_cannot_be_read_says_so(page: Page) -> None:
    page.push()
    page.panel.fail(OSError("the folder is gone"))
    assert "the folder is gone" in json.loads(page.panel.widget.header)["message"]


def test_an_ended_run_whose_directory_goes_is_shown_anew(ipython: object) -> None:
    run = FakeRun(total=1)
    run.done(0, {"a": 1}, loss=0.5)
    run.set(state="finished")
    shown = panel.RunPanel(run)  # type: ignore[arg-type]
    while shown.poll():
        list(shown.push())
    assert shown.ended()
    run.set(state="gone")
    assert shown.poll()
    list(shown.push())
    head = json.loads(shown.widget.header)
    assert head["words"] == "gone: its directory was deleted, moved or renamed"
    assert head["buttons"] == []
    assert not shown.poll()
