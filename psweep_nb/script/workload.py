"""A ``%%psweep run`` cell, which is kept as a function, becomes one that a person would write.

Its name says nothing, and what it returns may be told only when it has run: by then the table has
the results.
"""

import ast
from collections.abc import Collection
from dataclasses import replace

from psweep_nb.functions.needed import Needed

PREFIX = "cell_"
NAME = "workload"
_PICK = "_psweep_pick"


def is_cell(needed: Needed) -> bool:
    """Whether the function is a ``%%psweep run`` cell."""
    return needed.function.startswith(PREFIX) and _number(needed) is not None


def _number(needed: Needed) -> int | None:
    for number, part in enumerate(needed.code):
        if part["names"] == [needed.function] and part["block"]:
            return number
    return None


def written_out(needed: Needed, results: Collection[str]) -> Needed:
    """The cell as a function of its own.

    Parameters
    ----------
    needed : Needed
        What the run has recorded.
    results : collection of str
        Names of the results in the table.
    """
    number = _number(needed)
    assert number is not None
    name = NAME
    while name in needed.names:
        name += "_"
    part = needed.code[number]
    code = list(needed.code)
    text = as_function(part["text"], name, results)
    code[number] = {**part, "names": [name], "text": text, "apart": True}
    return replace(needed, function=name, code=code)


def as_function(text: str, name: str, results: Collection[str]) -> str:
    """The function under another name, with results instead of a choice of them.

    Examples
    --------
    >>> text = "def cell_1(a, *, _psweep_pick=_psweep_pick):\\n    E = 2 * a\\n"
    >>> text += "    return _psweep_pick(None, locals(), ('E', 'i'))"
    >>> print(as_function(text, "workload", ["E"]))
    def workload(a):
        E = 2 * a
        return {"E": E}
    """
    tree = ast.parse(text)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = text.split("\n")
    last = function.body[-1]
    if isinstance(last, ast.Return) and last.value is not None:
        start, stop = last.lineno - 1, last.end_lineno or last.lineno
        lines[start:stop] = _returned(text, last.value, results, lines[start:stop])
    lines[function.lineno - 1] = f"def {name}({_signature(function)}):"
    return "\n".join(lines)


def _signature(function: ast.FunctionDef) -> str:
    arguments = function.args
    pairs = list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    kept = [(a, default) for a, default in pairs if a.arg != _PICK]
    arguments.kwonlyargs = [a for a, _ in kept]
    arguments.kw_defaults = [default for _, default in kept]
    return ast.unparse(arguments)


def _returned(text: str, value: ast.expr, results: Collection[str], lines: list[str]) -> list[str]:
    """The lines of the return statement, for the forms that a cell's last line is given."""
    match value:
        # return _psweep_pick(value, locals(), names)
        case ast.Call(ast.Name(id), [inner, _, listed]) if id == _PICK:
            names = [n for n in ast.literal_eval(listed) if n in results]
            if isinstance(inner, ast.Constant) and inner.value is None:
                return [_dict_of(names)]
            first, *rest = (ast.get_source_segment(text, inner) or "").split("\n")
            if names and set(results) <= set(names):  # it was printed, say
                return [f"    {first}", *rest, _dict_of(names)]
            return [f"    return {first}", *rest]
        # return x if isinstance(x, dict) else {'x': x}
        case ast.IfExp(ast.Call(ast.Name("isinstance")), ast.Name(id), ast.Dict()):
            return [_dict_of([id]) if list(results) == [id] else f"    return {id}"]
        # return dict(zip(('E', 'loss'), (E, loss)))
        case ast.Call(ast.Name("dict"), [ast.Call(ast.Name("zip"), [listed, ast.Tuple()])]):
            return [_dict_of(list(ast.literal_eval(listed)))]
    return lines


def _dict_of(names: list[str]) -> str:
    inside = ", ".join(f'"{name}": {name}' for name in names)
    flat = f"    return {{{inside}}}"
    if len(flat) <= 88:
        return flat
    return "    return {\n" + "".join(f'        "{n}": {n},\n' for n in names) + "    }"
