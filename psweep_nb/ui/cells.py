"""A notebook cell as a workload: ``%%psweep run PARAMS -r E,loss``.

The cell is written out as a real function: its first line takes the place of the magic's
line, so that line numbers in tracebacks are those of the cell; its source is in
``linecache``, where tracebacks and ``inspect`` look; its globals are the notebook's.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from IPython.core.error import UsageError

from psweep_nb.ui import cellresults
from psweep_nb.ui.cellnames import Names

_PICK = "_psweep_pick"


def build(
    cell: str,
    params: Sequence[Mapping[str, Any]],
    names: dict[str, Any],
    results: Sequence[str] | None = None,
    *,
    setup: bool = False,
) -> Callable[..., Any]:
    """A function of the psets' parameters whose body is the cell.

    Parameters
    ----------
    cell : str
        The cell without its magic line.
    params : sequence of mapping
        The psets; their keys become the function's parameters.
    names : dict
        The notebook's names: the function's globals. Not changed.
    results : sequence of str, optional
        Names of the cell that are its results. Without it: its last expression, else the
        variables it newly assigns.
    setup : bool
        Whether it has a variable `setup`, made by the run's ``setup=``.

    Returns
    -------
    callable
        Named after its parameters, so that the cell run again after a change replaces the
        function that ``%psweep retry`` looks up.

    Raises
    ------
    UsageError
        For a cell that cannot be a function, a result it never assigns, a parameter that
        cannot be a variable.
    """
    body = textwrap.dedent(cell).rstrip() + "\n"
    tree = parse(body)
    keys = _parameter_names(params)
    given = ["setup"] if setup else []
    events = Names()
    events.visit(tree)
    if results is not None:
        known = [*events.assigned, *events.bound, *keys, *given]
        _check_results(results, known, events.assigned)
    name = "cell_" + hashlib.sha1(" ".join(sorted(keys)).encode()).hexdigest()[:6]
    returned = _with_return(body, tree, events, [*keys, *given], results)
    signature = _signature(keys, params, events, names, given, picks=_PICK in returned)
    return _define(name, f"def {name}({', '.join(signature)}):\n{returned}", names)


def result_names(text: str) -> list[str]:
    """The names given with ``-r``: ``E,loss``, also quoted or in brackets.

    Raises
    ------
    UsageError
        When one of them is no variable name.

    Examples
    --------
    >>> result_names("E,loss")
    ['E', 'loss']
    """
    found = [part.strip("()[]'\" ") for part in text.split(",")]
    found = [part for part in found if part]
    for part in found:
        if not part.isidentifier():
            raise UsageError(f"-r wants names of the cell: -r E,loss; {part} is none")
    if not found:
        raise UsageError("-r wants names of the cell: -r E,loss")
    return list(dict.fromkeys(found))


def parse(body: str) -> ast.Module:
    """The cell as plain Python; line numbers in errors count the magic's line.

    Raises
    ------
    UsageError
        For what is none, or an empty cell.
    """
    for number, line in enumerate(body.splitlines(), start=2):
        if line.startswith(("%", "!")):
            raise UsageError(
                f"line {number} of the cell: {line.strip()[:40]!r} only works in the notebook;"
                " below %%psweep goes plain Python"
            )
    try:
        tree = ast.parse(body)
    except SyntaxError as error:
        raise _at_line(error, 1) from None
    if not tree.body:
        raise UsageError("the cell is empty: below the %%psweep line goes the code to run")
    return tree


def _at_line(error: SyntaxError, shift: int) -> UsageError:
    where = f"line {(error.lineno or 1) + shift} of the cell"
    text = (error.text or "").strip()
    return UsageError(f"{where}: {error.msg}" + (f": {text[:60]}" if text else ""))


def _parameter_names(params: Sequence[Mapping[str, Any]]) -> list[str]:
    first = params[0].keys() if params else {}.keys()
    keys = dict.fromkeys(first)
    for pset in params:
        if pset.keys() != first:
            keys.update(dict.fromkeys(pset))
    for key in keys:
        if not (isinstance(key, str) and key.isidentifier()):
            raise UsageError(
                f"parameter {key!r} cannot be a variable of a cell: rename it, or write a"
                " function that takes the pset"
            )
    return list(keys)


def _check_results(results: Sequence[str], known: Sequence[str], assigned: Sequence[str]) -> None:
    for name in results:
        if name not in known:
            listed = ", ".join(assigned) or "nothing"
            raise UsageError(f"-r {name}: the cell never assigns it; it assigns {listed}")


def _signature(
    keys: Sequence[str],
    params: Sequence[Mapping[str, Any]],
    events: Names,
    names: Mapping[str, Any],
    given: Sequence[str],
    *,
    picks: bool,
) -> list[str]:
    """Parameters of the function as text.

    A parameter that some psets lack, and a variable the cell reads before it assigns it,
    get the notebook's value as their default.
    """
    required, optional = [], []
    for key in keys:
        lacking = next((at for at, pset in enumerate(params) if key not in pset), None)
        if lacking is None:
            required.append(key)
        elif key in names:
            optional.append(f"{key}={key}")
        else:
            raise UsageError(
                f"pset {lacking} has no {key!r}, which other psets have: give all psets the"
                f" parameter, or assign {key} in the notebook as its value for the others"
            )
    read = [n for n in events.read_first if n in names and n not in (*keys, *given)]
    seeds = [*given, *(f"{name}={name}" for name in read)]
    if picks:  # as a default, so that it travels with the function
        seeds.append(f"{_PICK}={_PICK}")
    return [*required, *optional, *(["*", *seeds] if seeds else [])]


def _with_return(
    body: str,
    tree: ast.Module,
    events: Names,
    keys: Sequence[str],
    results: Sequence[str] | None,
) -> str:
    """The cell's text, indented, ending in the return of its results."""
    lines = body.splitlines()
    tail = ""
    if results is not None:
        tail = "return {" + ", ".join(f'"{n}": {n}' for n in results) + "}"
    elif isinstance(last := tree.body[-1], ast.Expr):
        _return_expression(lines, last, [n for n in events.assigned if n not in keys])
    elif not isinstance(last, ast.Return):
        wanted = tuple(n for n in events.assigned if n not in keys)
        tail = f"return {_PICK}(None, locals(), {wanted!r})"
    inside_strings = _lines_inside_strings(tree)
    text = [
        line if number in inside_strings or not line else "    " + line
        for number, line in enumerate(lines, start=1)
    ]
    return "\n".join([*text, *(["    " + tail] if tail else [])]) + "\n"


def _return_expression(lines: list[str], last: ast.Expr, new_names: Sequence[str]) -> None:
    """Put ``return`` before the cell's last expression, in place."""
    value = last.value
    before, after = "return ", ""
    if isinstance(value, ast.Name):
        before = f"return {value.id} if isinstance({value.id}, dict) else {{'{value.id}': "
        after = "}"
    elif isinstance(value, ast.Tuple) and all(isinstance(e, ast.Name) for e in value.elts):
        listed = tuple(e.id for e in value.elts if isinstance(e, ast.Name))
        before, after = f"return dict(zip({listed!r}, (", ")))"
    elif isinstance(value, (ast.Call, ast.Await)) and not _is_dict_call(value):
        before, after = f"return {_PICK}(", f", locals(), {tuple(new_names)!r})"
    end, stop = (last.end_lineno or 1) - 1, last.end_col_offset or 0
    lines[end] = _insert(lines[end], stop, after)
    first = last.lineno - 1
    lines[first] = _insert(lines[first], last.col_offset, before)


def _is_dict_call(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict"
    )


def _insert(line: str, at: int, text: str) -> str:
    """Insert at a column as ``ast`` counts it: in UTF-8 bytes."""
    data = line.encode()
    return (data[:at] + text.encode() + data[at:]).decode()


def _lines_inside_strings(tree: ast.Module) -> set[int]:
    """Lines that begin inside a string literal: indenting them would change it."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno is not None:
            value = getattr(node, "value", "")
            if isinstance(value, (str, bytes)):
                inside.update(range(node.lineno + 1, node.end_lineno + 1))
    return inside


def _define(name: str, source: str, names: dict[str, Any]) -> Callable[..., Any]:
    """Compile the source; the function's globals are the notebook's own dict."""
    filename = f"<psweep {name} {hashlib.sha1(source.encode()).hexdigest()[:8]}>"
    try:
        code = compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _at_line(error, 0) from None
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    made: dict[str, Any] = {}
    # Defaults are looked up in a copy: the picker's name must not appear in the notebook.
    exec(code, {**names, _PICK: cellresults.pick}, made)
    function = made[name]
    result = types.FunctionType(function.__code__, names, name, function.__defaults__)
    result.__kwdefaults__ = function.__kwdefaults__
    result.__module__ = "__main__"
    return result
