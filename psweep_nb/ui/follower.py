"""One thread a kernel that reads the journals of the runs on show and hands on what is new.

It shares the interpreter with the user's cells, so it works in pieces of about a millisecond
and lets go in between, and it never builds a DataFrame.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

FASTEST = 0.02  # seconds between polls while rows come
SLOWEST = 0.1  # between polls of a run at work: the page may lag its journal by 0.15 s
SLOWEST_ENDED = 5.0  # an ended run can be resumed from elsewhere
PUSH_EVERY = 0.2  # seconds between two updates of one panel
HEARTBEAT = 1.0  # seconds after which times on the panel are brought up to date
_BREATH = 0.0005
_BACKLOG = 100  # records in one poll that mean: there are more, come back at once


class Followed(Protocol):
    """What the follower drives: a panel, a report, anything that shows a run."""

    def poll(self) -> int:
        """Read what is new; how many records."""
        ...

    def push(self) -> Iterator[None]:
        """Show the present state; yields between pieces of work."""
        ...

    def ended(self) -> bool:
        """Whether nothing is expected to come."""
        ...

    def fail(self, error: Exception) -> None:
        """Show that it cannot be followed at the moment."""
        ...


class _Task:
    """The schedule of one followed run."""

    def __init__(self, followed: Followed, now: float) -> None:
        self.followed = followed
        self.next_poll = now
        self.interval = FASTEST
        self.pushed = -1e9
        self.dirty = True
        self.was_ended = False
        self.failed = False

    def step(self, now: float, breathe: Callable[[], None]) -> float:
        """Do what is due; return when to come back."""
        if now >= self.next_poll:
            self._poll(now)
            breathe()
        if self.dirty and now - self.pushed >= PUSH_EVERY:
            self.dirty = False
            self.pushed = now
            for _ in self.followed.push():
                breathe()
        return min(self.next_poll, self.pushed + PUSH_EVERY) if self.dirty else self.next_poll

    def _poll(self, now: float) -> None:
        new = self.followed.poll()
        if self.failed:  # what could not be shown then
            self.dirty, self.failed = True, False
        if new:
            self.dirty = True
            self.interval = _BREATH if new >= _BACKLOG else FASTEST
        else:
            ended = self.followed.ended()
            slowest = SLOWEST_ENDED if ended else SLOWEST
            self.interval = min(max(self.interval, FASTEST) * 1.5, slowest)
            if ended != self.was_ended or (not ended and now - self.pushed >= HEARTBEAT):
                self.dirty = True
            self.was_ended = ended
        self.next_poll = now + self.interval

    def rest(self, now: float) -> None:
        """Come back late: it failed."""
        self.interval = SLOWEST_ENDED
        self.next_poll = now + self.interval
        self.dirty, self.failed = False, True

    def wake(self, now: float) -> None:
        self.next_poll = now
        self.interval = FASTEST
        self.dirty = True


class Follower:
    """Follows runs in a thread of its own, started with the first one.

    Parameters
    ----------
    clock : callable
        Monotonic seconds; tests drive :meth:`step` with their own, without the thread.
    threaded : bool
        Whether to start the thread at all.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, threaded: bool = True
    ) -> None:
        self._clock = clock
        self._threaded = threaded
        self._tasks: dict[Followed, _Task] = {}
        self._lock = threading.Lock()  # the cells' thread adds and wakes, ours walks
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, followed: Followed) -> None:
        """Follow, or follow again at once if it is followed already."""
        with self._lock:
            task = self._tasks.get(followed)
            if task is None:
                self._tasks[followed] = _Task(followed, self._clock())
            else:
                task.wake(self._clock())
            if self._threaded and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._loop, name="psweep-follower", daemon=True
                )
                self._thread.start()
        self._bell.set()

    def drop(self, followed: Followed) -> None:
        """Follow it no more."""
        with self._lock:
            self._tasks.pop(followed, None)

    def step(self) -> float:
        """Do what is due now; return the time until something is due again (seconds)."""
        with self._lock:
            tasks = list(self._tasks.values())
        soon = self._clock() + SLOWEST_ENDED
        for task in tasks:
            try:
                soon = min(soon, task.step(self._clock(), self._breathe))
            except Exception as error:
                # One run's folder deleted under us, say, must not end the others' following.
                task.rest(self._clock())
                with contextlib.suppress(Exception):
                    task.followed.fail(error)
        return max(0.0, soon - self._clock())

    def _breathe(self) -> None:
        if self._threaded:
            time.sleep(_BREATH)

    def _loop(self) -> None:
        while True:
            self._bell.wait(max(_BREATH, self.step()))
            self._bell.clear()


_shared = Follower()


def shared() -> Follower:
    """The follower of this kernel."""
    return _shared
