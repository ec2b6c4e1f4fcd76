"""What a person types to see only some psets: ``loss < 0.3, name ~ adam``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts
from psweep_nb.ui.arguments import suggest

MOST = 500  # characters
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_PIECES = re.compile(rf"(?:{_QUOTED}|.)+?(?=\s*(?:,|&|\band\b)|$)", re.DOTALL)
_BETWEEN = re.compile(r"\s*(?:,|&|\band\b)\s*")
_OPERATOR = re.compile(r"\s*(<=|>=|==|!=|=|<|>|~)\s*")
_SECOND = re.compile(rf"\s\S+?{_OPERATOR.pattern}")
_ORDERED = ("<", "<=", ">", ">=")
_HOW = "conditions look like: loss < 0.3, name = adam, name ~ part of it"


@dataclass(frozen=True)
class Condition:
    """One condition on a column.

    Attributes
    ----------
    column : str
        The column's id.
    op : str
        See `values.Values.where`.
    value : float or str
    """

    column: str
    op: str
    value: float | str


def parse(text: str, columns: Mapping[str, str]) -> list[Condition]:
    """The conditions in a text; all are to hold.

    Parameters
    ----------
    text : str
        Conditions with commas or ``and`` between them.
    columns : mapping
        Name of each column, as it is shown, to its id.

    Raises
    ------
    OptionError
        Saying what cannot be understood.

    Examples
    --------
    >>> parse("loss < 0.3, name = 'a, b'", {"loss": "c1", "name": "c2"})
    [Condition(column='c1', op='<', value=0.3), Condition(column='c2', op='=', value='a, b')]
    """
    if len(text) > MOST:
        raise OptionError(f"a filter has at most {MOST} characters")
    found, rest = [], text.strip()
    while rest:
        piece, rest = _first(rest)
        if piece:
            found.append(_condition(piece, columns))
    return found


def _first(text: str) -> tuple[str, str]:
    match = _PIECES.match(text)
    end = match.end() if match else 0
    between = _BETWEEN.match(text, end)
    return text[:end].strip(), text[between.end() if between else len(text) :]


def _condition(piece: str, columns: Mapping[str, str]) -> Condition:
    # Names may hold anything: the longest that fits, with an operator behind it.
    for name in sorted(columns, key=len, reverse=True):
        if piece.startswith(name) and (op := _OPERATOR.match(piece, len(name))):
            value = piece[op.end() :].strip()
            found = Condition(columns[name], op[1].replace("==", "="), _value(value))
            _check_value(found, value)
            return found
    op = _OPERATOR.search(piece)
    if op is None or not piece[: op.start()]:
        raise OptionError(f"`{texts.line(piece, 40)}` is no condition; {_HOW}")
    name = piece[: op.start()].strip()
    hint = suggest(name, list(columns))
    raise OptionError(f"there is no column {texts.line(name, 40)}{hint}")


def _check_value(condition: Condition, text: str) -> None:
    """Refuse what no pset fits, and somebody meant otherwise."""
    if isinstance(condition.value, float) or re.fullmatch(_QUOTED, text):
        return
    if condition.op != "~" and (second := _SECOND.search(text)):
        found = texts.line(text, 40)
        raise OptionError(
            f"`{found}` has a second {second[1]}: put a comma between conditions, quotes around a "
            f"text that is meant; {_HOW}"
        )
    if condition.op in _ORDERED:
        found = texts.line(text, 40)
        raise OptionError(f"`{found}` is no number; a text to compare with wants quotes; {_HOW}")


def _value(text: str) -> float | str:
    text = text.strip()
    if not text:
        raise OptionError(f"a value is missing behind the last sign; {_HOW}")
    if re.fullmatch(_QUOTED, text):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        number = float(text)
    except ValueError:
        return text
    return text if number != number else number
