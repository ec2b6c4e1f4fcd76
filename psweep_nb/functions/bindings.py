"""Whether a statement made the value that a name has now, or would make it again.

Asked by `needed`. Nothing of the user's is called: literals and arithmetic are computed again and
compared, functions by their code; of all else it is only told whether it can be relied on.
"""

import __future__

import ast
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from psweep_nb.functions.edited import same_code
from psweep_nb.functions.members import cells, functions_in
from psweep_nb.functions.statements import DEFINITIONS, IMPORTS, Statement

PLAIN = (int, float, complex, str, bytes, bool, type(None))
_ARITHMETIC = (
    ast.Expression,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.keyword,
    ast.Constant,
    ast.Name,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.JoinedStr,
    ast.FormattedValue,
)
# Calls into these give the same each time, but for the names below.
_SAME_EACH_TIME = {
    "builtins", "cmath", "collections", "datetime", "decimal", "fractions", "functools",
    "itertools", "math", "numpy", "operator", "pandas", "pathlib", "psweep_nb", "re", "scipy",
    "statistics", "string",
}  # fmt: skip
_OTHER_EACH_TIME = {
    "cwd", "default_rng", "exists", "fromfile", "genfromtxt", "getcwd", "glob", "globals", "home",
    "id", "input", "iterdir", "load", "loadtxt", "locals", "memmap", "now", "open", "random",
    "read_bytes", "read_csv", "read_excel", "read_parquet", "read_pickle", "read_text", "stat",
    "today", "utcnow", "vars",
}  # fmt: skip


class Unknown(Exception):
    """An expression is not computed here."""


def made(statement: Statement, name: str, value: Any, names: Mapping[str, Any]) -> bool | None:
    """Whether a statement gives a name this value; None where that cannot be told.

    Parameters
    ----------
    statement : Statement
        One that binds the name.
    name, value
        The variable as it is now.
    names : mapping
        All names of the notebook.
    """
    node = statement.node
    try:
        if isinstance(node, IMPORTS):
            return _imported(node, name, value)
        if isinstance(node, ast.ClassDef):
            return _class(statement, node, value)
        if isinstance(node, DEFINITIONS):
            return _function(statement, node, value, names)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return _assigned(statement, node, name, value, names)
    except Exception:  # whatever a user's object raises when it is looked at
        return None
    return None


def _imported(node: ast.Import | ast.ImportFrom, name: str, value: Any) -> bool:
    return any(alias.is_value(value) for alias in imports_of(node) if alias.binds == name)


class Imported:
    """One name that an import statement binds."""

    def __init__(self, module: str, name: str, alias: str | None) -> None:
        self.module, self.name, self.alias = module, name, alias

    @property
    def binds(self) -> str:
        """The variable."""
        return self.alias or self.name or self.module.partition(".")[0]

    def is_value(self, value: Any) -> bool:
        """Whether it is bound to this value."""
        wanted = self.module if self.name or self.alias else self.module.partition(".")[0]
        found: Any = sys.modules.get(wanted)
        if self.name:
            submodule = sys.modules.get(f"{self.module}.{self.name}")
            found = getattr(found, self.name, submodule)
        if found is value:
            return True
        # A module that was loaded anew has other objects of the same names, or equal ones.
        if isinstance(value, PLAIN):
            return type(found) is type(value) and bool(found == value)
        same = isinstance(value, FunctionType | type) and type(found) is type(value)
        return same and _full_name(found) == _full_name(value)


def _full_name(value: Any) -> tuple[str, str]:
    return value.__module__, value.__qualname__


def imports_of(node: ast.stmt) -> list[Imported]:
    """What an import statement binds; nothing of ``*``, whose names it does not say."""
    if isinstance(node, ast.Import):
        return [Imported(alias.name, "", alias.asname) for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [
            Imported(node.module, alias.name, alias.asname)
            for alias in node.names
            if alias.name != "*"
        ]
    return []


# -- functions and classes -------------------------------------------------------------------


def _function(
    statement: Statement, node: ast.stmt, value: Any, names: Mapping[str, Any]
) -> bool | None:
    wanted = str(getattr(node, "name", ""))
    for func in unwrapped(value):
        if _is_code(statement, func.__code__, wanted):
            return _defaults_are(node, func, names)
    # What a decorator has made of it may be anything.
    return None if getattr(node, "decorator_list", ()) else False


def unwrapped(value: Any) -> Iterator[FunctionType]:
    """The functions that a function, a partial, a decorated or a callable object is made of."""
    seen: set[int] = set()
    waiting = [value]
    while waiting and len(seen) < 100:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, functools.partial):
            waiting.append(found.func)
        elif inspect.ismethod(found):
            waiting.append(found.__func__)
        elif isinstance(found, FunctionType):
            yield found
            waiting += [value for _, value in cells(found)]
        if not isinstance(found, type | ModuleType | BuiltinFunctionType):
            inner = getattr(type(found), "__wrapped__", None) or vars_of(found).get("__wrapped__")
            waiting.append(inner)


def vars_of(value: Any) -> dict[str, Any]:
    """The attributes of an object, if it has any."""
    found = getattr(value, "__dict__", None)
    return found if isinstance(found, dict) else {}


def holds_code(statement: Statement, code: CodeType) -> bool:
    """Whether a function's code is in a statement, as it is or in another function."""
    return _is_code(statement, code, code.co_name)


def _is_code(statement: Statement, code: CodeType, name: str) -> bool:
    return any(same_code(code, other) for other in _codes_named(statement, code, name))


def _codes_named(statement: Statement, like: CodeType, name: str) -> Iterator[CodeType]:
    whole = statement.code
    future = like.co_flags & __future__.annotations.compiler_flag
    if future:  # `from __future__ import annotations` in one cell counts in all later ones
        whole = compile(
            ast.Module([statement.node], []), "<statement>", "exec", future, dont_inherit=True
        )
    waiting = [whole]
    while waiting:
        for inner in waiting.pop().co_consts:
            if isinstance(inner, CodeType):
                waiting.append(inner)
                if inner.co_name == name:
                    yield inner


def _defaults_are(node: ast.stmt, func: FunctionType, names: Mapping[str, Any]) -> bool | None:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return True
    pairs = list(zip(arguments.defaults, func.__defaults__ or (), strict=False))
    keywords = func.__kwdefaults__ or {}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None and argument.arg in keywords:
            pairs.append((default, keywords[argument.arg]))
    return all(_gives(expression, value, names) is not False for expression, value in pairs)


def _class(statement: Statement, node: ast.ClassDef, value: Any) -> bool | None:
    if not isinstance(value, type):
        return None
    if value.__name__ != node.name:
        return False
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and not part.decorator_list:
            there = functions_in(vars(value).get(part.name))
            if not any(_is_code(statement, func.__code__, part.name) for func in there):
                return False
    return True


# -- values ----------------------------------------------------------------------------------


def _assigned(
    statement: Statement,
    node: ast.Assign | ast.AnnAssign,
    name: str,
    value: Any,
    names: Mapping[str, Any],
) -> bool | None:
    assert node.value is not None
    if isinstance(node.value, ast.Lambda):
        if not isinstance(value, FunctionType):
            return False
        if not _is_code(statement, value.__code__, "<lambda>"):
            return False
        return True if not value.__defaults__ else None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Name) and target.id == name:
            return _gives(node.value, value, names)
        if isinstance(target, ast.Tuple | ast.List) and isinstance(node.value, ast.Tuple):
            for part, expression in zip(target.elts, node.value.elts, strict=False):
                if isinstance(part, ast.Name) and part.id == name:
                    return _gives(expression, value, names)
    return None


def _gives(expression: ast.expr, value: Any, names: Mapping[str, Any]) -> bool | None:
    """Whether an expression is computed to this value; None where it is not computed here."""
    from psweep_nb.literals import CannotWrite, Writer

    try:
        found = _computed(expression, names)
        return Writer().text(found) == Writer().text(value)
    except (Unknown, CannotWrite):
        return None
    except Exception:  # 1 / 0: it did not come from here
        return False


def _computed(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    read = {}
    for node in ast.walk(expression):
        if not isinstance(node, _ARITHMETIC):
            raise Unknown
        if isinstance(node, ast.Name):
            read[node.id] = _plain(names, node.id)
    code = compile(ast.Expression(expression), "<arithmetic>", "eval", dont_inherit=True)
    return eval(code, {"__builtins__": {}}, read)


def _plain(names: Mapping[str, Any], name: str) -> Any:
    value = names.get(name, Unknown)
    if type(value) not in PLAIN:
        raise Unknown
    return value


def is_reliable(statement: Statement, names: Mapping[str, Any]) -> bool:
    """Whether a statement gives the same each time it is executed, as far as can be told.

    What calls functions of the user, reads files, draws random numbers or asks for the time is
    not relied on.
    """
    return all(
        _is_reliable_call(node.func, names)
        for node in ast.walk(statement.node)
        if isinstance(node, ast.Call)
    )


def _is_reliable_call(func: ast.expr, names: Mapping[str, Any]) -> bool:
    steps: list[str] = []
    while isinstance(func, ast.Attribute):
        steps.insert(0, func.attr)
        func = func.value
    if not _OTHER_EACH_TIME.isdisjoint(steps):
        return False
    if not isinstance(func, ast.Name):
        return True  # what it is called on is looked at by itself
    if func.id in _OTHER_EACH_TIME:
        return False
    if func.id not in names:
        return True  # a builtin
    value = names[func.id]
    if isinstance(value, type):
        return True  # an object of this class
    module = value.__name__ if isinstance(value, ModuleType) else None
    module = module or getattr(value, "__module__", None) or type(value).__module__
    return module.partition(".")[0] in _SAME_EACH_TIME and ".random" not in module


def is_used_up(value: Any) -> bool:
    """Whether a value is a state of this process, which no statement makes again: an open file."""
    import io
    from types import GeneratorType

    return isinstance(value, io.IOBase | GeneratorType)
