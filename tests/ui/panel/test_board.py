"""What the panel's table, groups and plot show, as plain data."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from psweep_nb.errors import OptionError
from psweep_nb.ui import board as boards
from psweep_nb.ui import columns
from psweep_nb.ui.board import Board
from tests.ui.fakes import FakeRun, FakeRunning


def board_of(run: FakeRun, **query: Any) -> Board:
    view: Any = run.view
    board = Board(view)
    drain(board)
    board.ask(query)
    drain(board)
    return board


def drain(board: Board) -> None:
    for _ in board.update():
        pass
    while board.behind:
        time.sleep(0.01)
        for _ in board.update():
            pass


def built(run: FakeRun, **query: Any) -> dict[str, Any]:
    return board_of(run, **query).table()


def indices(table: dict[str, Any]) -> list[int]:
    return [row["index"] for row in table["rows"]]


def test_rows_newest_first_with_columns_of_parameters_and_results() -> None:
    run = FakeRun(total=2)
    run.done(0, {"a": 1, "b": "x"}, loss=0.5)
    run.done(1, {"a": 2, "b": "y"}, loss=0.25, extra=None)
    table = built(run)
    assert [(c["name"], c["kind"], c["numeric"]) for c in table["columns"]] == [
        ("a", "param", True),
        ("b", "param", False),
        ("loss", "result", True),
        ("extra", "result", False),
    ]
    assert [row["cells"] for row in table["rows"]] == [
        ["2", "y", "0.25", "None"],
        ["1", "x", "0.5", ""],
    ]
    assert (table["listed"], table["total"], table["above"], table["hidden"]) == (2, 2, 2, 0)


def test_what_runs_comes_first_and_what_is_pending_last() -> None:
    run = FakeRun(total=4)
    run.failed(2, {"a": 1}, "ValueError: no\nmore")
    run.view.psets[0] = {"a": 9}
    run.view.at_work = [FakeRunning(3, {"a": 5}, 61)]
    table = built(run)
    assert indices(table) == [3, 2, 0, 1]
    assert [row["state"] for row in table["rows"]] == ["running", "failed", "pending", "pending"]
    assert table["rows"][0]["runtime"] == "1 min 1 s"
    assert table["rows"][1]["error"] == "ValueError: no"
    assert [row["cells"] for row in table["rows"]] == [["5"], ["1"], ["9"], [""]]
    assert indices(built(run, state="pending")) == [0, 1]
    assert indices(built(run, state="running")) == [3]


def test_what_running_psets_report_is_shown() -> None:
    run = FakeRun(total=4)
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
    assert [(row["progress"], row["cells"]) for row in table["rows"][:3]] == [
        ("99 %", ["1", "0.125", "0.999"]),
        ("", ["7", "", "<b>soon"]),
        ("", ["3", "", ""]),
    ]


def test_an_attempt_that_a_later_one_replaced_is_not_shown() -> None:
    run = FakeRun(total=1)
    run.failed(0, {"a": 1}, "ValueError: no")
    view: Any = run.view
    board = Board(view)
    drain(board)
    run.done(0, {"a": 1}, loss=1)
    run.view.records[-1].attempt = 2
    drain(board)
    assert [row["state"] for row in board.table()["rows"]] == ["done"]
    assert built(run, state="failed")["rows"] == []


def test_many_wide_rows_stay_bounded() -> None:
    run = FakeRun(total=10**5)
    pset = {f"parameter_{k}": "v" * 100 for k in range(1000)}
    for i in range(200):
        run.done(i, pset, **{f"result_{k}": k for k in range(50)})
    view: Any = run.view
    board = Board(view, [f"result_{k}" for k in range(3)])
    started = time.perf_counter()
    drain(board)
    table = board.table(0, 10**6)
    assert time.perf_counter() - started < 1
    assert len(json.dumps(table)) < 300_000
    assert len(table["columns"]) == columns.MOST_SHOWN
    assert len(table["rows"]) == boards.MOST_ROWS
    assert len(board.known()["columns"]) <= columns.MOST_KNOWN


def sweep(n: int = 60) -> FakeRun:
    """Results in no order, some failures of two kinds."""
    run, chance = FakeRun(total=n), random.Random(3)
    for i in chance.sample(range(n), n):
        pset = {"lr": 10.0 ** -(i % 3), "name": "adam" if i % 2 else "sgd"}
        if i % 7 == 0:
            run.failed(i, pset, f"ValueError: diverged at step {i}" if i % 2 else "KeyError: 'x'")
        else:
            run.done(i, pset, loss=((i * 7) % n) / n)
    return run


def test_sorted_by_a_result_and_by_what_every_run_has() -> None:
    run = sweep()
    loss = {r.index: r.results["loss"] for r in run.view.records if r.state == "done"}
    down = indices(built(run, state="done", sort="c2", descending=True))
    assert [loss[i] for i in down] == sorted(loss.values(), reverse=True)[: len(down)]
    up = indices(built(run, sort="c2"))
    assert [loss[i] for i in up] == sorted(loss.values())[: len(up)]
    assert indices(built(run, sort="pset"))[:3] == [0, 1, 2]
    assert indices(built(run, sort="pset", descending=True))[:3] == [59, 58, 57]
    assert built(run, sort="c2")["above"] == 0
    for own in ("state", "runtime", "error"):
        assert len(indices(built(run, sort=own))) == boards.WINDOW


def test_of_two_sortings_asked_for_at_once_the_last_does_not_wait_for_the_first() -> None:
    run = FakeRun(total=3)
    for n, (loss, gain) in enumerate([(0.2, 3), (0.1, 2), (0.3, 1)]):
        run.done(n, {"a": n}, loss=loss, gain=gain)
    board = board_of(run)
    ids = {column["name"]: column["id"] for column in board.table()["columns"]}
    board.ask({"sort": ids["loss"]})
    update = board.update()
    next(update)
    next(update)  # now it reads and sorts by the first
    board.ask({"sort": ids["gain"]})
    for _ in update:
        pass
    assert board.behind  # so that the next update comes at once
    for _ in board.update():
        pass
    assert indices(board.table()) == [2, 1, 0]


def test_a_sorted_table_takes_in_what_comes() -> None:
    run = FakeRun(total=100)
    for i in range(10):
        run.done(i, {}, loss=float(i))
    board = board_of(run, state="done", sort="c0")
    run.done(50, {}, loss=-1.0)
    assert indices(board.table())[0] == 0
    drain(board)
    assert indices(board.table())[0] == 50


def test_filters_by_columns_and_state() -> None:
    run = sweep()
    good = {r.index for r in run.view.records if r.state == "done" and r.results["loss"] < 0.2}
    found = built(run, filter="loss < 0.2, name = adam")
    assert set(indices(found)) == {i for i in good if i % 2}
    assert found["listed"] == len(found["rows"])
    assert set(indices(built(run, state="failed", filter="error ~ diverged"))) == {7, 21, 35, 49}
    assert indices(built(run, filter="pset < 3", sort="pset")) == [0, 1, 2]
    assert built(run, filter="name = nobody")["rows"] == []


def test_columns_that_were_chosen_and_colours() -> None:
    run = sweep()
    table = built(run, columns=["c2", "c0"], colour="c2", state="done")
    assert [c["name"] for c in table["columns"]] == ["lr", "loss"]
    assert table["hidden"] == 1
    loss = {r.index: r.results["loss"] for r in run.view.records if r.state == "done"}
    low, high = min(loss.values()), max(loss.values())
    for row in table["rows"]:
        place, share = row["colour"]
        assert place == 1
        assert share == pytest.approx((loss[row["index"]] - low) / (high - low), abs=0.01)
    assert "colour" not in built(run, columns=["c0"], colour="c2", state="done")["rows"][0]


def test_failures_are_grouped_by_kind() -> None:
    run = sweep()
    board = board_of(run, state="failed")
    assert board.groups() == [
        {"kind": "KeyError: 'x'", "count": 5},
        {"kind": "ValueError: diverged at step #", "count": 4},
    ]
    assert (board.example("ValueError: diverged at step #") or "").startswith(
        "ValueError: diverged"
    )
    assert board.example("other") is None
    kind = "ValueError: diverged at step #"
    assert set(indices(built(run, state="failed", kind=kind))) == {7, 21, 35, 49}
    assert board_of(run).groups() == []  # nothing is read for it unasked
    # What is tried again and succeeds is in no group.
    for i in (7, 21, 35, 49):
        run.done(i, {}, loss=1.0)
        run.view.records[-1].attempt = 2
    drain(board)
    assert [group["count"] for group in board.groups()] == [5]


def test_a_kind_of_failure_can_be_asked_for_among_all_states() -> None:
    run = FakeRun(total=2)
    run.done(0, {"a": 1})
    run.failed(1, {"a": 2}, "ValueError: no")
    assert indices(built(run, kind="ValueError: no")) == [1]
    assert indices(built(run, kind="x")) == []


def test_many_kinds_of_failure_are_summed_up() -> None:
    run = FakeRun(total=1000)
    for i in range(1000):
        run.failed(i, {}, f"{'abcdefghijklmnopqrstuvwxyz'[i % 26]}Error: <b>{'x' * 5000}")
    groups = board_of(run, state="failed").groups()
    assert len(groups) == boards.MOST_GROUPS + 1
    assert groups[-1]["kinds"] == 26 - boards.MOST_GROUPS
    assert sum(group["count"] for group in groups) == 1000
    assert len(json.dumps(groups)) < 10_000


def test_a_plot_of_what_suggests_itself_or_was_chosen() -> None:
    run = sweep()
    plot = board_of(run, plot=True).plot()
    assert (plot["x"], plot["y"], plot["every"]) == ("lr", "loss", 1)
    assert len(plot["points"]) == 51
    plot = board_of(run, plot=True, x="c1", y="c2").plot()
    assert sorted(plot["texts"]) == ["adam", "sgd"]
    assert board_of(run).plot() == {}
    assert board_of(FakeRun(), plot=True).plot()["points"] == []


def test_nothing_is_read_unasked_from_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun(total=10**5)
    for i in range(10**5):
        run.done(i, {"a": i}, loss=1.0)
    looked: list[int] = []
    arrived = run.view.arrived

    def noting(start: int, stop: int) -> Any:
        looked.extend(range(start, stop))
        return arrived(start, stop)

    monkeypatch.setattr(run.view, "arrived", noting)
    view: Any = run.view
    board = Board(view)
    drain(board)
    board.table()
    assert looked == []
    board.ask({"plot": True})
    drain(board)
    assert len(looked) < 3000


def test_reading_is_said_and_spread_over_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "_AT_ONCE", 0.0)
    run = sweep(1000)
    view: Any = run.view
    board = Board(view)
    for _ in board.update():
        pass
    board.ask({"sort": "c2"})
    for _ in board.update():
        pass
    assert board.behind
    assert board.table()["busy"].startswith("reading loss: ")
    drain(board)
    assert board.table()["busy"] == ""


@pytest.mark.parametrize(
    "query",
    [
        None,
        {"state": "x"},
        {"sort": "c99"},
        {"descending": 1},
        {"columns": [1]},
        {"columns": "c1"},
        {"colour": None},
        {"filter": "nothing"},
        {"what": 1},
        {"x": "no"},
    ],
)
def test_a_query_that_cannot_be_is_refused_whole(query: Any) -> None:
    board = board_of(sweep(), state="done")
    with pytest.raises(OptionError):
        board.ask(query)
    assert board.query.state == "done"


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_hostile_values_can_be_sorted_filtered_coloured_and_plotted() -> None:
    run = FakeRun(total=8)
    values = [float("nan"), float("inf"), -1e308, "<script>", Rude(), [1], None, 10**400]
    for i, value in enumerate(values):
        run.done(i, {"<b>": value, "y" * 10**6: 1}, **{"\u202eresult": value, "loss": 1e308})
    for column in ("c0", "c2"):
        board = board_of(run, sort=column, colour=column, plot=True, x=column, y="c3")
        for data in (board.table(), board.known(), board.plot(), board.groups()):
            assert len(json.dumps(data, allow_nan=False)) < 20_000
    json.dumps(board_of(run, plot=True, x="c3", y="c2").plot(), allow_nan=False)
    assert indices(built(run, filter="<b> = <script>")) == [3]
