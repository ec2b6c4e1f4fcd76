"""Turns on the kernel's main thread, between cells, for what redraws itself as rows arrive.

A watched cell is the user's code and an explorer draws with matplotlib: neither may happen inside
another cell, or on the follower's thread beside one. All of them together take a bounded share of
the kernel's time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

SHARE = 0.2  # of the kernel's time, for all jobs together


class Job(Protocol):
    """Something that wants a turn now and then."""

    every: float  # seconds between the begins of two turns, at least

    def turn(self) -> float:
        """Do it; returns seconds to add to what it took, for work that it causes elsewhere."""
        ...


class Turns:
    """The turns of one kernel.

    Parameters
    ----------
    soon : callable
        Has a function called on the main thread's loop; may be called from any thread.
    later : callable
        Has a function called there after some seconds; called on the main thread only.
    busy : callable
        Whether a cell is running.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        soon: Callable[..., object],
        later: Callable[..., object],
        busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._soon = soon
        self._later = later
        self._busy = busy
        self._clock = clock
        # Main thread only; what other threads ask for comes through `soon`.
        self._due: dict[Job, float] = {}
        self._timed: set[Job] = set()
        self._waiting: set[Job] = set()  # for the end of a cell

    def join(self, job: Job) -> None:
        """Let a job ask for turns."""
        self._due.setdefault(job, self._clock())

    def come_back(self, job: Job) -> None:
        """Let a job that has left ask again; from any thread."""
        self._soon(self.join, job)

    def leave(self, job: Job) -> None:
        """Give it no more, and others its share."""
        self._due.pop(job, None)
        self._waiting.discard(job)

    def ask(self, job: Job, now: bool = False) -> None:
        """Ask for a turn, once, as soon as it may have one; from any thread.

        Parameters
        ----------
        now : bool
            Somebody waits for it: as soon as no cell runs.
        """
        self._soon(self._arm, job, now)

    def spent(self, job: Job, seconds: float) -> None:
        """Count work that a job just did outside its turns."""
        if job in self._due:
            self._due[job] = self._clock() + self.rest(job, seconds)

    def rest(self, job: Job, seconds: float) -> float:
        """How long a job that took so long leaves the kernel alone."""
        return max(job.every, seconds * (len(self._due) / SHARE - 1))

    def cell_ended(self) -> None:
        """Give their turns to those who waited for the end of a cell."""
        waiting, self._waiting = self._waiting, set()
        for job in waiting:
            self._soon(self._arm, job, False)  # not yet: the cell's own outputs come first

    def _arm(self, job: Job, now: bool) -> None:
        if now and job in self._due:
            self._due[job] = self._clock()
        if job in self._due and (now or job not in self._timed):
            self._timed.add(job)
            self._later(max(0.0, self._due[job] - self._clock()), self._go, job)

    def _go(self, job: Job) -> None:
        if job not in self._timed:
            return  # it had its turn, for somebody who would not wait
        self._timed.discard(job)
        if job not in self._due:
            return
        if self._due[job] > self._clock():
            self._arm(job, False)
        elif self._busy():
            self._waiting.add(job)
        else:
            self._give(job)

    def _give(self, job: Job) -> None:
        began = self._clock()
        extra = 0.0
        try:
            extra = job.turn()
        finally:
            self.spent(job, self._clock() - began + extra)


_turns: dict[Any, Turns] = {}


def shared(ip: Any) -> Turns:
    """The turns of the kernel that `ip` is the shell of."""
    if ip not in _turns:
        loop = ip.kernel.io_loop.asyncio_loop

        def busy() -> bool:
            # IPython's hook is in place while a cell runs, also while it awaits.
            return sys.displayhook is ip.displayhook

        turns = Turns(loop.call_soon_threadsafe, loop.call_later, busy)
        ip.events.register("post_execute", turns.cell_ended)
        _turns[ip] = turns
    return _turns[ip]
