"""What one row of the editor means: its kind and text as values, and as Python.

Called by `grid`. Texts are literals, but for the kind ``expression``, which is evaluated
with the notebook's names, and only where `read` is told that the user has asked for it.
"""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError

from psweep_nb.errors import ParamsError
from psweep_nb.params import grid
from psweep_nb.ui import arguments
from psweep_nb.ui.editor import typed

KINDS = (
    "list",
    "range",
    "linspace",
    "logspace",
    "integers",
    "between",
    "constant",
    "expression",
)
MOST_VALUES = 1_000_000  # of one row


@dataclass(frozen=True)
class Entry:
    """The values of one row.

    Attributes
    ----------
    values : sequence
        At least one.
    code : str
        The Python of the object that `grid` takes, in which ``{np}`` and ``{ps}`` are left open
        where `module` says so.
    raw : object
        That object.
    module : str
        The module that `code` is a function of: ``np``, ``ps`` or none.
    """

    values: Sequence[Any]
    code: str
    raw: Any
    module: str = ""


def read(kind: str, name: str, text: str, names: Mapping[str, Any]) -> Entry:
    """The values that a row stands for.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    name : str
        The parameter, for messages.
    text : str
        As typed.
    names : mapping
        The notebook's names, for expressions.

    Raises
    ------
    ParamsError
        What is wrong and what would be right.
    """
    entry = _READERS[kind](text, names)
    if kind == "between":
        return entry
    return Entry(as_grid_does(name, entry), entry.code, entry.raw, entry.module)


def as_grid_does(name: str, entry: Entry) -> Sequence[Any]:
    """The values that `grid` finds in an entry; it says what is wrong with them, too."""
    raw = entry.raw
    if isinstance(raw, range) and raw:
        return raw
    if getattr(raw, "ndim", 0) == 1 and len(raw) and getattr(raw.dtype, "kind", "") in "biuf":
        values: list[Any] = raw.tolist()  # the same, without a dict for each
        return values
    name = name or "values"
    try:
        return [pset[name] for pset in grid(**{name: raw})]
    except ParamsError as error:
        raise ParamsError(str(error).removeprefix("grid: ")) from None


def _list(text: str, _names: Mapping[str, Any]) -> Entry:
    if not text.strip():
        raise ParamsError("no values yet: 1, 2, 3")
    values = typed.read_several(text)
    if not values:
        raise ParamsError("no values in the list: 1, 2, 3")
    return Entry(values, "[" + ", ".join(map(typed.write, values)) + "]", values)


def _constant(text: str, _names: Mapping[str, Any]) -> Entry:
    value = typed.read(text)
    code = typed.write(value)
    if isinstance(value, str | int | float | bool | None):
        return Entry([value], code, value)
    return Entry([value], f"[{code}]", [value])  # grid would take its items for the values


def _range(text: str, _names: Mapping[str, Any]) -> Entry:
    numbers = _numbers(text, "start, stop, step in whole numbers: 0, 10, 2", (1, 3))
    if not all(isinstance(number, int) for number in numbers):
        raise ParamsError("a range has whole numbers: 0, 10, 2; for others choose linspace")
    if len(numbers) == 3 and numbers[2] == 0:
        raise ParamsError("a step of 0 goes nowhere: 0, 10, 2")
    if len(numbers) == 2 and numbers[0] == 0:
        numbers = numbers[1:]
    values = range(*numbers)
    if not values:
        raise ParamsError(f"{values.start} to {values.stop} has no values in this step: 0, 10, 2")
    _check_count(_length(values))
    return Entry(values, f"range({', '.join(map(repr, numbers))})", values)


def _linspace(text: str, _names: Mapping[str, Any]) -> Entry:
    import numpy as np

    start, stop, count = _spaced(text, "start, stop, how many: 0, 1, 5")
    values = np.linspace(start, stop, count)
    return Entry((), f"{{np}}.linspace({start!r}, {stop!r}, {count})", values, "np")


def _integers(text: str, _names: Mapping[str, Any]) -> Entry:
    from psweep_nb.spaces import intspace

    start, stop, count = _spaced(text, "start, stop, how many: 0, 100, 5")
    if max(abs(start), abs(stop)) >= 2**53:
        raise ParamsError("whole numbers are spaced exactly only below 2**53")
    values = intspace(start, stop, count)
    return Entry((), f"{{ps}}.intspace({start!r}, {stop!r}, {count})", values, "ps")


def _logspace(text: str, _names: Mapping[str, Any]) -> Entry:
    from psweep_nb.spaces import logspace

    numbers = _numbers(text, "start, stop, how many: 1, 1000, 4", (3, 4))
    start, stop, count, *offset = numbers
    _check_how_many(count)
    values = logspace(start, stop, count, *offset)
    if not all(map(math.isfinite, values.tolist())):
        raise ParamsError("these numbers are too large to be spaced: 1, 1000, 4")
    return Entry((), f"{{ps}}.logspace({', '.join(map(repr, numbers))})", values, "ps")


def _between(text: str, _names: Mapping[str, Any]) -> Entry:
    low, high = _numbers(text, "low, high: 0.0, 1.0 (two whole numbers give whole numbers)", (2, 2))
    if not low < high or not _is_finite(high - low):
        raise ParamsError("low comes first, and both are finite: 0.0, 1.0")
    return Entry((low, high), f"({low!r}, {high!r})", (low, high))


def _expression(text: str, names: Mapping[str, Any]) -> Entry:
    if not text.strip():
        raise ParamsError("no expression yet: sorted(names), 2 * np.arange(5)")
    if len(text) > typed.LONGEST:
        raise ParamsError("too long for a line: put it into a variable and write its name")
    try:
        value = arguments.evaluate(text, dict(names), "")
    except UsageError as error:
        raise ParamsError(str(error).removeprefix(": ").strip()) from None
    except SystemExit as error:
        raise ParamsError(f"it raises SystemExit: {error}") from None
    if isinstance(value, Iterator):
        raise ParamsError("an iterator is used up by looking at it: write list(...) around it")
    if hasattr(value, "__len__") and not isinstance(value, str | bytes):
        _check_count(_length(value))
    return Entry((), _one_line(text), value)


def _one_line(text: str) -> str:
    """An expression as it can stand among arguments."""
    tree = ast.parse(text.strip(), mode="eval").body
    if isinstance(tree, ast.Tuple) or "\n" in text or "#" in text:
        text = ast.unparse(tree)
    if "\n" in text:
        raise ParamsError("too long for a line: put it into a variable and write its name")
    return text.strip()


def _length(value: Any) -> int:
    try:
        return len(value)
    except TypeError:  # NumPy's arrays without dimensions
        return 1
    except OverflowError:  # a range beyond what can be counted
        return sys.maxsize


_READERS: dict[str, Callable[[str, Mapping[str, Any]], Entry]] = {
    "list": _list,
    "range": _range,
    "linspace": _linspace,
    "logspace": _logspace,
    "integers": _integers,
    "between": _between,
    "constant": _constant,
    "expression": _expression,
}


def _numbers(text: str, wanted: str, lengths: tuple[int, int]) -> list[Any]:
    try:
        numbers = typed.read_several(text)
    except ParamsError as error:
        if not text.strip():
            raise ParamsError(wanted) from None
        raise ParamsError(f"{error}; expected: {wanted}") from None
    if not lengths[0] <= len(numbers) <= lengths[1]:
        raise ParamsError(wanted)
    for number in numbers:
        if type(number) not in (int, float) or not _is_finite(number):
            raise ParamsError(f"{typed.shown(number)} is not a finite number; {wanted}")
    return numbers


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond all floats
        return False


def _spaced(text: str, wanted: str) -> tuple[Any, Any, int]:
    start, stop, count = _numbers(text, wanted, (3, 3))
    _check_how_many(count)
    if not _is_finite(float(stop) - float(start)):
        raise ParamsError(f"these numbers are too far apart; {wanted}")
    return start, stop, count


def _check_how_many(count: Any) -> None:
    if type(count) is not int or count < 1:
        raise ParamsError(
            f"how many is a whole number from 1 on, not {typed.shown(count)}: 0, 1, 5"
        )
    _check_count(count)


def _check_count(count: int) -> None:
    if count > MOST_VALUES:
        raise ParamsError(f"a row has at most {MOST_VALUES} values")
