"""Figures of results as plain functions: what the explorer draws, from a script or a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import drawing, picture
from psweep_nb.ui.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from psweep_nb.study import Study

Runs = int | str | Iterable[int | str]


def plot_line(
    data: Study | pd.DataFrame,
    x: str,
    y: str,
    color: str | None = None,
    *,
    band: str = "std",
    state: str = "done",
    runs: Runs | None = None,
    where: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw lines of a result against a parameter, averaged over repeats.

    Rows that lack a value are left out. Many different numbers, along x or as colours, are put
    into bins; of many categories the commonest are drawn.

    Parameters
    ----------
    data : Study or DataFrame
        The rows.
    x, y : str
        Columns.
    color : str, optional
        A line for each of its values.
    band : {"std", "quartiles", "none"}
        What is shaded where several rows share x and colour: one standard deviation on each side
        of the mean, or the middle half around the median; "none" draws the mean alone.
    state : {"done", "failed", "all"}
        Which rows.
    runs : int, str, or several of them, optional
        Only rows of these runs, by `_run_seq`, or by label (of a Study).
    where : mapping, optional
        Only rows in which these columns have this value, one of a list, or a number within
        ``slice(low, high)``, both ends included.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    OptionError
        If it cannot be drawn, with the reason.

    Examples
    --------
    >>> df = pd.DataFrame({"a": [1, 2, 1, 2], "b": [0, 0, 1, 1], "energy": [1.0, 4.0, 2.0, 5.0]})
    >>> ax = plot_line(df, "a", "energy", where={"b": [0, 1]})
    >>> ax.lines[0].get_ydata().tolist()
    [1.5, 4.5]
    """
    found = Picture(picture.LINE, x, y, color, band, state, _runs(data, runs), where or {})
    return _draw(found, data, ax)


def plot_scatter(
    data: Study | pd.DataFrame,
    x: str,
    y: str,
    color: str | None = None,
    *,
    state: str = "done",
    runs: Runs | None = None,
    where: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a point a row; more than 20 000 are sampled.

    Parameters, return value and errors as in :func:`plot_line`.

    Examples
    --------
    >>> df = pd.DataFrame({"a": [1, 2], "method": ["x", "y"], "energy": [1.0, 4.0]})
    >>> ax = plot_scatter(df, "a", "energy", "method")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['x', 'y']
    """
    found = Picture(
        picture.SCATTER, x, y, color, state=state, runs=_runs(data, runs), where=where or {}
    )
    return _draw(found, data, ax)


def plot_heatmap(
    data: Study | pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    state: str = "done",
    runs: Runs | None = None,
    where: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of a result for each pair of two parameters, as the colour of a cell.

    Cells are of equal size, in the order of the parameters' values. Parameters, return value and
    errors as in :func:`plot_line`, and:

    Parameters
    ----------
    value : str
        The column that is averaged.

    Examples
    --------
    >>> df = pd.DataFrame({"a": [1, 2, 1, 2], "b": [0, 0, 1, 1], "energy": [1.0, 4.0, 2.0, 5.0]})
    >>> plot_heatmap(df, "a", "b", "energy").images[0].get_array().tolist()
    [[1.0, 4.0], [2.0, 5.0]]
    """
    found = Picture(
        picture.HEATMAP, x, y, value, state=state, runs=_runs(data, runs), where=where or {}
    )
    return _draw(found, data, ax)


def table_of(data: Any) -> pd.DataFrame:
    """The rows of what a figure is to be drawn of.

    Raises
    ------
    OptionError
        When it has none.
    """
    if isinstance(data, pd.DataFrame):
        return data
    df = getattr(data, "df", None)
    if isinstance(df, pd.DataFrame):
        return df
    raise OptionError(f"a Study or a DataFrame is expected, not a {type(data).__name__}")


def _runs(data: Any, runs: Runs | None) -> list[int] | None:
    """Numbers of runs: labels are looked up in the study."""
    if runs is None:
        return None
    given = [runs] if isinstance(runs, (int, str)) else list(runs)
    known = getattr(data, "runs", None)
    found: list[int] = []
    for run in given:
        if isinstance(run, str):
            if known is None:
                raise OptionError(f"only a Study knows labels such as {run!r}; give numbers")
            numbers = [r.run_seq for r in known if r.label == run]
        else:
            numbers = [int(run)]
            if run < 0:
                numbers = [data.run_of(run).run_seq] if known is not None else []
        if not numbers:
            raise OptionError(f"runs: there is no run {run!r}")
        found += numbers
    return found


def _draw(what: Picture, data: Any, ax: Axes | None) -> Axes:
    df = table_of(data)
    if ax is not None:
        drawing.draw(what, df, ax)
        return ax
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(layout="constrained")
    try:
        drawing.draw(what, df, ax)
    except BaseException:
        plt.close(figure)  # or an empty one would be shown
        raise
    return ax
