"""Points of a live plot: one column against another, never more than a page can draw.

Of long runs every second, fourth, ... pset that ended is taken, so that reading the points
costs the same whatever the length of the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psweep_nb.ui import texts
from psweep_nb.ui.values import ABSENT, is_number

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord
    from psweep_nb.runview import RunView

MOST = 1000  # points
MOST_TEXTS = 40  # different texts on the x axis
MOST_MEANS = 100
_PIECE = 200  # records read at once: a millisecond or two


class Sample:
    """Points of two columns, of some of the psets that ended.

    Parameters
    ----------
    view : RunView
    x, y : str
        Names of columns.
    """

    def __init__(self, view: RunView, x: str, y: str) -> None:
        self._view = view
        self.x, self.y = x, y
        self.every = 1
        self._seen = 0  # records
        self._records: dict[int, tuple[int, Any, Any]] = {}  # arrival -> pset, x, y

    def read(self) -> Iterator[None]:
        """Take what has come; yields between pieces."""
        while self._view.count // self.every > MOST:
            self._thin()
        start = -(-self._seen // self.every) * self.every
        for piece, arrival in enumerate(range(start, self._view.count, self.every), start=1):
            for record in self._view.arrived(arrival, arrival + 1):
                self._records[arrival] = (record.index, *_pair(record, self.x, self.y))
            self._seen = arrival + 1
            if piece % _PIECE == 0:
                yield
        yield

    def _thin(self) -> None:
        self.every *= 2
        self._records = {a: point for a, point in self._records.items() if a % self.every == 0}

    def points(self) -> dict[str, Any]:
        """What the page draws.

        Returns
        -------
        dict
            ``points`` (pset, x, y), ``texts`` (what whole numbers on the x axis stand for, if it
            has texts), ``means`` (x, mean of y over the points, where psets share their x),
            ``every`` (each pset, or every so manyth), ``left_out`` (how many have no finite
            numbers). JSON-able, below 60 KB.
        """
        latest = {pset: (x, y) for pset, x, y in self._records.values()}
        written, found, left_out = dict[str, int](), list[tuple[int, float, float]](), 0
        by_text = any(not is_number(x) for x, _ in latest.values() if x is not ABSENT)
        for pset, (x, y) in latest.items():
            place: float | None = _finite(x)
            if by_text and x is not ABSENT:
                text = texts.cell(x, 24)
                place = float(written.setdefault(text, len(written)))
                place = place if place < MOST_TEXTS else None
            height = _finite(y)
            if place is None or height is None:
                left_out += y is not ABSENT
            else:
                found.append((pset, place, height))
        return {
            "points": [[pset, _rounded(x), _rounded(y)] for pset, x, y in found],
            "texts": list(written)[:MOST_TEXTS] if by_text else None,
            "means": _means(found),
            "every": self.every,
            "left_out": left_out,
        }


def _pair(record: PsetRecord, x: str, y: str) -> tuple[Any, Any]:
    if record.state != "done":
        return ABSENT, ABSENT
    results = record.results
    values = {} if x in results and y in results else record.pset
    return results.get(x, values.get(x, ABSENT)), results.get(y, values.get(y, ABSENT))


def _finite(value: Any) -> float | None:
    if value is ABSENT or not is_number(value):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError, TypeError):
        return None
    return number if math.isfinite(number) else None


def _rounded(number: float) -> float:
    return float(f"{number:.5g}")


def _means(points: list[tuple[int, float, float]]) -> list[list[float]]:
    """Mean of y at each x, where that is fewer places than points; else nothing."""
    at: dict[float, list[float]] = {}
    for _, x, y in points:
        at.setdefault(x, []).append(y)
    if len(at) > MOST_MEANS or 2 * len(at) > len(points) or len(at) < 2:
        return []
    return [[_rounded(x), _rounded(sum(y / len(ys) for y in ys))] for x, ys in sorted(at.items())]
