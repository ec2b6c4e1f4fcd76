"""The loops that make a table: found again, and never wrong."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.factors import Loop, loops_of


def unrolled(loops: list[Loop], columns: list[list[int]]) -> list[dict[int, int]]:
    turns = [[{c: columns[c][row] for c in loop.columns} for row in loop.rows] for loop in loops]
    return [
        {k: v for part in parts for k, v in part.items()} for parts in itertools.product(*turns)
    ]


@given(st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 2), min_size=n, max_size=n), min_size=1, max_size=4)
))  # fmt: skip
def test_any_table_is_the_product_of_its_loops(columns):
    loops = loops_of(columns)
    rows = unrolled(loops, columns)
    assert len(rows) == len(columns[0])
    named = {c for loop in loops for c in loop.columns}
    for number, row in enumerate(rows):
        assert row == {c: columns[c][number] for c in named}
    assert all(len(set(columns[c])) == 1 for c in range(len(columns)) if c not in named)


@given(st.lists(st.integers(2, 4), min_size=1, max_size=4), st.permutations(range(4)))
def test_a_grid_is_found_whatever_the_order_of_its_columns(sizes, order):
    points = list(itertools.product(*map(range, sizes)))
    order = [axis for axis in order if axis < len(sizes)]
    columns = [[point[axis] for point in points] for axis in order]
    found = [(loop.columns, len(loop.rows)) for loop in loops_of(columns)]
    assert found == [((order.index(axis),), size) for axis, size in enumerate(sizes)]


def test_ties():
    a, b, c = [0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2], [0, 1] * 3
    assert loops_of([c, a, b]) == [Loop((1, 2), 2, 6), Loop((0,), 1, 2)]
    assert loops_of([[0, 1, 0, 1, 0, 1], [0, 0, 0, 1, 1, 1]]) == [Loop((0, 1), 1, 6)]


def test_values_that_come_twice():
    assert loops_of([[0, 0, 1, 1]]) == [Loop((0,), 1, 4)]
    assert loops_of([[0, 1, 0, 1]]) == [Loop((0,), 1, 4)]
    assert loops_of([[0], [0]]) == []
    assert loops_of([[0, 0], [5, 5]]) == [Loop((0,), 1, 2)]
