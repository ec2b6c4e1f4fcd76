"""Find the nested loops that make a table: which columns vary together, and over what.

Pure arithmetic on columns of integers (equal numbers for equal values); `paramscode` makes code
of what it finds.
"""

from collections.abc import Sequence
from math import gcd, lcm
from typing import NamedTuple


class Loop(NamedTuple):
    """One of the nested loops.

    Of the table's rows, in the order of the loop, those numbered 0, `step`, 2 `step`, ... below
    `stop` show each of its turns once: the loops inside it make `step` rows a turn.
    """

    columns: tuple[int, ...]
    step: int
    stop: int

    @property
    def rows(self) -> range:
        """Rows that show each of its turns once."""
        return range(0, self.stop, self.step)


def loops_of(columns: Sequence[Sequence[int]]) -> list[Loop]:
    """The loops whose product is this table, from the outermost on.

    Parameters
    ----------
    columns : sequence of sequence of int
        At least one, all of one length above 0.

    Returns
    -------
    list of Loop
        Columns with a single value are in none, unless nothing else says how many rows there are.

    Examples
    --------
    >>> loops_of([[0, 0, 1, 1], [0, 1, 0, 1], [5, 5, 5, 5]])
    [Loop(columns=(0,), step=2, stop=4), Loop(columns=(1,), step=1, stop=2)]
    >>> loops_of([[0, 1, 2], [0, 1, 1]])
    [Loop(columns=(0, 1), step=1, stop=3)]
    """
    n = len(columns[0])
    inner_first: list[Loop] = []
    spans = [(i, *_span(column, n)) for i, column in enumerate(columns)]
    for i, step, stop in sorted(spans, key=lambda span: span[1:]):
        loop = Loop((i,), step, stop)
        # A loop must lie inside the next one as a whole; what overlaps is one loop, of ties.
        while stop > step and inner_first and loop.step % inner_first[-1].stop:
            inner = inner_first.pop()
            step, stop = gcd(loop.step, inner.step), lcm(loop.stop, inner.stop)
            loop = Loop((*inner.columns, *loop.columns), step, stop)
        if stop > step:
            inner_first.append(loop)
    if not inner_first:
        return [Loop((0,), 1, n)] if n > 1 else []
    # Where a loop takes the same value several times in a row, or takes all of them again, no
    # column tells: its neighbours are as long as it takes.
    inside = 1
    for place, loop in enumerate(inner_first):
        inner_first[place] = loop._replace(columns=tuple(sorted(loop.columns)), step=inside)
        inside = loop.stop
    inner_first[-1] = inner_first[-1]._replace(stop=n)
    return inner_first[::-1]


def _span(column: Sequence[int], n: int) -> tuple[int, int]:
    """How many rows a value lasts, and after how many all comes again; both divide `n`."""
    step = n
    for row in range(1, n):
        if column[row] != column[row - 1]:
            step = gcd(step, row)
            if step == 1:
                break
    for stop in _divisors(n):
        if stop % step == 0 and column[stop:] == column[: n - stop]:
            return step, stop
    return step, n


def _divisors(n: int) -> list[int]:
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})
