"""Values, durations and counts as short text: what the panel, the report and the terminal show.

Everything here is bounded, whatever a user put into a pset: the follower formats rows
between the user's own cells and may not hold them up.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import reprlib
import time
import uuid
from typing import Any

from psweep_nb import wording

CELL_WIDTH = 48
_PLAIN = (
    bool,
    complex,
    type(None),
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PurePath,
    enum.Enum,
)
_CONTAINERS = (list, tuple, dict, set, frozenset)


class _Short(reprlib.Repr):
    """A repr that stays short: a few items, two levels, nothing of unknown classes."""

    def __init__(self, items: int, width: int) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = items
        self.maxstring = width

    def repr_instance(self, x: Any, level: int) -> str:
        return cell(x)

    def repr_int(self, x: int, level: int) -> str:
        return cell(x)

    def repr_float(self, x: float, level: int) -> str:
        return cell(x)


def cell(value: Any, width: int = CELL_WIDTH) -> str:
    """One value as the text of a table cell.

    Parameters
    ----------
    value : object
        Anything; classes not known to be cheap are only named.
    width : int
        Most characters.

    Examples
    --------
    >>> cell(0.1 + 0.2), cell("two words"), cell([1, 2.5, "x"])
    ('0.3', 'two words', "[1, 2.5, 'x']")
    """
    try:
        text = _text(value)
    except Exception as error:  # a repr of the user's own
        text = f"<{type(value).__name__}: {type(error).__name__} in its repr>"
    return cut(text, width)


def _text(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return printable(value[: CELL_WIDTH + 1])
    if kind is float:
        return f"{value:.6g}"
    if kind is int:
        # Python refuses to write numbers of more than 4300 digits, and takes long before that.
        return str(value) if value.bit_length() < 256 else f"<int of {value.bit_length()} bits>"
    if kind in _CONTAINERS:
        return _SHORT.repr(value)
    if kind is bytes:
        return f"<{len(value)} bytes>"
    if isinstance(value, (str, float, int)) and not isinstance(value, (bool, enum.Enum)):
        base = next(b for b in (str, float, int) if isinstance(value, b))
        return _text(base(value))
    if isinstance(value, _PLAIN):
        return str(value)
    if hasattr(kind, "shape") and hasattr(kind, "dtype"):
        if value.shape == () and hasattr(value, "item"):
            scalar = value.item()
            return _text(scalar) if type(scalar) is not kind else str(value)
        return f"{kind.__name__} {value.shape} {value.dtype}"
    if hasattr(kind, "shape"):
        return f"{kind.__name__} {value.shape}"
    return f"<{kind.__name__}>"


_SHORT = _Short(8, CELL_WIDTH)
_LONG = _Short(200, 1000)


def full(value: Any, limit: int = 4000) -> str:
    """One value written out for the detail of a row; only called for a row somebody opened."""
    try:
        if isinstance(value, str):
            text = value[: limit + 1]
        elif isinstance(value, (int, bytes)) and not isinstance(value, bool):
            text = cell(value, limit)
        elif type(value) in _CONTAINERS:
            text = _LONG.repr(value)
        else:
            text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {type(error).__name__} in its repr>"
    text = wording.printable(text[: limit + 1], keep="\n\t")
    return text if len(text) <= limit else f"{text[:limit]}\n… cut after {limit} characters"


def printable(text: str) -> str:
    """``text`` with line ends, control and direction characters written as escapes."""
    return text if text.isprintable() else repr(text)[1:-1]


def block(text: str, limit: int = 20_000) -> str:
    r"""A traceback or a log for the page: lines of printable text, the middle cut out.

    Examples
    --------
    >>> print(block("10 %\r20 %\n \u202edone"))
    10 %
    20 %
     \u202edone
    """
    if len(text) > limit:
        half = limit // 2
        left_out = f"\n… {len(text) - limit} characters left out …\n"
        text = f"{text[:half]}{left_out}{text[-half:]}"
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return wording.printable(lines, keep="\n\t")


def cut(text: str, width: int) -> str:
    """``text``, at most ``width`` characters long, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def line(text: str, width: int = 200) -> str:
    """The first line of a text, printable, cut."""
    return cut(printable(text.strip().partition("\n")[0][: width + 1]), width)


def count(number: int) -> str:
    """A count with thin spaces between thousands.

    Examples
    --------
    >>> count(1234567) == "1\u202f234\u202f567"
    True
    """
    return f"{number:,}".replace(",", "\u202f")


def psets(number: int) -> str:
    """``1 pset``, ``12 psets``."""
    return f"{count(number)} pset{'' if number == 1 else 's'}"


def rows(number: int) -> str:
    """``1 row``, ``12 rows``."""
    return f"{count(number)} row{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """A duration in words short enough for a column; ``unknown`` for None or nonsense.

    Examples
    --------
    >>> [duration(s) for s in (3e-6, 0.0004, 0.25, 3.14159, 75, 7300, None)]
    ['3 µs', '0.4 ms', '250 ms', '3.1 s', '1 min 15 s', '2 h 1 min', 'unknown']
    """
    if seconds is None or not 0 <= seconds < 1e9:
        return "unknown"
    if seconds < 9.95e-5:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def rate(per_second: float | None) -> str:
    """Psets per second, minute or hour; ``rate unknown`` for None.

    Examples
    --------
    >>> rate(12.34), rate(0.05), rate(None)
    ('12 psets/s', '3.0 psets/min', 'rate unknown')
    """
    if per_second is None or not 0 < per_second < 1e9:
        return "rate unknown"
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        value = per_second * factor
        if value >= 1 or unit == "h":
            break
    return f"{value:.1f} psets/{unit}" if value < 9.95 else f"{count(round(value))} psets/{unit}"


def percent(progress: Any) -> str:
    """A reported ``progress`` from 0 to 1; empty where it is something else.

    Examples
    --------
    >>> percent(0.5), percent(1), percent("half"), percent(50), percent(None)
    ('50 %', '100 %', '', '', '')
    """
    try:
        # Complete only at the end: 99.7 % is not done.
        return f"{int(100 * progress)} %" if 0 <= progress <= 1 else ""
    except Exception:  # whatever a user may have reported under that name
        return ""


def clock(when: float | None = None) -> str:
    """Local time of day, ``HH:MM:SS``."""
    return time.strftime("%H:%M:%S", time.localtime(when))


def date(when: float | None = None) -> str:
    """Local date and time, ``2031-02-03 04:05``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
