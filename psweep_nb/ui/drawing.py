"""A figure of results and the lines of pandas and matplotlib that make it.

A line is written, carried out, and what it left decides on the next one: so a figure and its
code cannot differ. The plain functions in ``plots`` and the explorer draw by this.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts
from psweep_nb.ui.lines import LABEL, Writer, quoted, title
from psweep_nb.ui.picture import HEATMAP, LINE, SCATTER, Picture, check
from psweep_nb.ui.shownrows import commonest, fewer, is_number, select

FIGURE = 'fig, ax = plt.subplots(layout="constrained")'

# What is more than a figure can show, or than can be drawn in a moment.
MOST_POINTS = 20_000  # of a scatter plot; more are sampled
MOST_X = 1000  # different numbers along a line; more are put into bins
X_BINS = 100
MOST_CELLS = 100  # different numbers along one side of a heat map
CELL_BINS = 50
MOST_COLORS = 10  # lines told apart by a number
_TICKS = 12  # labels along one side of a heat map


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
    check(picture, df)
    # Numbered, under the same name: by that, what is drawn is found in the table again.
    numbers = pd.RangeIndex(len(df), name=df.index.name)
    writer = Writer(df.set_axis(numbers) if df.index.nlevels == 1 else df, ax)
    over = [name for name in params if name not in picture.columns and name in df]
    writer.others = df[over].set_axis(numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of means beyond what a float can be
        select(writer, picture)
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


def _line(writer: Writer, picture: Picture) -> None:
    x, y, color = quoted(picture.x), quoted(picture.y), picture.color
    fewer(writer, picture.x, MOST_X, X_BINS)
    if not is_number(writer, picture.x):
        if color == picture.x:
            color = None  # a line of one point each would be none
        _place(writer, "x", picture.x)
    by = [picture.x] + ([color] if color is not None else [])
    if color is not None:
        fewer(writer, color, MOST_COLORS, MOST_COLORS)
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
    if is_number(writer, color):
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
    if color in (picture.x, picture.y) and not is_number(writer, color):
        color = None  # the axis tells it
    elif color is not None and not is_number(writer, color):
        commonest(writer, color)
    for axis, name in (("x", picture.x), ("y", picture.y)):
        if not is_number(writer, name) and (axis == "x" or name != picture.x):
            commonest(writer, name)
            _place(writer, axis, name)
    rows = len(writer.data)
    if rows > MOST_POINTS:
        writer.select(f"data = data.sample({MOST_POINTS}, random_state=0)")
        writer.notes.append(f"{texts.rows(MOST_POINTS)} of {texts.count(rows)}, drawn at random")
    style = [f"s={25 if rows <= 500 else 8}", "alpha=0.7"]
    if color is not None and is_number(writer, color) and rows:
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
        fewer(writer, name, MOST_CELLS, CELL_BINS)
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


def _place(writer: Writer, axis: str, name: str) -> None:
    """Give categories places on an axis: 0, 1, 2 ..."""
    names = f"{axis}_names"
    writer.select(f"places, {names} = pd.factorize(data[{quoted(name)}], sort=True)")
    writer.assign(name, "places")
    found = [str(value) for value in writer.names[names]]
    turned = ', rotation=30, ha="right"' if axis == "x" and sum(map(len, found)) > 60 else ""
    shown = f"[{writer.label(found, 'value')} for value in {names}]"
    writer.ticks.append(f"ax.set_{axis}ticks(range(len({names})), {shown}{turned})")
