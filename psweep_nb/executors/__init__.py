"""Where psets execute: in the caller's thread, in local processes, on any `Executor`.

An executor is given batches, ranges of positions in its session's todo list, and says what became
of them. The engine alone decides what runs next; an executor alone knows how.
"""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Progress:
    """What became of the batches since the last poll.

    Attributes
    ----------
    done, failed : int
        Psets whose record was written.
    failed_at : list of int
        The positions of those that failed, at least where they may be tried again.
    returned : list of (int, int)
        Ranges that did not run and will not: they are the engine's again.
    later : list of (int, int)
        The same, to be tried again after all others.
    samples : list of (int, float)
        Size (psets) and duration (s) of batches that ended, for sizing the next ones.
    broken : str
        Why the executor cannot go on; empty while it can.
    disk_full : bool
        A record waits for room on the disk.
    """

    done: int = 0
    failed: int = 0
    failed_at: list[int] = field(default_factory=list)
    returned: list[tuple[int, int]] = field(default_factory=list)
    later: list[tuple[int, int]] = field(default_factory=list)
    samples: list[tuple[int, float]] = field(default_factory=list)
    broken: str = ""
    disk_full: bool = False


class SessionExecutor(Protocol):
    """What the engine asks of an executor.

    `can` declares abilities: ``"isolate"`` (a crash fails one pset), ``"kill"`` (timeouts, stop
    at once), ``"capture"`` (output goes to the pset's log), ``"abandon"`` (stop at once, too, but
    what runs is only let go).
    """

    can: frozenset[str]

    def start(self) -> None:
        """Get ready; called once, in the engine's thread."""

    def room(self) -> int:
        """How many more batches it takes now."""

    def submit(self, start: int, stop: int) -> None:
        """Take the batch of positions from `start` up to, not including, `stop`."""

    def poll(self, timeout: float) -> Progress:
        """Wait at most about `timeout` seconds for something to happen and report it.

        An executor in the caller's thread does its work here.
        """

    def busy(self) -> bool:
        """Whether any batch is not finished or returned."""

    def hold(self) -> None:
        """Begin nothing more of what was submitted; it is returned by later polls."""

    def kill(self) -> None:
        """End what runs at once, or let go of it; it is returned, not failed."""

    def close(self) -> None:
        """Free everything; what still runs is killed."""
