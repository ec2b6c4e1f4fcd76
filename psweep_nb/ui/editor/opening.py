"""Psets that code has made, opened: as rows where they are a grid, else as a table."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.factors import loops_of
from psweep_nb.literals import CannotWrite, Writer
from psweep_nb.patterns import repeat
from psweep_nb.psets import Pset
from psweep_nb.ui.editor import entries, table
from psweep_nb.ui.editor.checking import Reader, check
from psweep_nb.ui.editor.draft import MOST_AXES, Draft, fields_of
from psweep_nb.ui.editor.editing import Content

_LONGEST_NAME = 200
_SHORT = 5  # values that are read more easily one by one
_LONGEST_TIE = 10  # where nothing but one tie is found, that is a list of points: a table


def content_of(psets: Sequence[Pset]) -> Content:
    """What the editor begins with."""
    if not psets:
        return Content(Draft().add())
    base, n = _without_repeats(psets)
    found = _grid_of(base) if n > 1 else None
    if found is not None:
        return Content(found.set(repeats=str(n)))
    found = _grid_of(psets)
    if found is not None:
        return Content(found)
    return Content(Draft(), table.of_psets(psets), by_hand=True)


def _grid_of(psets: Sequence[Pset]) -> Draft | None:
    """The rows that make these psets, or None."""
    names = list(psets[0])
    same = all(list(pset) == names for pset in psets)
    if not same or not 0 < len(names) <= MOST_AXES or max(map(len, names)) > _LONGEST_NAME:
        return None
    columns = [_numbered([pset[name] for pset in psets]) for name in names]
    loops = loops_of(columns) if len(psets) > 1 else []
    if len(loops) == 1 and len(loops[0].columns) > 1 and len(psets) > _LONGEST_TIE:
        return None
    places: list[tuple[tuple[int, ...], range]] = [(loop.columns, loop.rows) for loop in loops]
    varying = {i for columns_, _ in places for i in columns_}
    places += [((i,), range(1)) for i in range(len(names)) if i not in varying]
    draft, letter = Draft(), ord("A")
    for numbers, rows in places:
        tie = chr(letter) if len(numbers) > 1 else ""
        letter += bool(tie)
        for i in numbers:
            values = [psets[row][names[i]] for row in rows]
            fields = _fields(names[i], values, constant=i not in varying)
            try:
                draft = draft.add(name=names[i], tie=tie, **fields)
            except ParamsError:  # too much to type
                return None
    made = check(draft, Reader({}))
    return draft if made.count == len(psets) else None  # it takes no more than so many


def _fields(name: str, values: Sequence[Any], *, constant: bool) -> dict[str, Any]:
    """Kind and text of a row, the shortest that gives just these values."""
    fields = fields_of(values, constant=constant)
    kinds = set(map(type, values))
    if constant or len(values) < _SHORT or kinds not in ({int}, {float}):
        return fields
    first, last = values[0], values[-1]
    tries: list[tuple[str, str]] = []
    if kinds == {int}:
        step = values[1] - first
        stop = last + (1 if step > 0 else -1)
        tries += [("range", f"{first}, {stop}" + (f", {step}" if step != 1 else ""))]
        tries += [("integers", f"{first}, {last}, {len(values)}")]
    else:
        for low, high in ((float(f"{first:.12g}"), float(f"{last:.12g}")), (first, last)):
            spaced = f"{low!r}, {high!r}, {len(values)}"
            tries += [("linspace", spaced), ("logspace", spaced)]
    for kind, text in tries:
        try:
            with warnings.catch_warnings(action="ignore"):
                made = list(entries.read(kind, name, text, {}).values)
        except (ParamsError, ArithmeticError):
            continue
        if list(map(repr, made)) == list(map(repr, values)) and len(text) < len(
            fields.get("text") or text + " "
        ):
            return {"kind": kind, "text": text}
    return fields


def _without_repeats(psets: Sequence[Pset]) -> tuple[Sequence[Pset], int]:
    """What `repeat` was given, and how often each; the psets, and 1, if it did not make them."""
    n = sum(1 for pset in psets if pset.get("_repeat") == 0)
    if not n or len(psets) % n or list(psets[0])[-2:] != ["_repeat", "_seed"]:
        return psets, 1
    each = len(psets) // n
    base = [dict(list(pset.items())[:-2]) for pset in psets[::each]]
    try:
        with warnings.catch_warnings(action="ignore"):
            made = repeat(base, each)
    except ParamsError:
        return psets, 1
    keys = ("_repeat", "_seed")
    same = all([a.get(k) for k in keys] == [b.get(k) for k in keys]
               for a, b in zip(made, psets, strict=True))  # fmt: skip
    inner = [{k: v for k, v in pset.items() if k not in keys} for pset in psets]
    repeated = all(_same(inner[i], inner[i - i % each]) for i in range(len(inner)) if i % each)
    return (base, each) if same and repeated and each > 1 else (psets, 1)


def _same(one: Pset, other: Pset) -> bool:
    return list(one) == list(other) and all(
        len(set(_numbered([one[key], other[key]]))) == 1 for key in one
    )


def _numbered(values: Sequence[Any]) -> list[int]:
    """Equal numbers for values that are the same, of the same type."""
    known: dict[Hashable, int] = {}
    seen: dict[int, int] = {}  # an object occurs in many psets: it is written once
    numbers = []
    writer = Writer()
    for value in values:
        number = seen.get(id(value))
        if number is None:
            number = seen[id(value)] = known.setdefault(_key_of(value, writer), len(known))
        numbers.append(number)
    return numbers


def _key_of(value: Any, writer: Writer) -> Hashable:
    kind = type(value)
    if kind is int or kind is str:
        return (kind, value)
    try:
        return writer.text(value)
    except CannotWrite:
        return id(value)
