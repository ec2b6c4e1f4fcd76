"""Turns between cells, on a loop and a clock that the tests drive."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.ui.turns import SHARE, Turns


class Loop:
    """Calls what is due when told that time has passed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = False
        self.number = itertools.count()
        self.calls: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self.turns = Turns(self.soon, self.later, lambda: self.busy, lambda: self.now)

    def soon(self, function: Callable[..., Any], *args: Any) -> None:
        self.later(0, function, *args)

    def later(self, delay: float, function: Callable[..., Any], *args: Any) -> None:
        self.calls.append((self.now + delay, next(self.number), function, args))

    def run(self, until: float) -> None:
        while due := sorted(call for call in self.calls if call[0] <= until):
            self.calls.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][2](*due[0][3])
        self.now = max(self.now, until)


class Job:
    def __init__(self, loop: Loop, takes: float = 0.0, every: float = 0.5) -> None:
        self.loop, self.takes, self.every = loop, takes, every
        self.began: list[float] = []
        self.error: Exception | None = None

    def turn(self) -> float:
        self.began.append(self.loop.now)
        self.loop.now += self.takes
        if self.error:
            raise self.error
        return 0.0


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_asked_often_it_comes_at_most_every_so_often(loop: Loop) -> None:
    job = Job(loop)
    loop.turns.join(job)
    for tenth in range(21):
        loop.turns.ask(job)
        loop.run(tenth / 10)
    assert job.began == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_not_asked_it_does_not_come(loop: Loop) -> None:
    job = Job(loop)
    loop.turns.join(job)
    loop.run(10)
    assert job.began == []
    loop.turns.ask(job)
    loop.run(20)
    assert job.began == [10]


@given(st.lists(st.floats(0.001, 3), min_size=1, max_size=5))
def test_all_together_take_their_share_however_slow(takes: list[float]) -> None:
    loop = Loop()
    jobs = [Job(loop, seconds) for seconds in takes]
    for job in jobs:
        loop.turns.join(job)
    end = 200.0
    while loop.now < end:
        for job in jobs:
            loop.turns.ask(job)
        loop.run(loop.now + 0.25)
    spent = sum(len(job.began) * job.takes for job in jobs)
    first = sum(takes)  # each may begin at once
    assert spent <= SHARE * loop.now + first + 0.01
    assert all(len(job.began) >= 2 for job in jobs)  # none starves


def test_never_inside_a_cell_but_right_after_it(loop: Loop) -> None:
    job = Job(loop)
    loop.turns.join(job)
    loop.busy = True
    loop.turns.ask(job)
    loop.run(5)
    assert job.began == []
    loop.busy = False
    loop.turns.cell_ended()
    assert job.began == []  # the cell's own outputs come first
    loop.run(6)
    assert job.began == [5]


def test_who_left_gets_no_turn(loop: Loop) -> None:
    early, late = Job(loop), Job(loop)
    for job in (early, late):
        loop.turns.join(job)
        loop.turns.ask(job)
    loop.turns.leave(early)
    loop.run(1)
    assert early.began == []
    assert late.began == [0]
    loop.busy = True
    loop.turns.ask(late)
    loop.run(2)
    loop.turns.leave(late)
    loop.busy = False
    loop.turns.cell_ended()
    loop.run(3)
    assert late.began == [0]


def test_a_turn_that_raises_is_not_the_last(loop: Loop) -> None:
    job = Job(loop, takes=1)
    job.error = RuntimeError("boo")
    loop.turns.join(job)
    loop.turns.ask(job)
    with pytest.raises(RuntimeError):
        loop.run(1)
    loop.turns.ask(job)
    with pytest.raises(RuntimeError):
        loop.run(100)
    assert len(job.began) == 2
    assert job.began[1] >= 5  # its time counts


def test_what_it_did_outside_its_turns_counts(loop: Loop) -> None:
    job = Job(loop)
    loop.turns.join(job)
    loop.turns.spent(job, 1.0)
    loop.turns.ask(job)
    loop.run(10)
    assert job.began == [1 / SHARE - 1]
