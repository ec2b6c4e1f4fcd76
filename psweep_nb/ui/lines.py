"""Lines of Python, written and carried out one after the other; names and values in them."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts

LABEL = 40  # characters of a label in a figure


class Writer:
    """Writes lines and carries each out at once."""

    def __init__(self, df: pd.DataFrame, ax: Any) -> None:
        import matplotlib.pyplot as plt  # slow, and not needed before

        self.names = {"data": df, "ax": ax, "fig": ax.figure, "np": np, "pd": pd, "plt": plt}
        self.prepare: list[str] = []
        self.draw: list[str] = []
        self.notes: list[str] = []
        self.ticks: list[str] = []  # of categories on an axis: lines for the end
        self.legend = 0  # entries
        self.others = pd.DataFrame()  # parameters that the figure does not show

    @property
    def data(self) -> pd.DataFrame:
        found: pd.DataFrame = self.names["data"]
        return found

    def select(self, line: str) -> None:
        """A line that makes `data` smaller, or simpler."""
        self.prepare.append(line)
        self._carry_out(line)

    def assign(self, name: str, expression: str) -> None:
        """Replace a column."""
        if name == "self":  # which assign has for itself
            self.select("data = data.copy()")
            self.select(f'data["self"] = {expression}')
            return
        simple = name.isidentifier() and not keyword.iskeyword(name)
        item = f"{name}={expression}" if simple else f"**{{{quoted(name)}: {expression}}}"
        self.select(f"data = data.assign({item})")

    def plot(self, *lines: str) -> None:
        """Lines that draw, carried out together."""
        self.draw += lines
        self._carry_out("\n".join(lines))

    def label(self, values: Sequence[str], name: str) -> str:
        """The expression that makes a label of `name`, which will have these values as texts."""
        risky = any(
            "$" in value or value.startswith("_") or len(value) > LABEL or not value.isprintable()
            for value in values
        )
        if not risky:
            return f"str({name})"
        if "plain" not in self.names:
            self.plot(
                "def plain(value):  # no mathematics, no names that a legend leaves out",
                f'    text = repr(str(value)[:{LABEL}])[1:-1].replace("$", r"\\$")',
                '    return " " + text if text.startswith("_") else text',
                "",
            )
        return f"plain({name})"

    def _carry_out(self, lines: str) -> None:
        exec(compile(lines, "<figure>", "exec"), self.names)


def quoted(text: str) -> str:
    """A text as Python writes it, in double quotes where that is as short.

    Examples
    --------
    >>> print(quoted("a"), quoted('say "a"'))
    "a" 'say "a"'
    """
    written = repr(text)
    inside = written[1:-1]
    if written[0] == "'" and '"' not in inside and "\\'" not in inside:
        return f'"{inside}"'
    return written


def literal(value: Any) -> str:
    """A plain value as Python writes it.

    Raises
    ------
    OptionError
        For others: their repr may be anything.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp):
        return f"pd.Timestamp({quoted(value.isoformat())})"
    if type(value) is float:
        return repr(value) if np.isfinite(value) else f'float("{value}")'
    if type(value) is str:
        return quoted(value)
    if value is None or type(value) in (int, bool):
        return repr(value)
    raise OptionError(f"where takes numbers and texts, not a {type(value).__name__}")


def title(name: str) -> str:
    """A column's name as a label, as code: what matplotlib would read as mathematics is escaped."""
    return quoted(texts.line(name, LABEL).replace("$", r"\$"))
