"""Which rows and columns of a table a figure shows, and in which types. Used by ``drawing``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts
from psweep_nb.ui.kinds import NUMBER, OTHER, TIME, Kind, kind_of
from psweep_nb.ui.lines import LABEL, Writer, literal, quoted
from psweep_nb.ui.picture import HEATMAP, LINE, Picture

MOST_NAMES = 20  # categories with a colour, or with a place on an axis
_ENDLESS = 1e300  # near the greatest float matplotlib's own sums overflow


def select(writer: Writer, picture: Picture) -> None:
    """Leave the rows and columns that are shown, complete, in types that can be drawn."""
    if set(writer.data.index.names) & {*picture.columns, *picture.where}:
        writer.select("data = data.reset_index(drop=True)")  # pandas would call it ambiguous
    if picture.state != "all" and "_failed" in writer.data:
        writer.select(f'data = data[data["_failed"].isin([{picture.state == "failed"}])]')
    if picture.runs is not None and "_run_seq" in writer.data:
        runs = ", ".join(str(int(run)) for run in picture.runs)
        writer.select(f'data = data[data["_run_seq"].isin([{runs}])]')
    for name, wanted in picture.where.items():
        writer.select(f"data = data[{_condition(writer.data, name, wanted)}]")
    before = len(writer.data)
    kinds = {name: kind_of(writer.data[name]) for name in picture.columns}
    listed = ", ".join(map(quoted, picture.columns))
    written = {name: kind.written for name, kind in kinds.items() if kind.written}
    if written:
        writer.select(f"data = data[[{listed}]]")
        for name, how in written.items():
            writer.assign(name, f"data[{quoted(name)}].map({how})")
        writer.select("data = data.dropna()")
    else:
        writer.select(f"data = data[[{listed}]].dropna()")
    _cast(writer, picture, kinds)
    lacking = before - len(writer.data)
    if lacking:
        *names, last = (texts.line(name, LABEL) for name in picture.columns)
        without = " or ".join(filter(None, (", ".join(names), last)))
        writer.notes.append(f"{texts.rows(lacking)} without {without} left out")


def _condition(df: pd.DataFrame, name: str, wanted: Any) -> str:
    column = f"data[{quoted(name)}]"
    if isinstance(wanted, slice):
        if kind_of(df[name]).name not in (NUMBER, TIME):
            raise OptionError(f"where: {name!r} holds no numbers, so it has no range")
        column += '.astype("Float64")' if df[name].dtype == object else ""
        ends = [(">=", wanted.start), ("<=", wanted.stop)]
        parts = [f"({column} {sign} {literal(end)})" for sign, end in ends if end is not None]
        return " & ".join(parts) or f"{column}.notna()"
    values = wanted if isinstance(wanted, (list, tuple, set, frozenset, range)) else [wanted]
    if kind_of(df[name]).name == OTHER:
        raise OptionError(f"where: {name!r} holds neither numbers nor texts to compare with")
    return f"{column}.isin([{', '.join(map(literal, values))}])"


def _cast(writer: Writer, picture: Picture, kinds: Mapping[str, Kind]) -> None:
    casts = {name: kind.cast for name, kind in kinds.items() if kind.cast}
    averaged = {LINE: picture.y, HEATMAP: picture.color}.get(picture.kind)
    if averaged is not None and kinds[averaged].truth:
        casts[averaged] = "float64"
    if casts:
        pairs = ", ".join(f'{quoted(name)}: "{cast}"' for name, cast in casts.items())
        writer.select(f"data = data.astype({{{pairs}}})")
    _finite(writer, picture)


def _finite(writer: Writer, picture: Picture) -> None:
    """Leave out rows with numbers that have no place in a figure."""
    floats = [name for name in picture.columns if writer.data[name].dtype.kind == "f"]
    most = {name: writer.data[name].abs().max() for name in floats}
    endless = ", ".join(quoted(name) for name in floats if most[name] > _ENDLESS)
    if endless and np.inf in most.values():
        writer.select(f"data = data[np.isfinite(data[[{endless}]]).all(axis=1)]")
        _finite(writer, picture)
    elif endless:
        writer.select(f"data = data[data[[{endless}]].abs().lt({_ENDLESS}).all(axis=1)]")


def is_number(writer: Writer, name: str) -> bool:
    return writer.data[name].dtype.kind in "iufM"


def _bins(writer: Writer, name: str, most: int, bins: int) -> None:
    """Have a column of numbers hold so many different ones at most."""
    column = writer.data[name]
    different = column.nunique()
    if different <= most:
        return
    dtype = "float" if column.dtype.kind != "M" else f'"{column.dtype}"'
    cut = f"pd.cut(data[{quoted(name)}], {bins}, precision=9)"
    writer.assign(name, f"{cut}.map(lambda part: part.mid).astype({dtype})")
    shown = texts.line(name, LABEL)
    writer.notes.append(f"{shown}: {texts.count(different)} values in {bins} bins")


def commonest(writer: Writer, name: str) -> None:
    """Leave the rows of so many categories at most."""
    different = writer.data[name].nunique()
    if different <= MOST_NAMES:
        return
    writer.select(f"names = data[{quoted(name)}].value_counts().index[:{MOST_NAMES}]")
    writer.select(f"data = data[data[{quoted(name)}].isin(names)]")
    shown = texts.line(name, LABEL)
    writer.notes.append(f"{shown}: the {MOST_NAMES} commonest of {texts.count(different)}")


def fewer(writer: Writer, name: str, most: int, bins: int) -> None:
    if is_number(writer, name):
        _bins(writer, name, most, bins)
    else:
        commonest(writer, name)
