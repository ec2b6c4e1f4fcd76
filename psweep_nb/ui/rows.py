"""What the panel's table shows of psets, as texts.

Plain Python over a run's view; asked a few times a second, so the work is bounded by what is
visible and repeated only for rows that are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psweep_nb.ui import texts
from psweep_nb.ui.columns import Columns
from psweep_nb.ui.values import ABSENT, is_number

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord, RunningPset
    from psweep_nb.runview import RunView

_KEPT = 1000  # rows; a screenful is 40
_MOST_LEARNT = 100  # values of a row that are looked at for the kind of their column


class Row:
    """One row: what it shows, made once for each set of columns."""

    def __init__(
        self,
        state: str,
        index: int,
        seconds: float | None,
        values: tuple[Mapping[str, Any], ...],
        attempt: int = 0,
        error: str = "",
        progress: str = "",
    ) -> None:
        self.values = values  # results first: what the function changed in place wins
        self.fixed = {
            "key": f"{index}.{state}.{attempt}",
            "index": index,
            "state": state,
            "runtime": "" if seconds is None else texts.duration(seconds),
            "error": error,
            "progress": progress,
        }
        self._cells: list[str] = []
        self._names: list[str] = []

    def get(self, name: str) -> Any:
        """A value; `ABSENT` where there is none."""
        for values in self.values:
            if name in values:
                return values[name]
        return ABSENT

    def shown(self, names: list[str]) -> dict[str, Any]:
        """As it goes to the page; only columns that are shown are formatted."""
        if names != self._names:
            found = [self.get(name) for name in names]
            self._cells = ["" if value is ABSENT else texts.cell(value) for value in found]
            self._names = names
        return {**self.fixed, "cells": self._cells}


class Rows:
    """Rows of one run.

    Parameters
    ----------
    columns : Columns
        Learns the names and kinds of what rows hold.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._made: dict[tuple[int, int], Row] = {}

    def of(
        self, view: RunView, psets: Iterable[int], running: Mapping[int, RunningPset]
    ) -> list[Row]:
        """The rows of these psets.

        Parameters
        ----------
        view : RunView
        psets : iterable of int
            Their numbers.
        running : mapping
            What is being executed, by number.
        """
        return [self._row(view, pset, running.get(pset)) for pset in psets]

    def _row(self, view: RunView, pset: int, running: RunningPset | None) -> Row:
        if running is not None:
            self._learn(running.pset, running.report)
            done = texts.percent(running.report.get("progress"))
            values = (running.report, running.pset)
            return Row("running", pset, running.seconds, values, progress=done)
        record = view.record(pset)
        if record is not None:
            return self.of_record(record)
        return self._kept((pset, 0)) or self._keep((pset, 0), self._pending(view, pset))

    def of_record(self, record: PsetRecord) -> Row:
        """The row of a pset that ended."""
        key = (record.index, record.attempt)
        return self._kept(key) or self._keep(key, self._ended(record))

    def _ended(self, record: PsetRecord) -> Row:
        self._learn(record.pset, record.results)
        error = texts.line(record.error) if record.state == "failed" else ""
        values = (record.results, record.pset)
        return Row(record.state, record.index, record.runtime, values, record.attempt, error)

    def _pending(self, view: RunView, pset: int) -> Row:
        params = view.pset(pset)
        self._learn(params, {})
        return Row("pending", pset, None, (params,))

    def _learn(self, pset: Mapping[str, Any], results: Mapping[str, Any]) -> None:
        self.columns.know(pset, results)
        for values in (pset, results):
            for name in list(values)[:_MOST_LEARNT]:
                self.columns.note_number(name, is_number(values[name]))

    def _kept(self, key: tuple[int, int]) -> Row | None:
        return self._made.get(key)

    def _keep(self, key: tuple[int, int], row: Row) -> Row:
        if len(self._made) >= _KEPT:
            for old in list(self._made)[: _KEPT // 2]:
                del self._made[old]
        self._made[key] = row
        return row


def newest_first(view: RunView, n: int) -> list[PsetRecord]:
    """The last ``n`` records, the newest first, without attempts that a later one replaced."""
    found = []
    for record in view.newest(n):
        latest = view.record(record.index)
        if latest is None or latest.attempt <= record.attempt:
            found.append(record)
    return found


def of_records(records: Sequence[PsetRecord], params: Sequence[str] = ()) -> dict[str, Any]:
    """Columns and rows of given records, in their order: the table of a report.

    Returns
    -------
    dict
        ``columns`` (name, kind ``param`` or ``result``, whether numeric), ``hidden`` (how many more
        columns), ``rows``. JSON-able.
    """
    columns = Columns(params)
    rows = Rows(columns)
    made = [rows.of_record(record) for record in records]
    names = columns.shown()
    return {
        "columns": columns.describe(names),
        "hidden": len(columns.names()) - len(names),
        "rows": [row.shown(names) for row in made],
    }
