"""What a view keeps of the records of psets: 72 bytes of each, in the order in which they came.

Used by `runview`, whose lock its threads hold while they are in here. The records themselves stay
on disk.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from psweep_nb.journal import DONE, Record

# Of each record: kind, attempt, pset, start and runtime (ns), its part of the log, where it is.
HEAD = struct.Struct("<BxxxIIqqQQIxxxxQQ")
RATE_PSETS, RATE_S = 1000, 20.0  # a rate is over so many of the newest psets, not older than that
_UNORDERED = 16
_RUNTIMES = 200  # of so many of the newest psets the runtimes say how long others will take
_AT_ONCE = 1 << 20  # bytes of records

Fields = tuple[int, ...]  # of a `HEAD`


class Arrivals:
    """The records of a run's psets that came, and which of a pset's is the latest.

    Parameters
    ----------
    total : int
        How many psets the run has.

    Attributes
    ----------
    done : int
        How many psets are done.
    failures : dict
        The psets whose last attempt failed, as they came.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.failures: dict[int, None] = {}
        self._heads = bytearray()
        self._place = array("q", [-1]) * total  # of each pset's latest record in _heads

    def __len__(self) -> int:
        return len(self._heads) // HEAD.size

    def add(self, reader: int, r: Record) -> None:
        """Take in a record from the journal of this number."""
        if r.pset >= self.total:
            return  # of another run; a foreign file in the folder
        place = len(self._heads)
        self._heads += HEAD.pack(
            r.kind, r.attempt, r.pset, r.start_ns, r.runtime_ns, r.log_start, r.log_end,
            reader, r.offset, len(r.body),
        )  # fmt: skip
        latest = self.latest(r.pset)
        if latest is not None:
            kind, attempt, *_ = latest
            if (r.attempt, r.kind == DONE) <= (attempt, kind == DONE):
                return
            self.done -= kind == DONE
            self.failures.pop(r.pset, None)
        self._place[r.pset] = place
        if r.kind == DONE:
            self.done += 1
        else:
            self.failures[r.pset] = None

    def fields(self, number: int) -> Fields:
        """The fields of a record, which are numbered as they came."""
        return HEAD.unpack_from(self._heads, HEAD.size * number)

    def heads(self, start: int, stop: int) -> bytes:
        """`HEAD` of records number `start` to `stop`."""
        return bytes(memoryview(self._heads)[HEAD.size * start : HEAD.size * stop])

    def latest(self, pset: int) -> Fields | None:
        """The fields of a pset's latest record, None while it has none."""
        place = self._place[pset]
        return None if place < 0 else HEAD.unpack_from(self._heads, place)

    def states(self) -> list[tuple[int, int, int]]:
        """Number, kind and attempt of each pset that ended."""
        found = []
        for number, place in enumerate(self._place):
            if place >= 0:
                kind, attempt, *_ = HEAD.unpack_from(self._heads, place)
                found.append((number, kind, attempt))
        return found

    def has_ended(self, pset: int, attempt: int) -> bool:
        """Whether a pset has a record of this attempt, or a later one."""
        if pset >= self.total:
            return True  # of another run; a foreign file in the folder
        latest = self.latest(pset)
        return (0 if latest is None else latest[1]) >= attempt

    # -- how fast they come ------------------------------------------------------------------

    def runtimes(self) -> list[float]:
        """What the newest psets took (s)."""
        newest = range(len(self))[-_RUNTIMES:]
        return [self.fields(number)[4] / 1e9 for number in newest]

    def end_of(self, number: int) -> float:
        """When a record's pset ended, in seconds since the epoch; 0 for number -1."""
        if number < 0:
            return 0.0
        _, _, _, start, runtime, *_ = self.fields(number)
        return float(start + runtime) / 1e9

    def rate(self, now: float | None) -> float | None:
        """Psets a second over the newest records; None from fewer than two."""
        newest = range(len(self))[-RATE_PSETS:]
        if len(newest) < 2:
            return None
        last = max(map(self.end_of, newest[-_UNORDERED:]))
        # Nearly in order of time: several workers write, each in order.
        first = bisect_left(newest, last - RATE_S, hi=len(newest) - 1, key=self.end_of)
        begin = min(map(self.end_of, newest[first : first + _UNORDERED]))
        span, psets = max(last, now or 0.0) - begin, len(newest) - first - 1
        return psets / span if span > 0 and psets > 0 else None


def stretches(heads: list[Fields]) -> Iterator[list[Fields]]:
    """Parts of records of one journal, each to be read at once."""
    begin = 0
    for i, (*_, at, size) in enumerate(heads):
        if i > begin and not 0 <= at + size - heads[begin][-2] <= _AT_ONCE:
            yield heads[begin:i]
            begin = i
    yield heads[begin:]
