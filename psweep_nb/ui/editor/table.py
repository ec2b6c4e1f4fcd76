"""Psets as a table that is edited by hand: cells, rows, columns.

Like a draft a table is a value: each edit gives another one. The page gets a window of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.params import grid
from psweep_nb.psets import Pset
from psweep_nb.ui import texts
from psweep_nb.ui.editor import typed

MOST = 100_000  # psets that can be edited by hand
MOST_COLUMNS = 50  # that the page shows
WINDOW = 100  # rows that the page gets at most


@dataclass(frozen=True)
class Wrong:
    """What was typed into a cell and is no value."""

    text: str
    problem: str


@dataclass(frozen=True, eq=False)
class Table:
    """Psets, the columns in their order, and cells that are to be corrected.

    An empty cell is a parameter that the pset does not have.
    """

    psets: Sequence[Pset] = ()
    columns: tuple[str, ...] = ()
    wrong: Mapping[tuple[int, str], Wrong] = field(default_factory=dict)

    def built(self) -> list[Pset]:
        """The psets as a list.

        Raises
        ------
        ParamsError
            If a cell has to be corrected.
        """
        for (row, column), wrong in self.wrong.items():
            where = f"pset {row}, {texts.line(column, 40)}"
            raise ParamsError(f"the editor has an entry to correct: {where}: {wrong.problem}")
        return list(self.psets)

    def set_cell(self, row: int, column: str, text: str) -> Table:
        """With another value in a cell; what is no value stays there as text, with the problem."""
        pset = self._row(row)
        wrong = {at: found for at, found in self.wrong.items() if at != (row, column)}
        changed = dict(pset)
        if not text.strip():
            changed.pop(column, None)
        else:
            try:
                changed[column] = typed.read(text)
            except ParamsError as error:
                wrong[row, column] = Wrong(text, str(error))
                changed = dict(pset)
        return replace(self, psets=_spliced(self.psets, row, 1, [changed]), wrong=wrong)

    def cell_text(self, row: int, column: str) -> str:
        """What to type for a cell's value; empty where it is absent or cannot be typed."""
        pset = self._row(row)
        if (row, column) in self.wrong:
            return self.wrong[row, column].text
        try:
            return typed.write(pset[column]) if column in pset else ""
        except ParamsError:
            return ""

    def add_row(self, after: int | None = None) -> Table:
        """With a copy of a row (else of the last) below it."""
        if len(self.psets) >= MOST:
            raise ParamsError(f"no more than {texts.count(MOST)} psets by hand")
        at = len(self.psets) - 1 if after is None else after
        copied = dict(self._row(at)) if self.psets else {}
        wrong = {(r + (r > at), c): w for (r, c), w in self.wrong.items()}
        return replace(self, psets=_spliced(self.psets, at + 1, 0, [copied]), wrong=wrong)

    def delete_row(self, row: int) -> Table:
        """Without a row."""
        self._row(row)
        wrong = {(r - (r > row), c): w for (r, c), w in self.wrong.items() if r != row}
        return replace(self, psets=_spliced(self.psets, row, 1, []), wrong=wrong)

    def add_column(self, name: str, text: str) -> Table:
        """With one more parameter, of this value in each pset; of none where nothing was typed."""
        if name in self.columns:
            raise ParamsError(f"there is a column {texts.line(name, 40)!r} already")
        try:
            grid(**{name: [0]})
        except ParamsError as error:
            raise ParamsError(str(error).removeprefix("grid: ")) from None
        psets = self.psets
        if text.strip():
            value = typed.read(text)
            psets = [{**pset, name: value} for pset in psets]
        return replace(self, psets=psets, columns=(*self.columns, name))

    def delete_column(self, name: str) -> Table:
        """Without a parameter."""
        psets = [{k: v for k, v in pset.items() if k != name} for pset in self.psets]
        columns = tuple(column for column in self.columns if column != name)
        wrong = {at: found for at, found in self.wrong.items() if at[1] != name}
        return Table(psets, columns, wrong)

    def column(self, number: Any) -> str:
        """The name of a column, by its number: names may be long.

        Raises
        ------
        ParamsError
            If there is none (any more).
        """
        if not isinstance(number, int) or not 0 <= number < len(self.columns):
            raise ParamsError("this column is gone")
        return self.columns[number]

    def _row(self, row: int) -> Pset:
        if not 0 <= row < len(self.psets):
            raise ParamsError("this row is gone")
        return self.psets[row]


def of_psets(psets: Sequence[Pset]) -> Table:
    """The table of psets.

    Raises
    ------
    ParamsError
        If there are too many for it.
    """
    if len(psets) > MOST:
        raise ParamsError(
            f"{texts.count(len(psets))} psets are too many to edit by hand; at most"
            f" {texts.count(MOST)}"
        )
    listed = list(psets)
    return Table(listed, tuple(dict.fromkeys(key for pset in listed for key in pset)))


def window(table: Table, start: int, count: int) -> dict[str, Any]:
    """Some rows as the page shows them; JSON-able and bounded.

    Each cell is its text, whether that is all of it, and what is wrong.
    """
    start = max(0, min(start, len(table.psets)))
    stop = min(len(table.psets), start + max(0, min(count, WINDOW)))
    columns = table.columns[:MOST_COLUMNS]
    rows = [
        [_cell(table, row, pset, column) for column in columns]
        for row, pset in zip(range(start, stop), table.psets[start:stop], strict=True)
    ]
    return {
        "total": len(table.psets),
        "start": start,
        "columns": [texts.line(column, 80) for column in columns],
        "hidden": len(table.columns) - len(columns),
        "rows": rows,
    }


def _cell(table: Table, row: int, pset: Pset, column: str) -> list[Any]:
    if wrong := table.wrong.get((row, column)):
        return [texts.cut(wrong.text, 200), len(wrong.text) <= 200, wrong.problem]
    if column not in pset:
        return ["", True]
    shown = typed.shown(pset[column])
    return [shown, _is_all(pset[column], shown)]


def _is_all(value: Any, shown: str) -> bool:
    """Whether the text of a cell is what to type for its value."""
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return value.bit_length() < 100
    return value is None or type(value) is bool or (type(value) is str and shown == repr(value))


def _spliced(psets: Sequence[Pset], at: int, gone: int, new: list[Pset]) -> list[Pset]:
    return [*psets[:at], *new, *psets[at + gone :]]
