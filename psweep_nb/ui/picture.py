"""A figure of results and the lines of pandas and matplotlib that make it.

A line is written, carried out, and what it left decides on the next one: so a figure and its
code cannot differ. The plain functions in ``plots`` and the explorer draw by this.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts
from psweep_nb.ui.kinds import NUMBER, OTHER, TIME, Kind, kind_of
from psweep_nb.ui.lines import LABEL, Writer, literal, quoted, title

LINE, SCATTER, HEATMAP = "line", "scatter", "heatmap"
KINDS = (LINE, SCATTER, HEATMAP)
BANDS = ("std", "quartiles", "none")
STATES = ("done", "failed", "all")
FIGURE = 'fig, ax = plt.subplots(layout="constrained")'

# What is more than a figure can show, or than can be drawn in a moment.
MOST_POINTS = 20_000  # of a scatter plot; more are sampled
MOST_X = 1000  # different numbers along a line; more are put into bins
X_BINS = 100
MOST_CELLS = 100  # different numbers along one side of a heat map
CELL_BINS = 50
MOST_COLORS = 10  # lines told apart by a number
MOST_NAMES = 20  # categories with a colour, or with a place on an axis
_ENDLESS = 1e300  # near the greatest float matplotlib's own sums overflow
_TICKS = 12  # labels along one side of a heat map


@dataclass(frozen=True)
class Picture:
    """What is to be drawn.

    Attributes
    ----------
    kind : str
        `LINE`, `SCATTER` or `HEATMAP`.
    x, y : str
        Columns.
    color : str, optional
        The column that gives colours; of a heat map the one that is averaged in its cells.
    band : str
        What is shaded around a line where rows share x and colour: ``"std"``, one standard
        deviation around the mean; ``"quartiles"``, the middle half around the median;
        ``"none"``, nothing around the mean.
    state : str
        ``"done"``, ``"failed"`` or ``"all"`` rows.
    runs : sequence of int, optional
        Only rows of these runs (`_run_seq`).
    where : mapping
        Only rows with these values: a value, a list of them, or ``slice(low, high)``, both ends
        included.
    """

    kind: str
    x: str
    y: str
    color: str | None = None
    band: str = "std"
    state: str = "done"
    runs: Sequence[int] | None = None
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns it shows, each once."""
        return list(
            dict.fromkeys(name for name in (self.x, self.y, self.color) if name is not None)
        )


@dataclass
class Drawn:
    """What was done: the lines before and after `FIGURE`, and what a reader should know."""

    prepare: list[str]
    draw: list[str]
    notes: list[str]
    rows: int  # of which it shows something

    def code(self, imports: Sequence[str], data: str) -> str:
        """All of it, to be run as it is.

        Parameters
        ----------
        imports : sequence of str
            What `data` needs.
        data : str
            The expression that is the table.
        """
        body = "\n".join([f"data = {data}", *self.prepare, "", FIGURE, *self.draw])
        head = ["import matplotlib.pyplot as plt"]
        head += [
            f"import {name} as {short}" for name, short in _SHORT.items() if f"{short}." in body
        ]
        return "\n".join([*head, *imports, "", body, ""])


_SHORT = {"numpy": "np", "pandas": "pd"}


def draw(picture: Picture, df: pd.DataFrame, ax: Any, params: Sequence[str] = ()) -> Drawn:
    """Draw into `ax`; where rows are averaged it is said which of `params` vary in them.

    Raises
    ------
    OptionError
        If it cannot be drawn, with the reason.
    """
    _check(picture, df)
    # Numbered, under the same name: by that, what is drawn is found in the table again.
    numbers = pd.RangeIndex(len(df), name=df.index.name)
    writer = Writer(df.set_axis(numbers) if df.index.nlevels == 1 else df, ax)
    over = [name for name in params if name not in picture.columns and name in df]
    writer.others = df[over].set_axis(numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of means beyond what a float can be
        _select(writer, picture)
        rows = len(writer.data)
        try:
            _DRAW[picture.kind](writer, picture)
        except OptionError:
            raise
        except (ValueError, TypeError, OverflowError) as exc:  # numbers beyond all axes, say
            said = " ".join(f"{exc!r}".split())[:200]
            raise OptionError(f"matplotlib cannot draw these values: {said}") from exc
        _label(writer, picture)
    return Drawn(writer.prepare, writer.draw, writer.notes, rows)


def _check(picture: Picture, df: pd.DataFrame) -> None:
    for word, value, known in (
        ("kind", picture.kind, KINDS),
        ("band", picture.band, BANDS),
        ("state", picture.state, STATES),
    ):
        if value not in known:
            raise OptionError(f"{word} is {value!r}; it should be one of {', '.join(known)}")
    color = [] if picture.color is None else [picture.color]
    for name in (picture.x, picture.y, *color, *picture.where):
        if not isinstance(name, str) or name not in df.columns:
            listed = ", ".join(str(c) for c in df.columns if not str(c).startswith("_"))
            listed = texts.cut(listed, 500) or "none yet"
            raise OptionError(f"there is no column {name!r:.100}; there are {listed}")
        if list(df.columns).count(name) > 1:
            raise OptionError(f"the table has several columns {name!r}; rename all but one")
    if picture.kind == HEATMAP and len(picture.columns) < 3:
        raise OptionError("a heat map needs three different columns: x, y, and one for its cells")
    for name in picture.columns:
        _check_kind(picture, name, kind_of(df[name]))


def _check_kind(picture: Picture, name: str, kind: Kind) -> None:
    if kind.name == OTHER:
        raise OptionError(f"{name!r} cannot be drawn: it holds neither numbers nor texts")
    if kind.name == TIME and name != picture.x:
        raise OptionError(f"{name!r} is a time, which can be drawn as x only")
    averaged = {LINE: picture.y, HEATMAP: picture.color}.get(picture.kind)
    if name == averaged and kind.name != NUMBER and not kind.truth:
        raise OptionError(f"{name!r} holds texts; a {picture.kind} needs numbers there")


# -- rows ------------------------------------------------------------------------------------


def _select(writer: Writer, picture: Picture) -> None:
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


def _is_number(writer: Writer, name: str) -> bool:
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


def _commonest(writer: Writer, name: str) -> None:
    """Leave the rows of so many categories at most."""
    different = writer.data[name].nunique()
    if different <= MOST_NAMES:
        return
    writer.select(f"names = data[{quoted(name)}].value_counts().index[:{MOST_NAMES}]")
    writer.select(f"data = data[data[{quoted(name)}].isin(names)]")
    shown = texts.line(name, LABEL)
    writer.notes.append(f"{shown}: the {MOST_NAMES} commonest of {texts.count(different)}")


def _fewer(writer: Writer, name: str, most: int, bins: int) -> None:
    if _is_number(writer, name):
        _bins(writer, name, most, bins)
    else:
        _commonest(writer, name)


def _place(writer: Writer, axis: str, name: str) -> None:
    """Give categories places on an axis: 0, 1, 2 ..."""
    names = f"{axis}_names"
    writer.select(f"places, {names} = pd.factorize(data[{quoted(name)}], sort=True)")
    writer.assign(name, "places")
    found = [str(value) for value in writer.names[names]]
    turned = ', rotation=30, ha="right"' if axis == "x" and sum(map(len, found)) > 60 else ""
    shown = f"[{writer.label(found, 'value')} for value in {names}]"
    writer.ticks.append(f"ax.set_{axis}ticks(range(len({names})), {shown}{turned})")


# -- kinds of figures ------------------------------------------------------------------------


def _line(writer: Writer, picture: Picture) -> None:
    x, y, color = quoted(picture.x), quoted(picture.y), picture.color
    _fewer(writer, picture.x, MOST_X, X_BINS)
    if not _is_number(writer, picture.x):
        if color == picture.x:
            color = None  # a line of one point each would be none
        _place(writer, "x", picture.x)
    by = [picture.x] + ([color] if color is not None else [])
    if color is not None:
        _fewer(writer, color, MOST_COLORS, MOST_COLORS)
        by = list(dict.fromkeys(by))
    most = int(writer.data.groupby(by).size().max()) if len(writer.data) else 0
    style = ['marker="."'] if writer.data[picture.x].nunique() <= 50 else []
    head, options, inside = _loop(writer, picture, color)
    style += options
    rows = "part" if head else "data"
    if most <= 1:
        lines = [
            f"part = {rows}.sort_values({x})",
            "ax." + _call("plot", [f"part[{x}]", f"part[{y}]"], style),
        ]
    else:
        lines = _summary(rows, x, y, picture.band, style)
        said = {"std": "mean and standard deviation", "quartiles": "median and quartiles"}
        of = f"{said.get(picture.band, 'mean')} of up to {texts.rows(most)} a point"
        writer.notes.append(of + _over(writer, by))
    writer.plot(*head, *(inside + line for line in lines))


def _over(writer: Writer, by: list[str]) -> str:
    """Which parameters vary among the rows that are averaged, as a note says it."""
    data, found = writer.data, list[str]()
    if data.index.nlevels > 1:
        return ""
    others = writer.others.loc[data.index]
    for name in map(str, others):
        with contextlib.suppress(TypeError):  # lists and the like cannot be counted
            values = others[name]
            grouped = values.groupby([data[column] for column in by])
            if values.nunique(dropna=False) > 1 and grouped.nunique(dropna=False).max() > 1:
                found.append(texts.line(name, LABEL))
    *names, last = found or [""]
    return f" over {', '.join(names)} and {last}" if names else f" over {last}" if last else ""


def _summary(rows: str, x: str, y: str, band: str, style: list[str]) -> list[str]:
    groups = f"{rows}.groupby({x})[{y}]"
    if band == "none":
        return [f"mean = {groups}.mean()", "ax." + _call("plot", ["mean.index", "mean"], style)]
    if band == "std":
        made = f'stats = {groups}.agg(["mean", "std"])'
        middle = 'stats["mean"]'
        ends = 'stats["mean"] - stats["std"], stats["mean"] + stats["std"]'
    else:
        made = f"stats = {groups}.quantile([0.25, 0.5, 0.75]).unstack()"
        middle, ends = "stats[0.5]", "stats[0.25], stats[0.75]"
    shade = ["color=line.get_color()", "alpha=0.2", "linewidth=0"]
    return [
        made,
        "(line,) = ax." + _call("plot", ["stats.index", middle], style),
        f"low, high = {ends}",
        "ax." + _call("fill_between", ["stats.index", "low", "high"], shade),
    ]


def _loop(writer: Writer, picture: Picture, color: str | None) -> tuple[list[str], list[str], str]:
    """The lines before what is drawn for each colour, its options, and its indentation."""
    if color is None or not len(writer.data):
        return [], [], ""
    values = writer.data[color].drop_duplicates()
    head = [f"for value, part in data.groupby({quoted(color)}):"]
    options = [f"label={writer.label([str(v) for v in values], 'value')}"]
    writer.legend = len(values)
    if _is_number(writer, color):
        spread = f"np.linspace(0, 0.9, data[{quoted(color)}].nunique())"
        head = [
            f'colors = plt.get_cmap("viridis")({spread})',
            f"for color, (value, part) in zip(colors, data.groupby({quoted(color)})):",
        ]
        whole = writer.data[color].dtype.kind in "iu"
        options = ["color=color", "label=str(value)" if whole else 'label=f"{value:.4g}"']
    return head, options, "    "


def _scatter(writer: Writer, picture: Picture) -> None:
    x, y, color = quoted(picture.x), quoted(picture.y), picture.color
    if color in (picture.x, picture.y) and not _is_number(writer, color):
        color = None  # the axis tells it
    elif color is not None and not _is_number(writer, color):
        _commonest(writer, color)
    for axis, name in (("x", picture.x), ("y", picture.y)):
        if not _is_number(writer, name) and (axis == "x" or name != picture.x):
            _commonest(writer, name)
            _place(writer, axis, name)
    rows = len(writer.data)
    if rows > MOST_POINTS:
        writer.select(f"data = data.sample({MOST_POINTS}, random_state=0)")
        writer.notes.append(f"{texts.rows(MOST_POINTS)} of {texts.count(rows)}, drawn at random")
    style = [f"s={25 if rows <= 500 else 8}", "alpha=0.7"]
    if color is not None and _is_number(writer, color) and rows:
        points = [f"data[{x}]", f"data[{y}]", f"c=data[{quoted(color)}]"]
        writer.plot(
            "points = ax." + _call("scatter", points, style),
            f"fig.colorbar(points, ax=ax, label={title(color)})",
        )
        return
    head, options, inside = _loop(writer, picture, color)
    part = "part" if head else "data"
    line = inside + "ax." + _call("scatter", [f"{part}[{x}]", f"{part}[{y}]"], style + options)
    writer.plot(*head, line)


def _heatmap(writer: Writer, picture: Picture) -> None:
    assert picture.color is not None  # checked
    x, y, value = map(quoted, (picture.x, picture.y, picture.color))
    for name in (picture.x, picture.y):
        _fewer(writer, name, MOST_CELLS, CELL_BINS)
    if not len(writer.data):
        return
    most = int(writer.data.groupby([picture.x, picture.y]).size().max())
    if most > 1:
        over = _over(writer, [picture.x, picture.y])
        writer.notes.append(f"mean of up to {texts.rows(most)} a cell{over}")
    writer.plot(
        f"table = data.pivot_table(index={y}, columns={x}, values={value})",
        'image = ax.imshow(table.to_numpy(), origin="lower", aspect="auto")',
        f"fig.colorbar(image, ax=ax, label={title(picture.color)})",
    )
    table: pd.DataFrame = writer.names["table"]
    for axis, side, index in (("x", "columns", table.columns), ("y", "index", table.index)):
        step = -(-len(index) // _TICKS)
        places = f"range({len(index)})" if step == 1 else f"range(0, {len(index)}, {step})"
        thinned = f"table.{side}" + (f"[::{step}]" if step > 1 else "")
        shown = writer.label([str(v) for v in index], "value")
        turned = ""
        if index.dtype.kind == "f":
            shown = 'f"{value:.4g}"'
        elif index.dtype.kind == "M":
            shown = 'f"{value:%Y-%m-%d %H:%M}"'
        if axis == "x" and sum(len(str(v)[:LABEL]) for v in index[::step]) > 80:
            turned = ', rotation=30, ha="right"'
        writer.plot(f"ax.set_{axis}ticks({places}, [{shown} for value in {thinned}]{turned})")


_DRAW = {LINE: _line, SCATTER: _scatter, HEATMAP: _heatmap}


def _label(writer: Writer, picture: Picture) -> None:
    if writer.ticks:
        writer.plot(*writer.ticks)
    writer.plot(f"ax.set(xlabel={title(picture.x)}, ylabel={title(picture.y)})")
    if writer.legend and picture.color is not None:
        beside = ', loc="upper left", bbox_to_anchor=(1, 1)' if writer.legend > 6 else ""
        writer.plot(f"ax.legend(title={title(picture.color)}{beside})")


def _call(name: str, values: Sequence[str], options: Sequence[str]) -> str:
    return f"{name}({', '.join([*values, *options])})"
