"""What is said of a name that no statement gives, and where it is read. Used by `search`."""

import ast
from types import FunctionType
from typing import Any

from psweep_nb.functions.statements import Statement
from psweep_nb.functions.values import type_name

ONLY_HERE = ", open in this process only; open or make it inside the function"


def right_side(statement: Statement) -> str:
    """What is assigned to a single name; "" for any other statement."""
    node = statement.node
    value = getattr(node, "value", None)
    text = ast.unparse(value) if isinstance(value, ast.expr) else ""
    targets = getattr(node, "targets", ()) or [getattr(node, "target", None)]
    return text if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def where_read(statement: Statement, name: str) -> str:
    """The line in which a statement reads a name, in words."""
    lines = [n.lineno for n in ast.walk(statement.node) if isinstance(n, ast.Name) and n.id == name]
    node, text = statement.node, statement.text
    title = getattr(node, "name", "") or last_line(text)
    if not lines:
        return f"`{title}`"
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    own = text.split("\n")[-((node.end_lineno or first) - first + 1) :]
    number = min(lines) - first
    line = last_line(own[number]) if number < len(own) else title
    return f"line {number + 1} of `{title}`: {line}"


def last_line(text: str) -> str:
    """The last line of a text, shortened."""
    text = text.strip().split("\n")[-1].strip()
    return text if len(text) <= 60 else text[:59] + "…"


def a_value(value: Any) -> str:
    """A value that cannot be shown."""
    return f"a value of type {type_name(value)}"


def an_earlier(home: str) -> str:
    """Why a value is not made again: it holds code that was edited since."""
    return (
        f"it holds `{home}` as that was before its cell was edited; give that a name of its own, or"
        " run the cell of this one, and then the study, again"
    )


def no_statement(value: Any, is_bound: bool) -> str:
    """Why nothing gives it, and what to do; `is_bound` if cells have given the name a value."""
    if isinstance(value, FunctionType | type):
        if is_bound:
            return "it is not as a cell made it; define it in a cell as it is to be"
        return "nothing keeps its source (it was made by exec, say); define it in a cell"
    return f"no cell assigns it, and {a_value(value)} cannot be written down; assign it in a cell"
