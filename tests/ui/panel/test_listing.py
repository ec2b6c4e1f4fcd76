"""The order in which psets are listed, against a plain list."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.ui.listing import Listing, Seldom, Stretches
from tests.ui.fakes import FakeRun

TOTAL = 12


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# Records of a run: pset, and whether it failed; the next attempt at a pset that failed before.
RECORDS = st.lists(st.tuples(st.integers(0, TOTAL - 1), st.booleans()), max_size=30)


@given(RECORDS, st.lists(st.integers(0, TOTAL - 1), unique=True, max_size=3), st.integers(1, 30))
def test_it_lists_what_runs_then_the_newest_then_what_is_pending(
    records: list[tuple[int, bool]], running: list[int], portion: int
) -> None:
    run = FakeRun(total=TOTAL)
    view: Any = run.view
    listing = Listing(view)
    clock = Clock()
    listing._seldom = Seldom(clock)
    states: dict[int, tuple[str, int]] = {}
    for place, (pset, fails) in enumerate(records):
        if states.get(pset, ("", 0))[0] == "done":
            continue
        _, attempt = states.pop(pset, ("", 0))
        (run.failed if fails else run.done)(pset, {}, *(["E"] if fails else []))
        run.view.records[-1].attempt = attempt + 1
        states[pset] = "failed" if fails else "done", attempt + 1
        if place % portion == 0:
            clock.now += 100
            listing.update(running)
    clock.now += 100
    listing.update(running)
    ended = [pset for pset in reversed(states) if pset not in running]
    pending = [pset for pset in range(TOTAL) if pset not in states and pset not in running]
    listed = listing.as_they_come()
    assert listed.all().tolist() == [*running, *ended, *pending]
    assert len(listed) == TOTAL
    for start, stop in ((0, 3), (2, 9), (5, 100), (11, 12)):
        assert listed.window(start, stop).tolist() == [*running, *ended, *pending][start:stop]
    for state in ("done", "failed"):
        wanted = [pset for pset in ended if states[pset][0] == state]
        assert listing.as_they_come(state).all().tolist() == wanted
        assert len(listing.as_they_come(state)) == len(wanted)
    assert listing.as_they_come("running").all().tolist() == running
    assert listing.as_they_come("pending").all().tolist() == pending
    assert len(listing.as_they_come("pending")) == len(pending)


def test_what_was_chosen_is_sorted_or_the_newest_first() -> None:
    run = FakeRun(total=6)
    view: Any = run.view
    for pset in (3, 1, 4):
        run.done(pset, {})
    listing = Listing(view)
    listing.update([0])
    even = np.arange(6) % 2 == 0
    assert listing.chosen("all", [even], None).tolist() == [0, 4, 2]
    assert listing.chosen("done", [], lambda psets: psets[::-1]).tolist() == [4, 3, 1]
    assert listing.chosen("pending", [even], lambda psets: psets).tolist() == [2]


def test_of_one_pset_the_last_attempt_counts_however_they_arrive() -> None:
    run = FakeRun(total=2)
    view: Any = run.view
    run.done(0, {})
    run.view.records[0].attempt = 2
    run.failed(0, {}, "E")
    listing = Listing(view)
    listing.update()
    assert listing.as_they_come("done").all().tolist() == [0]
    assert listing.ended == 1


def test_costly_things_are_done_seldom() -> None:
    clock = Clock()
    seldom = Seldom(clock)
    assert seldom.due()
    with seldom:
        clock.now += 0.5
    clock.now += 4.9
    assert not seldom.due()
    clock.now += 0.2
    assert seldom.due()


def test_a_million_psets_cost_little_at_each_update() -> None:
    import time

    run = FakeRun(total=10**6)
    view: Any = run.view
    for pset in range(2000):
        run.done(pset, {})
    listing = Listing(view)
    started = time.perf_counter()
    for _ in range(20):
        listing.update([2000])
        listing.as_they_come().window(0, 40)
    assert time.perf_counter() - started < 0.5


def test_stretches_are_not_made_where_nobody_looks() -> None:
    def never() -> np.ndarray:
        raise AssertionError

    listed = Stretches([(3, lambda: np.arange(3)), (10**6, never)])
    assert listed.window(0, 3).tolist() == [0, 1, 2]
    assert listed.window(2, 2).tolist() == []
