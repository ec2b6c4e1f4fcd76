"""The points of a live plot."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from psweep_nb.ui import plotdata
from psweep_nb.ui.plotdata import Sample
from tests.ui.fakes import FakeRun


def drawn(run: FakeRun, x: str = "a", y: str = "loss") -> dict[str, Any]:
    view: Any = run.view
    sample = Sample(view, x, y)
    list(sample.read())
    return sample.points()


def test_points_and_their_means() -> None:
    run = FakeRun(total=9)
    for i in range(8):
        run.done(i, {"a": i % 2}, loss=float(i))
    run.failed(8, {"a": 1}, "E")
    found = drawn(run)
    assert found["points"] == [[i, i % 2, i] for i in range(8)]
    assert found["means"] == [[0, 3.0], [1, 4.0]]
    assert (found["every"], found["left_out"], found["texts"]) == (1, 0, None)


def test_texts_have_places() -> None:
    run = FakeRun(total=4)
    for i, name in enumerate(["adam", "<b>", "adam", None]):
        run.done(i, {"a": name}, loss=i)
    found = drawn(run)
    assert found["texts"] == ["adam", "<b>", "None"]
    assert [point[1] for point in found["points"]] == [0, 1, 0, 2]


def test_what_has_no_finite_number_is_counted() -> None:
    run = FakeRun(total=6)
    for i, loss in enumerate([float("nan"), float("inf"), None, 10**400, 1e308, 1]):
        run.done(i, {"a": i}, loss=loss)
    found = drawn(run)
    assert [point[0] for point in found["points"]] == [4, 5]
    assert found["left_out"] == 4


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 6000), st.integers(1, 900))
def test_of_long_runs_every_so_manyth_is_taken(n: int, portion: int) -> None:
    run = FakeRun(total=6000)
    view: Any = run.view
    sample = Sample(view, "a", "loss")
    for i in range(n):
        run.done(i, {"a": i}, loss=1.0)
        if i % portion == 0:
            list(sample.read())
    list(sample.read())
    found = sample.points()
    assert [point[0] for point in found["points"]] == list(range(0, n, found["every"]))
    assert len(found["points"]) <= plotdata.MOST + 1
    assert found["every"] == 1 or len(found["points"]) > plotdata.MOST // 2
    assert len(json.dumps(found)) < 60_000


def test_the_last_attempt_counts() -> None:
    run = FakeRun(total=1)
    run.done(0, {"a": 1}, loss=1.0)
    run.done(0, {"a": 1}, loss=2.0)
    assert drawn(run)["points"] == [[0, 1, 2]]
