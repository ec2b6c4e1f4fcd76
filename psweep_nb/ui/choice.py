"""What is chosen in the explorer, what can be chosen, and what comes up at first."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import picture, texts
from psweep_nb.ui.kinds import CATEGORY, NUMBER, TIME, Kind, drawable
from psweep_nb.ui.lines import literal
from psweep_nb.ui.picture import HEATMAP, LINE, Picture
from psweep_nb.ui.shownrows import MOST_NAMES

MOST_VALUES = 12  # to choose from in a filter; more numbers are a range
_MOST_CHOSEN = 1000  # values of one filter
REPEATS = ("_repeat", "_seed")  # parameters that stand for nothing but chance
# Book-keeping that says nothing in a figure, or has a filter of its own.
_HIDDEN = frozenset(
    {"_run_id", "_pset_id", "_pset_sha1", "_pset_hash", "_calc_dir", "_exc_txt", "_failed", "_logs"}
)


@dataclass(frozen=True)
class Filter:
    """A filter by the values of a column: some of them, or a range of numbers.

    Attributes
    ----------
    column : str
    values : tuple of str, optional
        As Python writes them; None for all.
    low, high : str
        Ends of the range, as typed; empty for none.
    """

    column: str
    values: tuple[str, ...] | None = None
    low: str = ""
    high: str = ""

    def wanted(self) -> Any:
        """The filter as `Picture.where` takes it; None where it lets everything pass.

        Raises
        ------
        OptionError
            For an end that is no number.
        """
        if self.values is not None:
            return [_value(text) for text in self.values]
        ends = [_number(text, self.column) for text in (self.low, self.high)]
        return slice(*ends) if ends != [None, None] else None


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _number(text: str, column: str) -> int | float | None:
    if not text.strip():
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise OptionError(f"{texts.line(column, 40)}: {texts.line(text, 40)} is no number")


@dataclass(frozen=True)
class Choice:
    """The state of the controls; columns are empty while there are none to choose."""

    kind: str = LINE
    x: str = ""
    y: str = ""
    color: str = ""
    band: str = "std"
    state: str = "done"
    runs: tuple[int, ...] | None = None
    filters: tuple[Filter, ...] = ()

    def picture(self) -> Picture:
        """What is to be drawn.

        Raises
        ------
        OptionError
            For a range that is none.
        """
        where = {f.column: f.wanted() for f in self.filters}
        return Picture(
            self.kind,
            self.x,
            self.y,
            self.color or None,
            self.band,
            self.state,
            self.runs,
            {column: wanted for column, wanted in where.items() if wanted is not None},
        )

    def changed(self, changes: Mapping[str, Any]) -> Choice:
        """With what a page asked for; what is no such choice is ignored."""
        found: dict[str, Any] = {}
        for name, known in (
            ("kind", picture.KINDS),
            ("band", picture.BANDS),
            ("state", picture.STATES),
        ):
            if changes.get(name) in known:
                found[name] = changes[name]
        for name in ("x", "y", "color"):
            if isinstance(changes.get(name), str):
                found[name] = changes[name]
        if "runs" in changes:
            runs = changes["runs"]
            found["runs"] = None if runs is None else tuple(int(run) for run in runs)
        if "filters" in changes:
            found["filters"] = tuple(_filter(entry) for entry in changes["filters"])
        turned = self._turned(found.get("kind", self.kind))
        return replace(turned, **found)

    def _turned(self, kind: str) -> Choice:
        """What was against x becomes the colour of a heat map, and the other way round."""
        if (kind == HEATMAP) == (self.kind == HEATMAP):
            return self
        return replace(self, y=self.color, color=self.y)


def _filter(entry: Any) -> Filter:
    values = entry.get("values")
    if values is not None and not (isinstance(values, list) and len(values) <= _MOST_CHOSEN):
        raise OptionError(f"values of a filter are {values!r:.40}; a list is expected")
    return Filter(
        str(entry["column"]),
        None if values is None else tuple(map(str, values)),
        str(entry.get("low") or ""),
        str(entry.get("high") or ""),
    )


@dataclass(frozen=True)
class Columns:
    """The columns that can be drawn, parameters first, then results, then book-keeping."""

    kinds: Mapping[str, Kind]
    params: Sequence[str] = ()
    different: Mapping[str, int] = field(default_factory=dict)  # values, of parameters

    @property
    def numbers(self) -> list[str]:
        """Those that hold numbers, or True and False."""
        return [n for n, kind in self.kinds.items() if kind.name == NUMBER or kind.truth]

    @property
    def results(self) -> list[str]:
        """Numbers that are no parameters, the likeliest to be looked at first."""
        found = [name for name in self.numbers if name not in self.params]
        return sorted(found, key=lambda name: (name.startswith("_"), self.kinds[name].truth))


def columns_of(df: pd.DataFrame, params: Sequence[str] | None) -> Columns:
    """What can be drawn of a table; where nobody knows the parameters they are guessed."""
    kinds = {name: kind for name, kind in drawable(df).items() if name and name not in _HIDDEN}
    known = [name for name in (_guessed(kinds) if params is None else params) if name in kinds]
    others = [name for name in kinds if name not in known]
    ordered = known + sorted(others, key=lambda name: name.startswith("_"))
    different = {}
    for name in known:
        try:
            different[name] = int(df[name].nunique())
        except TypeError:
            different[name] = 0
    return Columns({name: kinds[name] for name in ordered}, known, different)


def _guessed(kinds: Mapping[str, Kind]) -> list[str]:
    """All but what psweep's users call results, `loss_`; else all but the last numbers."""
    plain = [name for name in kinds if not name.startswith("_")]
    results = [name for name in plain if name.endswith("_")]
    results = results or [name for name in plain if kinds[name].name == NUMBER][-1:]
    return [name for name in plain if name not in results]


def completed(choice: Choice, columns: Columns) -> Choice:
    """The choice with what was never chosen, or is there no more, filled in."""
    kinds = columns.kinds
    keep = {name: getattr(choice, name) for name in ("x", "y", "color")}
    keep = {name: column if column in kinds else "" for name, column in keep.items()}
    varied = [n for n in columns.params if columns.different.get(n, 0) > 1]
    if not keep["x"]:
        numbers = [n for n in varied if kinds[n].name == NUMBER]
        keep["x"] = next(iter([*numbers, *varied, *columns.params, *kinds]), "")
    free = [n for n in varied if n not in keep.values()]
    few = [
        n
        for n in free
        if n not in REPEATS and kinds[n].name != TIME and columns.different[n] <= MOST_NAMES
    ]
    results = [n for n in columns.results if n not in keep.values()]
    if choice.kind == HEATMAP:
        keep["y"] = keep["y"] or next(iter([*few, *free, *columns.params]), "")
        if keep["color"] not in columns.numbers:
            keep["color"] = next(iter(results), "")
        return replace(choice, **keep)
    if choice.kind == LINE and keep["y"] not in columns.numbers:
        keep["y"] = ""
    began = not keep["y"] and not choice.y
    keep["y"] = keep["y"] or next(iter(results), "")
    if began and not keep["color"]:
        keep["color"] = next((n for n in few if n != keep["y"]), "")
    return replace(choice, **keep)


def menu(choice: Choice, columns: Columns, df: pd.DataFrame) -> dict[str, Any]:
    """What the controls offer, as the page takes it."""
    kinds = columns.kinds
    plain = [name for name, kind in kinds.items() if kind.name != TIME]
    offered = {
        "x": list(kinds),
        "y": columns.numbers if choice.kind == LINE else plain,
        "color": columns.numbers if choice.kind == HEATMAP else ["", *plain],
    }
    return {
        **{name: [_option(column) for column in found] for name, found in offered.items()},
        "filter": [_option(name) for name in plain if not kinds[name].written],
        "values": {
            f.column: _values(df[f.column], kinds[f.column])
            for f in choice.filters
            if f.column in kinds
        },
    }


def _option(name: str) -> list[str]:
    return [name, texts.line(name, 40) or ("none" if not name else '""')]


def _values(column: pd.Series[Any], kind: Kind) -> dict[str, Any]:
    """What a filter by a column offers: values, or the ends of a range."""
    counts = column.value_counts()
    if kind.name == NUMBER and len(counts) > MOST_VALUES:
        ends = (column.min(), column.max())
        return {"range": [f"{float(end):.3g}" for end in ends]}
    found = counts.index[:MOST_VALUES].tolist()
    found.sort(key=str if kind.name == CATEGORY else None)
    options = [[literal(value), texts.cell(_plain(value), 40) or '""'] for value in found]
    return {"options": options, "more": max(0, len(counts) - MOST_VALUES)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
