"""What the panel's table and the detail of a row show, as texts.

Plain Python over a run's view; the follower calls :meth:`Rows.build` a few times a second, so
the work is bounded by what is visible and repeated only for rows that are new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psweep_nb.ui import texts

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord, RunningPset
    from psweep_nb.runview import RunView

SHOWN = 40  # rows of each kind
MAX_COLUMNS = 30
_ABSENT = object()


class _Row:
    """One row: what it shows, made once for each set of columns."""

    def __init__(
        self,
        key: str,
        state: str,
        index: int,
        seconds: float,
        values: tuple[Mapping[str, Any], ...],
        error: str = "",
        progress: str = "",
    ) -> None:
        self.key = key
        self.values = values  # results first: what the function changed in place wins
        self._fixed = {
            "key": key,
            "index": index,
            "state": state,
            "runtime": texts.duration(seconds),
            "error": error,
            "progress": progress,
        }
        self._cells: list[str] = []
        self._names: list[str] = []

    def get(self, name: str) -> Any:
        for values in self.values:
            if name in values:
                return values[name]
        return _ABSENT

    def shown(self, names: list[str]) -> dict[str, Any]:
        """As it goes to the page; only columns that are shown are formatted."""
        if names != self._names:
            found = [self.get(name) for name in names]
            self._cells = ["" if value is _ABSENT else texts.cell(value) for value in found]
            self._names = names
        return {**self._fixed, "cells": self._cells}


class Rows:
    """The visible rows of one run: the newest, the newest failed, the running ones.

    Parameters
    ----------
    view : RunView, optional
        Where they come from.
    params : sequence of str
        Names of the parameters, in the order of their columns.
    """

    def __init__(self, view: RunView | None, params: Sequence[str] = ()) -> None:
        self._view = view
        self._params: dict[str, None] = dict.fromkeys(params)
        self._results: dict[str, None] = {}
        self._seen_keys: tuple[object, object] = (None, None)
        self._made: dict[str, _Row] = {}
        self._failed: tuple[int, list[int]] = (0, [])

    def build(self, failed: int | None = None) -> dict[str, Any]:
        """Columns and rows as the page shows them.

        Parameters
        ----------
        failed : int, optional
            How many failed psets there are, where that is known: saves looking for them.

        Returns
        -------
        dict
            ``columns`` (name, kind ``param`` or ``result``, whether it is numeric), ``newest``,
            ``failed``, ``running`` (lists of rows), ``seen`` (records so far). JSON-able.
        """
        view = self._view
        assert view is not None
        seen = view.count
        records = [view.record(index) for index in self._newest_failed(view, failed)]
        kept: dict[str, _Row] = {}
        newest = [self._row(record, kept) for record in newest_first(view, SHOWN)]
        failures = [self._row(r, kept) for r in records if r is not None and r.state == "failed"]
        self._made = kept
        running = [self._running_row(pset) for pset in view.running()[:SHOWN]]
        names = self._shown_names()
        return {
            **self._columns([*newest, *running]),
            "newest": [row.shown(names) for row in newest],
            "failed": [row.shown(names) for row in failures],
            "running": [row.shown(names) for row in running],
            "seen": seen,
        }

    def _newest_failed(self, view: RunView, failed: int | None) -> list[int]:
        """Numbers of the psets that failed last; looked for only when their count changed."""
        if failed == 0:
            return []
        if failed is None or failed != self._failed[0]:
            self._failed = (failed or 0, view.failed_indices()[: -SHOWN - 1 : -1])
        return self._failed[1]

    @classmethod
    def of_records(
        cls, records: Sequence[PsetRecord], params: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Columns and rows (``newest``) of given records, in their order."""
        table = cls(None, params)
        kept: dict[str, _Row] = {}
        made = [table._row(record, kept) for record in records]
        names = table._shown_names()
        return {**table._columns(made), "newest": [row.shown(names) for row in made]}

    def _row(self, record: PsetRecord, kept: dict[str, _Row]) -> _Row:
        key = f"{record.index}.{record.attempt}"
        if key in kept:
            return kept[key]
        row = self._made.get(key)
        if row is None:
            self._know(record.pset, record.results)
            error = texts.line(record.error) if record.state == "failed" else ""
            values = (record.results, record.pset)
            row = _Row(key, record.state, record.index, record.runtime, values, error)
        kept[key] = row
        return row

    def _running_row(self, running: RunningPset) -> _Row:
        pset, report = running.pset, running.report
        self._know(pset, report)
        key, done = f"running.{running.index}", texts.percent(report.get("progress"))
        values = (report, pset)
        return _Row(key, "running", running.index, running.seconds, values, progress=done)

    def _know(self, pset: Mapping[str, Any], results: Mapping[str, Any]) -> None:
        if self._seen_keys == (pset.keys(), results.keys()):
            return
        self._seen_keys = (pset.keys(), results.keys())
        self._params.update(dict.fromkeys(pset))
        new = [key for key in results if key not in self._params]
        self._results.update(dict.fromkeys(new))

    def _shown_names(self) -> list[str]:
        """Parameters, then results, as many as fit; results keep a third of the places."""
        places = max(MAX_COLUMNS - len(self._results), MAX_COLUMNS * 2 // 3)
        params = list(self._params)[:places]
        return [*params, *list(self._results)[: MAX_COLUMNS - len(params)]]

    def _columns(self, rows: Sequence[_Row]) -> dict[str, Any]:
        names = self._shown_names()
        columns = [
            {
                "name": texts.line(name, 80),
                "kind": "param" if name in self._params else "result",
                "numeric": _numeric(name, rows),
            }
            for name in names
        ]
        hidden = len(self._params) + len(self._results) - len(names)
        return {"columns": columns, "hidden": hidden}


def _numeric(name: str, rows: Sequence[_Row]) -> bool:
    values = [value for row in rows if (value := row.get(name)) is not _ABSENT]
    return bool(values) and all(_is_number(value) for value in values)


def newest_first(view: RunView, n: int) -> list[PsetRecord]:
    """The last ``n`` records, the newest first, without attempts that a later one replaced."""
    found = []
    for record in view.newest(n):
        latest = view.record(record.index)
        if latest is None or latest.attempt <= record.attempt:
            found.append(record)
    return found


def _is_number(value: Any) -> bool:
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return getattr(value, "shape", None) == () and value.dtype.kind in "iuf"


def detail(view: RunView, index: int) -> dict[str, Any]:
    """Everything about one pset, for the row a person opened.

    Parameters
    ----------
    view : RunView
    index : int
        Number of the pset in its run.

    Returns
    -------
    dict
        JSON-able, bounded: ``title``, ``params``, ``results`` (pairs of texts), ``traceback``,
        ``log``, ``live`` (still running).
    """
    for running in view.running():
        if running.index == index:
            return {
                "title": f"pset {index}, running for {texts.duration(running.seconds)}",
                "params": _pairs(running.pset),
                "results": _pairs(running.report),
                "traceback": "",
                "log": texts.block(running.log_tail()),
                "live": True,
            }
    record = view.record(index)
    if record is None:
        return _nothing(index)
    attempt = f", attempt {record.attempt}" if record.attempt > 1 else ""
    results = record.reported if _failed(record) else record.results
    return {
        "title": f"pset {index}, {record.state} after {texts.duration(record.runtime)}{attempt}",
        "params": _pairs(record.pset),
        "results": _pairs({k: v for k, v in results.items() if k not in record.pset}),
        "traceback": texts.block(record.traceback or record.error) if _failed(record) else "",
        "log": texts.block(record.log()),
        "live": False,
        "started": texts.date(record.started) + texts.clock(record.started)[5:],
        "id": record.pset_id,
    }


def _failed(record: PsetRecord) -> bool:
    return record.state == "failed"


def _nothing(index: int) -> dict[str, Any]:
    return {
        "title": f"pset {index}: nothing recorded of it yet",
        "params": [],
        "results": [],
        "traceback": "",
        "log": "",
        "live": False,
    }


def _pairs(values: dict[str, Any]) -> list[list[str]]:
    pairs = [[texts.line(str(k), 100), texts.full(v)] for k, v in list(values.items())[:300]]
    if len(values) > 300:
        pairs.append(["…", f"and {len(values) - 300} more"])
    return pairs
