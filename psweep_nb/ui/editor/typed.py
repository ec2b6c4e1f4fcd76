"""Values as a person types them, and back: types stay what they are (``1``, ``1.0``, ``"1"``).

Only literals: nothing is looked up and nothing is called. Used by entries of the grid, by
cells of the table, and for the code of both.
"""

from __future__ import annotations

import ast
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.literals import CannotWrite, Writer
from psweep_nb.ui import texts

LONGEST = 20_000  # characters of one entry; what is longer belongs into a variable
_SPECIAL = {name: float(name) for name in ("nan", "inf", "-inf")}


def read(text: str) -> Any:
    """The value of one literal.

    Parameters
    ----------
    text : str
        Python's literals, and ``nan``, ``inf``.

    Raises
    ------
    ParamsError
        Saying what would be right.

    Examples
    --------
    >>> read("1.0"), read("'1'"), read("-inf"), read("[1, None]")
    (1.0, '1', -inf, [1, None])
    """
    return _value(_parse(text))


def read_several(text: str) -> list[Any]:
    """The values of a list as it is typed, with or without brackets.

    Examples
    --------
    >>> read_several("1, 2.0, 'x'"), read_several("[1, 2]"), read_several("[1, 2],")
    ([1, 2.0, 'x'], [1, 2], [[1, 2]])
    """
    node = _parse(text)
    if isinstance(node, ast.Tuple | ast.List):
        return [_value(entry) for entry in node.elts]
    return [_value(node)]


def write(value: Any) -> str:
    """The literal that `read` makes the very same value of.

    Raises
    ------
    ParamsError
        If there is none, or only one longer than `LONGEST` characters.

    Examples
    --------
    >>> write({"a": (1, float("nan"))})
    '{"a": (1, float("nan"))}'
    """
    kind = type(value).__name__
    if isinstance(value, str | bytes) and len(value) > LONGEST:
        raise ParamsError(f"a {kind} of {len(value)} characters is too long to type")
    writer = Writer()
    try:
        text = writer.text(value)
    except CannotWrite:
        text = ""
    if len(text) > LONGEST:
        raise ParamsError(f"a {kind} of {len(text)} characters is too long to type")
    if not text or writer.imports or writer.own or not _is_literal(value, text):
        raise ParamsError(f"{texts.cell(value)} ({kind}) cannot be typed as a value")
    return text


def _is_literal(value: Any, text: str) -> bool:
    """Whether code that makes a value is a literal, too."""
    if value is None or type(value) in (bool, int, float, str):
        return True
    try:
        return Writer().text(read(text)) == text
    except ParamsError:
        return False


def write_several(values: list[Any]) -> str:
    """What `read_several` makes these values of, for a field: without brackets."""
    text = ", ".join(map(write, values))
    if len(values) == 1 and type(values[0]) in (list, tuple):
        text += ","
    if len(text) > LONGEST:
        raise ParamsError(f"{len(values)} values are too long to type")
    return text


def shown(value: Any, width: int = texts.CELL_WIDTH) -> str:
    """A value for looking at, short, with its type visible: ``1``, ``1.0``, ``'1'``.

    Examples
    --------
    >>> shown("1"), shown(1.0), shown("x" * 9, width=6)
    ("'1'", '1.0', "'xxxx…")
    """
    if type(value) is str:
        return texts.cut(texts.printable(repr(value[:width])), width)
    if type(value) is float:
        return repr(value)
    return texts.cell(value, width)


def _parse(text: str) -> ast.expr:
    if not text.strip():
        raise ParamsError("nothing here yet: 1, 2.5, 'text', None, True")
    if len(text) > LONGEST:
        raise ParamsError(
            f"longer than {LONGEST} characters: put it into a variable and choose the kind"
            " expression"
        )
    reason = ""
    # In brackets, so that line ends and comments of pasted text do no harm; without them for
    # a message that does not speak of brackets that nobody typed.
    for source in (f"({text}\n)", text.strip()):
        try:
            return ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or str(error) or type(error).__name__
    raise ParamsError(f"not a Python value ({reason}): {_short(text)}")


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(_Special().visit(node))
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise ParamsError(_what_is_right(node)) from None


class _Special(ast.NodeTransformer):
    """Numbers that Python has no literal for: ``nan``, ``inf``, ``float("nan")``."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_SPECIAL[node.id]) if node.id in _SPECIAL else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(ast.Name("float"), [ast.Constant(str(name))], []) if name in _SPECIAL:
                return ast.Constant(_SPECIAL[name])
        return node


def _what_is_right(node: ast.expr) -> str:
    """Why a Python expression is no literal."""
    found = next(
        (n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in _SPECIAL), None
    )
    if isinstance(node, ast.Name):
        return (
            f"text needs quotes: '{node.id}'; for a name of the notebook choose the kind expression"
        )
    what = found.id if found is not None else _short(ast.unparse(node))
    return (
        f"{what} is no plain value: text needs quotes; what is to be computed is of the kind"
        " expression"
    )


def _short(text: str) -> str:
    return texts.line(" ".join(text.split()), 60)
