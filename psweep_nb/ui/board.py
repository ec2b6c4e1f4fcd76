"""The panel's table, groups of failures and plot, as data, for what it was asked to show.

``update`` keeps up with the run in small pieces; the rest answers from what is there at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from psweep_nb.errorkinds import kind_of
from psweep_nb.journal import FAILED
from psweep_nb.ui import filters, plotdata, query, texts
from psweep_nb.ui.columns import Columns
from psweep_nb.ui.listing import MOST, Listing, Seldom, Stretches
from psweep_nb.ui.query import Query
from psweep_nb.ui.rows import Rows
from psweep_nb.ui.values import ABSENT, NOTHING, Column, Values

if TYPE_CHECKING:
    from psweep_nb.records import RunningPset
    from psweep_nb.runview import RunView

WINDOW = 40  # rows that are kept up to date unasked
MOST_ROWS = 120  # of one window
MOST_GROUPS = 12
_AT_ONCE = 0.3  # seconds of reading in one update
_KEPT = 6  # columns, for when they are asked for again
_KIND = "\0kind"  # id of the column of kinds of failure


class Board:
    """What is shown of one run; may be asked from several threads.

    Parameters
    ----------
    view : RunView
    params : sequence of str
        Names of the parameters, in the order of their columns.
    """

    def __init__(self, view: RunView, params: Sequence[str] = ()) -> None:
        self._view = view
        self.columns = Columns(params)
        self.query = Query()
        self.busy = ""  # what is being read, for a person
        self._rows = Rows(self.columns)
        self._listing = Listing(view)
        self._running: dict[int, RunningPset] = {}
        self._values: dict[str, Column] = {}
        self._sample: plotdata.Sample | None = None
        self._lock = threading.RLock()  # the follower updates, the page asks
        self._listed = Stretches([])
        self._listed_for: object = None
        self._seldom = Seldom()
        self._late = False

    def ask(self, asked: object) -> None:
        """Show something else from the next update on; `OptionError` if that cannot be."""
        with self._lock:
            self.query = query.parse(asked, self.columns)
            self._seldom = Seldom()

    @property
    def behind(self) -> bool:
        """Whether an update has more to do although nothing new comes."""
        return bool(self.busy) or self._late

    # -- keeping up --------------------------------------------------------------------------

    def update(self) -> Iterator[None]:
        """Take what is new in the run, and put it in order; yields between pieces of work."""
        more = MOST
        while more == MOST:
            with self._lock:
                self._running = {pset.index: pset for pset in self._view.running()}
                more = self._listing.update(list(self._running))
            yield
        with self._lock:
            asked = self.query
            self._learn()
            wanted = [(name, self._column(name)) for name in self._wanted(asked)]
        yield
        until = time.monotonic() + _AT_ONCE
        busy = ""
        for name, column in wanted:
            for _ in column.read():
                yield
                if time.monotonic() > until:
                    busy = f"reading {self._said(name)}: {int(100 * column.progress)} %"
                    break
        if asked.plot:
            yield from self._read_sample(asked)
        self.busy = busy
        if not busy:
            self._list(asked)
        yield

    def _learn(self) -> None:
        """See the names of the newest rows, wherever the page is."""
        for record in self._view.newest(3):
            self._rows.of_record(record)

    def _wanted(self, asked: Query) -> list[str]:
        """Ids of the columns that must be read whole."""
        found = [asked.sort, asked.colour]
        found += [condition.column for condition in self._conditions(asked)]
        found += [_KIND] if asked.state == "failed" or asked.kind else []
        return [c for c in dict.fromkeys(found) if c and c not in ("pset", "state", "runtime")]

    def _conditions(self, asked: Query) -> list[filters.Condition]:
        return filters.parse(asked.filter, self.columns.by_shown_name())

    def _column(self, column: str) -> Column:
        known = self._values.pop(column, None)
        if known is None:
            while len(self._values) >= _KEPT:
                del self._values[next(iter(self._values))]
            known = self._made(column)
        self._values[column] = known  # the one used last stands last
        return known

    def _made(self, column: str) -> Column:
        view = self._view
        if column in (_KIND, "error"):
            of_error = partial(_errors, view, column == _KIND)
            return Column(view, of_arrived=of_error, text=lambda text: text)
        name = self.columns.name_of(column)
        assert name is not None
        of_result = partial(_results, view, name)
        if not self.columns.is_param(name):
            return Column(view, of_arrived=of_result)
        newest = [r for r in view.newest(WINDOW) if r.state == "done"]
        changed = any(name in record.results for record in newest)
        of_pset = partial(_parameter, name=name)
        return Column(view, of_pset, of_result if changed else None)

    def _said(self, column: str) -> str:
        if column == _KIND:
            return "errors"
        return texts.line(self.columns.name_of(column) or column, 40)

    def _read_sample(self, asked: Query) -> Iterator[None]:
        x, y = self._axes(asked)
        if not x or not y:
            self._sample = None
            return
        if self._sample is None or (self._sample.x, self._sample.y) != (x, y):
            self._sample = plotdata.Sample(self._view, x, y)
        yield from self._sample.read()

    def _axes(self, asked: Query) -> tuple[str, str]:
        columns = self.columns
        numbers = [name for name in columns.names("result") if columns.is_numeric(name)]
        x = columns.name_of(asked.x) or next(iter(self._varying() or columns.names("param")), "")
        return x, columns.name_of(asked.y) or next(iter(numbers), "")

    def _varying(self) -> list[str]:
        """Parameters of which the first, middle and last psets have several values."""
        last = self._listing.total - 1
        psets = [
            self._view.pset(i) for i in dict.fromkeys((0, 1, last // 2, last)) if 0 <= i <= last
        ]
        names = self.columns.names("param")
        return [n for n in names if len({texts.cell(pset.get(n, ABSENT)) for pset in psets}) > 1]

    def _list(self, asked: Query) -> None:
        with self._lock:
            if asked is not self.query:
                self._late = True  # something else was asked for meanwhile, which is not to wait
                return
            listing = self._listing
            now = (asked, self._view.count, *listing.running)
            if not (asked.sort or asked.filter or asked.kind):
                self._listed = listing.as_they_come(asked.state)
                self._listed_for, self._late = now, False
                return
            self._late = self._listed_for != now
            if not self._late or not self._seldom.due():
                return
            with self._seldom:
                masks = [self._mask(c) for c in self._conditions(asked)]
                if asked.kind:
                    masks.append(self._values[_KIND].where("=", asked.kind))
                sort = partial(self._sorted, asked) if asked.sort else None
                self._listed = Stretches.of(listing.chosen(asked.state, masks, sort))
            self._listed_for, self._late = now, False

    def _mask(self, condition: filters.Condition) -> np.ndarray:
        return self._all_values(condition.column).where(condition.op, condition.value)

    def _sorted(self, asked: Query, psets: np.ndarray) -> np.ndarray:
        if asked.sort == "pset":
            return psets[::-1] if asked.descending else psets
        return self._all_values(asked.sort).order(psets, asked.descending)

    def _all_values(self, column: str) -> Values:
        listing = self._listing
        if column == "pset":
            return Values.of_numbers(np.arange(listing.total))
        if column == "runtime":
            return Values.of_numbers(listing.runtime)
        if column == "state":
            return Values.of_texts(listing.kind, ["pending", "done", "failed"])
        return self._values[column]

    # -- what is shown -----------------------------------------------------------------------

    def table(self, start: int = 0, stop: int = WINDOW) -> dict[str, Any]:
        """A window of the table.

        Returns
        -------
        dict
            ``columns`` (id, name, kind, whether numeric), ``hidden`` (how many more), ``rows``,
            ``start``, ``listed`` (rows in all), ``total`` (psets of the run), ``above`` (rows
            before the pending ones, where the newest come first: they move as more end),
            ``busy``. JSON-able.
        """
        with self._lock:
            asked, listed = self.query, self._listed
            start = max(0, min(start, len(listed)))
            psets = listed.window(start, min(stop, start + MOST_ROWS)).tolist()
            rows = self._rows.of(self._view, psets, self._running)
            names = self.columns.shown(asked.columns)
            shown = [row.shown(names) for row in rows]
            self._add_colours(asked, names, shown)
            unsorted = not (asked.sort or asked.filter or asked.kind)
            return {
                "columns": self.columns.describe(names),
                "hidden": len(self.columns.names()) - len(names),
                "rows": shown,
                "start": start,
                "listed": len(listed),
                "total": self._listing.total,
                "above": self._listing.ended + len(self._running) if unsorted else 0,
                "busy": self.busy,
            }

    def _add_colours(self, asked: Query, names: list[str], shown: list[dict[str, Any]]) -> None:
        name = self.columns.name_of(asked.colour)
        values = self._values.get(asked.colour)
        span = values.range() if values is not None else None
        if name not in names or values is None or span is None:
            return
        least, most = span
        for row in shown:
            if values.is_finite(row["index"]):
                share = (values.numbers[row["index"]] / 2 - least / 2) / (most / 2 - least / 2 or 1)
                row["colour"] = [names.index(name), round(float(share), 2)]

    def known(self) -> dict[str, Any]:
        """The query, and the columns that can be chosen: what the page's controls show."""
        names = self.columns.names()
        return {
            "query": self.query.as_dict(),
            "columns": self.columns.describe(names),
            "shown": [self.columns.id_of(name) for name in self.columns.shown(self.query.columns)],
        }

    def groups(self) -> list[dict[str, Any]]:
        """Failures by kind, the most frequent first: ``kind``, ``count``, ``share``."""
        with self._lock:
            values = self._values.get(_KIND)
            if self.query.state != "failed" or values is None:
                return []
            failed = (self._listing.kind == FAILED) & (values.what != NOTHING)
            counts = np.bincount(values.numbers[failed].astype(np.intp), minlength=1)
            words = list(values.words)
            found = [(int(n), words[i]) for i, n in enumerate(counts.tolist()) if n]
            found.sort(key=lambda group: -group[0])
            groups = [{"kind": kind, "count": n} for n, kind in found[:MOST_GROUPS]]
            if len(found) > MOST_GROUPS:
                rest = found[MOST_GROUPS:]
                groups.append({"kind": "", "count": sum(n for n, _ in rest), "kinds": len(rest)})
            return groups

    def example(self, kind: str) -> str | None:
        """The error of one pset of that kind; None if there is none."""
        with self._lock:
            values = self._values.get(_KIND)
            if values is None:
                return None
            found = np.flatnonzero(values.where("=", kind) & (self._listing.kind == FAILED))
            record = self._view.record(int(found[0])) if len(found) else None
            return texts.line(record.error) if record is not None else None

    def plot(self) -> dict[str, Any]:
        """The plot as data; empty while there is none."""
        with self._lock:
            if not self.query.plot:
                return {}
            if self._sample is None:
                return {"points": [], "x": "", "y": "", "left_out": 0, "every": 1}
            x, y = self._sample.x, self._sample.y
            names = {"x": texts.line(x, 80), "y": texts.line(y, 80)}
            ids = {"x_id": self.columns.id_of(x), "y_id": self.columns.id_of(y)}
            return {**names, **ids, **self._sample.points()}


def _errors(view: RunView, kind: bool, start: int, stop: int) -> Iterator[tuple[int, Any]]:
    for record in view.arrived(start, stop):
        error = texts.line(record.error) if record.kind == FAILED else ABSENT
        yield record.index, kind_of(error) if kind and error is not ABSENT else error


def _results(view: RunView, name: str, start: int, stop: int) -> list[tuple[int, Any]]:
    return [(pset, found.get(name, ABSENT)) for pset, found in view.results(start, stop)]


def _parameter(pset: dict[str, Any], name: str) -> Any:
    return pset.get(name, ABSENT)
