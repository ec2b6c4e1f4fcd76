"""Code as text that says what it does and nothing else.

Blind to comments, formatting, docstrings and to the file or cell it stands in. Used by `walk`.
"""

import ast
import copy
import linecache
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

from psweep_nb.functions.changes import Change, changes_in
from psweep_nb.functions.values import plain

_BLOCKS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
_NEWLOCALS = 0x2  # co_flags of functions, which classes and modules do not have
_HAS_DOCSTRING = 0x4000000  # co_flags, from Python 3.14 on
# *args, **kwargs, and what makes generators and coroutines
_KINDS = 0x4 | 0x8 | 0x20 | 0x80 | 0x200
# In a qualified name; those of comprehensions are gone with Python 3.12.
BETWEEN = re.compile("<(locals|listcomp|setcomp|dictcomp|genexpr)>[.]")


class Source(NamedTuple):
    """A function or class as found in its file or cell."""

    text: str
    defaults: dict[str, str]  # of parameters, as written
    outside: tuple[tuple[str, ...], ...]  # names in decorators, with their attributes
    changes: tuple[Change, ...]  # what it may write to, its own variables included


def source_at(file: str, name: str, line: int) -> Source | None:
    """The function, lambda or class of that qualified name; None where it cannot be told.

    Parameters
    ----------
    file
        A path, or the name of a cell in `linecache`.
    name
        ``co_qualname`` or ``__qualname__``.
    line
        Where it begins, its decorators included; 0 for a class, which does not know.
    """
    linecache.checkcache(file)
    return _source_in("".join(linecache.getlines(file)), BETWEEN.sub("", name), line)


def module_source(file: str) -> tuple[str, tuple[tuple[str, int, tuple[str, ...]], ...]]:
    """A whole module's text, and its imports: module, level, names."""
    linecache.checkcache(file)
    return _module_in("".join(linecache.getlines(file)))


@lru_cache(maxsize=64)
def _tree(text: str) -> ast.Module:
    """The syntax tree of a file or cell (which may `await` at its top), docstrings taken out."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(text, "<source>", "exec", flags, dont_inherit=True)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *_BLOCKS)) and _has_docstring(node):
            node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]
    return tree


def _has_docstring(
    node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


@lru_cache(maxsize=64)
def _definitions(text: str) -> dict[str, list[ast.AST]]:
    """What a file defines, by qualified name as code objects have it."""
    found: dict[str, list[ast.AST]] = {}
    stack: list[tuple[ast.AST, str]] = [(_tree(text), "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            below = prefix
            if isinstance(child, (*_BLOCKS, ast.Lambda)):
                name = prefix + getattr(child, "name", "<lambda>")
                found.setdefault(name, []).append(child)
                below = name + "."
            stack.append((child, below))
    return found


@lru_cache(maxsize=512)
def _source_in(text: str, name: str, line: int) -> Source | None:
    try:
        return _source_of(_definitions(text).get(name, []), name, line)
    except (SyntaxError, ValueError, RecursionError):
        return None  # such as a sum of 1000 terms


def _source_of(named: list[ast.AST], name: str, line: int) -> Source | None:
    there = [node for node in named if line and _first_line(node) == line]
    # One file edited after its import has moved: the only one of that name is it.
    nodes = there or (named if name.rpartition(".")[2] != "<lambda>" else [])
    if len(nodes) != 1:
        return None
    [node] = nodes
    return Source(_text(node), _defaults(node), _decorated_by(node), changes_in(node))


def _first_line(node: Any) -> int:
    lines = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
    return int(min(lines))


def _defaults(node: Any) -> dict[str, str]:
    if isinstance(node, ast.ClassDef):
        assigned = (s for s in node.body if isinstance(s, ast.Assign) and len(s.targets) == 1)
        return {_text(s.targets[0]): _text(s.value) for s in assigned}
    given = node.args
    names = [a.arg for a in given.posonlyargs + given.args][-len(given.defaults) or None :]
    pairs = [*zip(names, given.defaults, strict=False)] if given.defaults else []
    pairs += zip((a.arg for a in given.kwonlyargs), given.kw_defaults, strict=True)
    return {name: _text(value) for name, value in pairs if value is not None}


def _text(node: ast.AST) -> str:
    """A node as Python writes it, in every version alike."""
    if any(isinstance(part, ast.JoinedStr) for part in ast.walk(node)):
        node = _FStrings().visit(copy.deepcopy(node))
    return ast.unparse(node)


class _FStrings(ast.NodeTransformer):
    """Puts a text in the place of each f-string: Python 3.12 took to other quotes in them."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Name:
        self.generic_visit(node)
        return ast.Name(f"f'{_in_f_string(node.values)}'", ast.Load())


def _in_f_string(values: list[ast.expr]) -> str:
    text = ""
    for part in values:
        if isinstance(part, ast.FormattedValue):
            value = ast.unparse(part.value)
            kind = f"!{chr(part.conversion)}" if part.conversion > 0 else ""
            # A format became a text, too, when the f-string around it was visited.
            form = ast.unparse(part.format_spec)[2:-1] if part.format_spec else ""
            text += "{" + " " * value.startswith("{") + value + kind + (form and ":" + form) + "}"
        elif isinstance(part, ast.Constant):
            text += repr(part.value)[1:-1].replace("{", "{{").replace("}", "}}")
    return text


def _decorated_by(node: Any) -> tuple[tuple[str, ...], ...]:
    inner = [n for n in ast.walk(node) if isinstance(n, _BLOCKS)]
    written = [part for n in inner for part in n.decorator_list]
    return tuple(dict.fromkeys(chain for part in written for chain in _chains(part)))


def _chains(expression: ast.AST) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(expression):
        steps: list[str] = []
        while isinstance(node, ast.Attribute):
            steps.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            yield (node.id, *steps)


@lru_cache(maxsize=64)
def _module_in(text: str) -> tuple[str, tuple[tuple[str, int, tuple[str, ...]], ...]]:
    try:
        tree = _tree(text)
        imports: list[tuple[str, int, tuple[str, ...]]] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imports += [(alias.name, 0, ()) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = tuple(alias.name for alias in node.names)
                imports.append((node.module or "", node.level, names))
        return _text(tree), tuple(imports)
    except (SyntaxError, ValueError, RecursionError):
        return text, ()


def text_of_code(code: CodeType) -> str:
    """A code object in words, where there is no source: what it computes, not where it stands."""
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    kinds = code.co_posonlyargcount, code.co_argcount, code.co_flags & _KINDS
    lines = [
        f"code of {code.co_name}({', '.join(arguments)}) {kinds}",
        f"names: {', '.join((*code.co_names, *code.co_freevars))}",
        f"variables: {', '.join(code.co_varnames)}",
        f"instructions: {code.co_code.hex()}, {code.co_exceptiontable.hex()}",
        "constants:",
    ]
    for constant in _constants(code):
        shown = text_of_code(constant) if isinstance(constant, CodeType) else _constant(constant)
        lines += ["  " + line for line in shown.splitlines() or [""]]
    return "\n".join(lines)


def _constants(code: CodeType) -> tuple[Any, ...]:
    found = code.co_consts
    if sys.version_info >= (3, 14):
        has = bool(code.co_flags & _HAS_DOCSTRING)
    else:  # then a function's first constant is its docstring or None
        a_function = code.co_flags & _NEWLOCALS and not code.co_name.startswith("<")
        has = bool(a_function and found and isinstance(found[0], str))
    return (None, *found[1:]) if has else found


def _constant(value: Any) -> str:
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(_constant, value))) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_constant, value)) + ")"
    return plain(value)
