"""The follower's schedule, driven by a clock of our own and without its thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from psweep_nb.ui import follower
from psweep_nb.ui.follower import Follower


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A followed run: what comes is set by hand, what is shown is noted."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.new = 0
        self.over = False
        self.polls: list[float] = []
        self.pushes: list[float] = []
        self.errors: list[Exception] = []
        self.broken: Exception | None = None

    def poll(self) -> int:
        if self.broken:
            raise self.broken
        self.polls.append(self.clock.now)
        new, self.new = self.new, 0
        return new

    def push(self) -> Iterator[None]:
        self.pushes.append(self.clock.now)
        yield

    def ended(self) -> bool:
        return self.over

    def fail(self, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(clock: Clock) -> Watched:
    return Watched(clock)


@pytest.fixture
def driven(clock: Clock, watched: Watched) -> Follower:
    found = Follower(clock, threaded=False)
    found.follow(watched)
    return found


def go(driven: Follower, clock: Clock, seconds: float) -> None:
    """Let time pass as the thread would."""
    until = clock.now + seconds
    while clock.now < until:
        clock.now += max(driven.step(), 1e-3)


def test_the_first_push_is_immediate(driven: Follower, watched: Watched, clock: Clock) -> None:
    driven.step()
    assert watched.pushes == [clock.now]


def test_polls_often_while_rows_come(driven: Follower, watched: Watched, clock: Clock) -> None:
    start = clock.now
    while clock.now < start + 2:
        watched.new = 1
        clock.now += driven.step()
    assert 90 <= len(watched.polls) <= 110
    # About five pushes a second, never more.
    gaps = [b - a for a, b in zip(watched.pushes, watched.pushes[1:], strict=False)]
    assert min(gaps) >= follower.PUSH_EVERY - 1e-9
    assert 9 <= len(watched.pushes) <= 11


def test_a_row_after_a_pause_is_pushed_at_once(
    driven: Follower, watched: Watched, clock: Clock
) -> None:
    go(driven, clock, 0.7)
    pushes = len(watched.pushes)
    watched.new = 1
    came = clock.now
    go(driven, clock, 0.15)
    assert len(watched.pushes) == pushes + 1
    assert watched.pushes[-1] - came <= follower.SLOWEST + 1e-3


def test_backs_off_when_nothing_comes(driven: Follower, watched: Watched, clock: Clock) -> None:
    go(driven, clock, 10)
    gaps = [b - a for a, b in zip(watched.polls, watched.polls[1:], strict=False)]
    assert max(gaps) == pytest.approx(follower.SLOWEST, abs=0.01)
    assert len(watched.pushes) <= 11  # times are brought up to date once a second


def test_a_backlog_is_read_without_a_rest(driven: Follower, watched: Watched, clock: Clock) -> None:
    start = clock.now
    for _ in range(50):
        watched.new = 1000
        clock.now += driven.step()
    assert clock.now - start < 0.2


def test_an_ended_run_is_pushed_once_more_and_then_left_alone(
    driven: Follower, watched: Watched, clock: Clock
) -> None:
    go(driven, clock, 0.5)
    watched.over = True
    ended = clock.now
    go(driven, clock, 60)
    assert len([t for t in watched.pushes if t >= ended]) == 1
    assert len([t for t in watched.polls if t > ended]) < 40
    # Resumed by somebody: noticed, late; at once when it was asked for here.
    watched.over = False
    driven.follow(watched)
    pushes = len(watched.pushes)
    driven.step()
    assert len(watched.pushes) == pushes + 1


def test_one_that_cannot_be_read_does_not_end_the_others(
    driven: Follower, watched: Watched, clock: Clock
) -> None:
    other = Watched(clock)
    watched.broken = OSError("the folder is gone")
    driven.follow(other)
    go(driven, clock, 3)
    assert watched.errors
    assert len(watched.errors) < 5
    assert len(other.polls) > 10
    watched.broken = None
    go(driven, clock, 6)
    assert watched.polls


def test_what_could_not_be_shown_is_shown_later(
    driven: Follower, watched: Watched, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off() -> Iterator[None]:
        raise OSError("a file went away in the middle")
        yield

    go(driven, clock, 3)
    watched.over = True
    with monkeypatch.context() as patch:
        patch.setattr(watched, "push", break_off)
        go(driven, clock, 0.5)
    assert watched.errors
    pushes = len(watched.pushes)
    go(driven, clock, 60)
    assert len(watched.pushes) == pushes + 1


def test_dropped_is_followed_no_more(driven: Follower, watched: Watched, clock: Clock) -> None:
    driven.step()
    driven.drop(watched)
    polls = len(watched.polls)
    go(driven, clock, 1)
    assert len(watched.polls) == polls


def test_the_thread_runs_it() -> None:
    pushed = threading.Event()

    class Once(Watched):
        def push(self) -> Iterator[None]:
            pushed.set()
            yield

    clock = Clock()
    threaded = Follower()
    one = Once(clock)
    one.over = True
    threaded.follow(one)
    assert pushed.wait(5)
    threaded.drop(one)
