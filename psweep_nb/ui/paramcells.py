"""A notebook cell as a description of psets: ``%%psweep params NAME``.

The cell runs in a copy of the notebook's names. What it assigns are the parameters: lists, ranges,
arrays are axes, scalars and strings constants, a bare ``zip(a, b)`` ties axes, names with a
leading underscore are helpers.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from IPython.core.error import UsageError

from psweep_nb.params import grid, pgrid
from psweep_nb.psets import Pset
from psweep_nb.ui import cells, texts
from psweep_nb.ui.cellnames import Names

_FILENAME = "<psweep params>"


class Described(NamedTuple):
    """The psets, and in words how they come about: ``a (4) x b (10), c constant``."""

    params: list[Pset]
    text: str


def build(cell: str, names: Mapping[str, Any]) -> Described:
    """The psets that a cell describes.

    Parameters
    ----------
    cell : str
        The cell without its magic line.
    names : mapping
        The notebook's names. Not changed.

    Raises
    ------
    UsageError
        For a cell that is no Python or raises, assigns no parameter, or ties what are no axes of
        the same length; names the line or the variable.
    ParamsError
        For an axis that is empty or has no order; names the variable.

    Examples
    --------
    >>> build("a = [1, 2]\\nb = range(3)\\nc = 0.5", {}).text
    'a (2) x b (3), c constant'
    """
    tree = cells.parse(textwrap.dedent(cell).rstrip() + "\n")
    ties = [tie for statement in tree.body if (tie := _tie_of(statement))]
    events = Names()
    events.visit(tree)
    values = _run(tree, names)
    found = [name for name in events.assigned if name in values]
    if not found:
        raise UsageError("the cell assigns no parameters: a = [1, 2], one a line")
    axes = {name: _axis(name, values[name]) for name in found}
    groups = _groups(axes, ties)
    loops = [
        axes[group[0]] if len(group) == 1 else zip(*(axes[n] for n in group), strict=True)
        for group in groups
    ]
    return Described(pgrid(loops), _words(groups, axes))


def _tie_of(statement: ast.stmt) -> list[str]:
    """The variables of a line that is just ``zip(a, b)``, else nothing."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        return []
    if call.func.id != "zip":
        return []
    names = [argument.id for argument in call.args if isinstance(argument, ast.Name)]
    if len(names) < 2 or len(names) < len(call.args):
        raise UsageError(
            f"line {statement.lineno + 1} of the cell: a bare zip ties variables of the cell, "
            f"such as zip(a, b); it has {ast.unparse(call)}"
        )
    return names


def _run(tree: ast.Module, names: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(names)
    try:
        exec(compile(tree, _FILENAME, "exec"), values)
    except Exception as error:
        where, said = f"line {_line_of(error) + 1} of the cell", texts.line(str(error))
        raise UsageError(f"{where} raises {type(error).__name__}: {said}") from error
    return values


def _line_of(error: Exception) -> int:
    """The cell's own line that was at work."""
    line, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == _FILENAME:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _axis(name: str, value: Any) -> list[Pset]:
    if isinstance(value, zip):
        raise UsageError(
            f"{name} is a zip; write zip(a, b) on a line of its own to tie a and b, or "
            f"{name} = list(...) for pairs as values"
        )
    return grid(**{name: value})


def _groups(axes: Mapping[str, Sequence[Pset]], ties: Sequence[Sequence[str]]) -> list[list[str]]:
    """The names that vary together, in the order of the first of each."""
    for tie in ties:
        said = f"zip({', '.join(tie)})"
        if lacking := [name for name in tie if name not in axes]:
            raise UsageError(f"{said}: {lacking[0]} is no parameter of the cell: assign it there")
        if len({len(axes[name]) for name in tie}) > 1:
            lengths = ", ".join(f"{name} has {len(axes[name])}" for name in tie)
            raise UsageError(f"{said} ties lists of different length: {lengths}")
    tied = [name for tie in ties for name in tie]
    if twice := [name for name in tied if tied.count(name) > 1]:
        raise UsageError(f"{twice[0]} is in more than one zip, or twice in one: write one for all")
    of_first = {name: list(tie) for tie in ties for name in [min(tie, key=list(axes).index)]}
    return [of_first.get(name, [name]) for name in axes if name in of_first or name not in tied]


def _words(groups: Sequence[Sequence[str]], axes: Mapping[str, Sequence[Pset]]) -> str:
    sizes = [(names, len(axes[names[0]])) for names in groups]
    varying = " x ".join(
        f"{', '.join(names)}{' tied' if len(names) > 1 else ''} ({texts.count(size)})"
        for names, size in sizes
        if size > 1
    )
    constant = ", ".join(name for names, size in sizes if size == 1 for name in names)
    return ", ".join(filter(None, [varying, f"{constant} constant" if constant else ""]))
