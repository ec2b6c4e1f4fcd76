"""The psets of a run in the order in which the panel lists them.

Knows the state of each pset and when it ended, from what the run's view keeps of each record.
What costs more than a look at that (sorting, filters) is done again only when it is due.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from psweep_nb.arrivals import HEAD
from psweep_nb.journal import DONE, FAILED

if TYPE_CHECKING:
    from psweep_nb.runview import RunView

PENDING = 0
MOST = 20_000  # records taken at once: some milliseconds
STATES = ("all", "done", "failed", "running", "pending")
_HEAD = np.dtype(
    {
        "names": ["kind", "attempt", "pset", "runtime"],
        "formats": ["u1", "u4", "u4", "i8"],
        "offsets": [0, 4, 8, 24],
        "itemsize": HEAD.size,
    }
)
Sorter = Callable[[np.ndarray], np.ndarray]


class Seldom:
    """Lets a costly thing be done again only after ten times what it took, a second at least."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._next = -1e9

    def due(self) -> bool:
        """Whether it may be done now."""
        return self._clock() >= self._next

    def __enter__(self) -> None:
        self._began = self._clock()

    def __exit__(self, *_exc: object) -> None:
        now = self._clock()
        self._next = now + max(1.0, 10 * (now - self._began))


class Listing:
    """States and order of the psets of one run; not for several threads at once.

    Parameters
    ----------
    view : RunView

    Attributes
    ----------
    kind : numpy.ndarray
        Of each pset 0, or how its last attempt ended: `journal.DONE` or `FAILED`.
    runtime : numpy.ndarray
        Of each pset (s); NaN before it has ended.
    """

    def __init__(self, view: RunView) -> None:
        self._view = view
        self.total: int = view.total
        self.kind = np.zeros(self.total, dtype=np.uint8)
        self.runtime = np.full(self.total, np.nan)
        self._attempt = np.zeros(self.total, dtype=np.uint32)
        self._arrival = np.full(self.total, -1, dtype=np.int64)
        self._seen = 0  # records
        self._ended = np.empty(self.total, dtype=np.int32)  # psets as they ended
        self._n_ended = 0
        self._in_disorder = False
        self._seldom = Seldom()
        self.running: list[int] = []

    @property
    def ended(self) -> int:
        """How many psets have ended."""
        return self._n_ended

    def update(self, running: Sequence[int] = ()) -> int:
        """Take what has come since, `MOST` records at a time; return how many."""
        self.running = [pset for pset in running if pset < self.total]
        heads = np.frombuffer(self._view.heads(self._seen, self._seen + MOST), dtype=_HEAD)
        if len(heads):
            self._take(heads)
        if self._in_disorder and self._seldom.due():
            with self._seldom:
                self._put_in_order()
        return len(heads)

    def _take(self, heads: np.ndarray) -> None:
        psets = heads["pset"].astype(np.intp)
        arrivals = np.arange(self._seen, self._seen + len(heads))
        self._seen += len(heads)
        fresh = self.kind[psets] == PENDING
        if fresh.all() and len(np.unique(psets)) == len(psets):
            self._ended[self._n_ended : self._n_ended + len(psets)] = psets
            self._n_ended += len(psets)
        else:
            # Tried again: of each pset the last attempt counts, a done one of two that are equal.
            order = np.lexsort((arrivals, heads["kind"] == DONE, heads["attempt"]))
            heads, psets, arrivals = heads[order], psets[order], arrivals[order]
            newer = heads["attempt"] >= self._attempt[psets]
            newer &= (heads["attempt"] > self._attempt[psets]) | (heads["kind"] == DONE)
            heads, psets, arrivals = heads[newer], psets[newer], arrivals[newer]
            new = np.unique(psets[self.kind[psets] == PENDING])
            self._ended[self._n_ended : self._n_ended + len(new)] = new
            self._n_ended += len(new)
            self._in_disorder = True
        self.kind[psets] = heads["kind"]
        self.runtime[psets] = heads["runtime"] / 1e9
        self._attempt[psets] = heads["attempt"]
        self._arrival[psets] = arrivals

    def _put_in_order(self) -> None:
        ended = np.flatnonzero(self._arrival >= 0)
        self._ended[: len(ended)] = ended[np.argsort(self._arrival[ended])]
        self._in_disorder = False

    # -- what is listed ----------------------------------------------------------------------

    def as_they_come(self, state: str = "all") -> Stretches:
        """What runs, then what ended, the newest first, then what is pending."""
        parts: list[Part] = []
        if state in ("all", "running"):
            parts.append((len(self.running), lambda: np.array(self.running, dtype=np.int32)))
        if state in ("all", "done", "failed"):
            ended = self._ended_of(state)
            parts.append((len(ended), lambda: ended[::-1]))
        if state in ("all", "pending"):
            at_work = sum(self.kind[pset] == PENDING for pset in self.running)
            parts.append((self.total - self._n_ended - int(at_work), self._pending))
        return Stretches(parts)

    def _ended_of(self, state: str) -> np.ndarray:
        ended = self._ended[: self._n_ended]
        if state != "all":
            ended = ended[self.kind[ended] == (DONE if state == "done" else FAILED)]
        again = [pset for pset in self.running if self.kind[pset] != PENDING]
        found: np.ndarray = ended[~np.isin(ended, again)] if again else ended
        return found

    def _pending(self) -> np.ndarray:
        return np.flatnonzero(self._is("pending")).astype(np.int32)

    def _is(self, state: str) -> np.ndarray:
        """Mask of the psets in a state."""
        found: np.ndarray
        if state == "all":
            return np.ones(self.total, dtype=bool)
        if state == "running":
            found = np.zeros(self.total, dtype=bool)
            found[self.running] = True
            return found
        found = self.kind == {"pending": PENDING, "done": DONE, "failed": FAILED}[state]
        found[self.running] = False
        return found

    def chosen(self, state: str, masks: Sequence[np.ndarray], sort: Sorter | None) -> np.ndarray:
        """Psets in a state for which all masks hold; sorted, else the newest first.

        Parameters
        ----------
        state : str
            One of `STATES`.
        masks : sequence of numpy.ndarray
        sort : callable, optional
            Puts psets (ascending numbers) in order.
        """
        wanted = self._is(state)
        for mask in masks:
            wanted &= mask
        if sort is not None:
            return sort(np.flatnonzero(wanted).astype(np.int32))
        listed = self.as_they_come(state).all()
        found: np.ndarray = listed[wanted[listed]]
        return found


Part = tuple[int, Callable[[], np.ndarray]]


class Stretches:
    """Psets in a row, made of parts that are only looked at where they are wanted.

    Examples
    --------
    >>> listed = Stretches([(2, lambda: np.array([7, 8])), (3, lambda: np.arange(3))])
    >>> len(listed), listed.window(1, 4).tolist()
    (5, [8, 0, 1])
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @classmethod
    def of(cls, psets: np.ndarray) -> Stretches:
        """Of one part."""
        return cls([(len(psets), lambda: psets)])

    def __len__(self) -> int:
        return sum(length for length, _ in self._parts)

    def window(self, start: int, stop: int) -> np.ndarray:
        """Those from place `start` to `stop`."""
        found = [np.empty(0, dtype=np.int32)]
        for length, make in self._parts:
            if start < length and stop > 0:
                found.append(make()[max(start, 0) : max(stop, 0)])
            start, stop = start - length, stop - length
        return np.concatenate(found)

    def all(self) -> np.ndarray:
        """All of them."""
        return self.window(0, len(self))
