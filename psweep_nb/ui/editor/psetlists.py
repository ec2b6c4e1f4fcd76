"""Lists of psets that are made one at a time: a grid of a million is counted, not built.

Called by `grid`; what is at a place here is what `psweep_nb.pgrid` and `repeat` put there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from typing import Any

from psweep_nb.patterns import repeat
from psweep_nb.psets import Pset


class Combinations(Sequence[Pset]):
    """All combinations of some loops; the last one varies fastest.

    Parameters
    ----------
    loops : sequence of dict
        Names and values of the parameters of each loop. Those of one loop vary together.
    """

    def __init__(self, loops: Sequence[dict[str, Sequence[Any]]]) -> None:
        self._loops = loops
        self._lengths = [len(next(iter(loop.values()))) for loop in loops]

    def __len__(self) -> int:
        return math.prod(self._lengths)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        places = []
        for length in reversed(self._lengths):
            at, place = divmod(at, length)
            places.append(place)
        return {
            name: values[place]
            for loop, place in zip(self._loops, reversed(places), strict=True)
            for name, values in loop.items()
        }

    def __iter__(self) -> Iterator[Pset]:
        names = [name for loop in self._loops for name in loop]
        if len(names) == len(self._loops):  # no ties: as `grid` does it
            points: Iterable[Any] = product(*(next(iter(loop.values())) for loop in self._loops))
        else:
            turns = (list(zip(*loop.values(), strict=True)) for loop in self._loops)
            points = map(chain.from_iterable, product(*turns))
        return (dict(zip(names, point, strict=True)) for point in points)


class Repeats(Sequence[Pset]):
    """Each of some psets several times, as `psweep_nb.repeat` makes them."""

    def __init__(self, psets: Sequence[Pset], n: int) -> None:
        self._psets = psets
        self._n = n

    def __len__(self) -> int:
        return len(self._psets) * self._n

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        at, number = divmod(range(len(self))[at], self._n)
        return repeat([self._psets[at]], self._n)[number]

    def __iter__(self) -> Iterator[Pset]:
        return iter(repeat(list(self._psets), self._n))
