"""Statements in an order in which they can be executed: the notebook's, as far as that goes.

A cell may have been run again after one that needs it when it is executed. Used by `search`.
"""

from typing import NamedTuple


class Part(NamedTuple):
    """A statement of the script."""

    names: list[str]
    text: str
    apart: bool
    block: bool


class Item(NamedTuple):
    """A statement and the names it reads when it is executed, its functions read, and it gives."""

    place: tuple[int, int]
    part: Part
    now: frozenset[str]
    later: frozenset[str]
    gives: frozenset[str]


def in_order(items: list[Item]) -> list[Item]:
    """The notebook's order, but for what has to be there before a statement is executed."""
    givers: dict[str, list[Item]] = {}
    for item in items:
        for name in item.gives:
            givers.setdefault(name, []).append(item)
    ordered: list[Item] = []
    done: set[tuple[int, int]] = set()

    def emit(item: Item) -> None:
        if item.place in done:
            return
        done.add(item.place)
        wanted: set[tuple[int, int]] = set()
        names, known = list(item.now), set(item.now)
        while names:
            name = names.pop()
            for giver in givers.get(name, ()):
                if name in item.gives and giver.place >= item.place:
                    continue
                wanted.add(giver.place)
                more = (giver.now | giver.later) - known
                known |= more
                names.extend(more)
        for other in items:
            if other.place in wanted:
                emit(other)
        ordered.append(item)

    for item in items:
        emit(item)
    return ordered
