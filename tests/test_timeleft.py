"""Time left, against runs whose future is known."""

from __future__ import annotations

import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.timeleft import time_left


def makespan(waiting: list[float], rests: list[float], workers: int) -> float:
    """When the last one ends if each worker takes the next as soon as it is free."""
    free = [*rests, *[0.0] * (workers - len(rests))]
    heapq.heapify(free)
    for cost in waiting:
        heapq.heapreplace(free, free[0] + cost)
    return max(free)


@given(st.integers(0, 3000), st.integers(1, 16), st.data())
def test_of_equal_psets_it_is_exact(waiting: int, workers: int, data: st.DataObject) -> None:
    count = workers if waiting else data.draw(st.integers(0, workers))
    running = data.draw(st.lists(st.floats(0, 9.9), min_size=count, max_size=count))
    left = time_left(waiting, running, [10.0] * workers, workers)
    exact = makespan([10.0] * waiting, [10 - s for s in running], workers)
    assert left == pytest.approx(exact, abs=10.0 if waiting > 1000 else 1e-6)


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("waiting", [0, 5, 40, 4000])
def test_of_psets_that_differ_it_is_about_right(waiting: int, workers: int) -> None:
    chance = random.Random(1)
    runtimes = [chance.expovariate(0.1) + 1 for _ in range(200)]
    waits = [chance.choice(runtimes) for _ in range(waiting)]
    left = time_left(waiting, [3.0] * workers, runtimes, workers)
    exact = makespan(waits, [chance.choice(runtimes) for _ in range(workers)], workers)
    assert left is not None
    assert left == pytest.approx(exact, rel=0.3, abs=45)


def test_what_is_not_known_is_none() -> None:
    assert time_left(4, [1.0], [], 1) is None
    assert time_left(4, [1.0, 1.0], [0.1], 2) is None  # only the quickest has ended
    assert time_left(4, [1.0], [1.0], 0) is None
    assert time_left(0, [], [], 2) == 0.0
    assert time_left(0, [3.0], [5.0], 8) == 2.0  # workers with nothing to do are no matter


def test_one_that_takes_longer_than_any_before_may_take_as_long_again() -> None:
    assert time_left(0, [60.0], [1.0, 2.0], 2) is None or time_left(0, [60.0], [1.0], 1) == 60.0
    assert time_left(0, [60.0, 0.5], [1.0, 2.0], 2) == 60.0


def test_of_quick_psets_the_rate_counts() -> None:
    # 1 ms each, yet only 10 a second: what it costs to start them is most of it.
    assert time_left(20, [], [0.001] * 50, 2, rate=10.0) == pytest.approx(2.0, rel=0.1)
    # Of slow ones it does not: it falls while nothing ends.
    assert time_left(20, [], [10.0] * 50, 2, rate=0.01) == 100.0
