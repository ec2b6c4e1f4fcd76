"""A function's name, where it can be found again, and its source text.

Names are paths that lead back to the function (``f``, ``Model.energy``, the variable a partial is
bound to), because `retry` asks for what stands under that name now.
"""

import functools
import inspect
import linecache
import sys
from collections.abc import Callable
from typing import Any

from psweep_nb.functions.workload import Workload


def name_of(func: Callable[..., Any]) -> str:
    """What to call a function in messages and records; leads back to it where anything does.

    >>> name_of(len)
    'len'
    """
    return _home(func)[1]


def module_of(func: Callable[..., Any]) -> str:
    """The module in which `name_of` finds the function (``"__main__"`` for a notebook)."""
    return _home(func)[0]


def find_current(name: str, module: str) -> Callable[..., Any] | None:
    """The function of that name as it is now, in a module that is loaded; None if there is none.

    Parameters
    ----------
    name, module
        As `name_of` and `module_of` gave them.
    """
    found = _resolve(module, name)
    return found if callable(found) else None


def source_of(func: Callable[..., Any]) -> str:
    """The source text of a function; "" where there is none (built-ins, exec'ed code).

    Of a partial, a method or a callable object: that of the function or class behind it. Never
    raises.
    """
    if isinstance(func, Workload):
        return repr(func)
    import textwrap  # here, not above: workers import this module, too

    try:
        behind = _behind(func)
        try:
            text = inspect.getsource(behind)
        except (OSError, TypeError):
            text = _source_of_cell_class(behind) if isinstance(behind, type) else ""
        return textwrap.dedent(text)
    except Exception:
        # Source is a courtesy to the reader of the record: nothing odd in it may stop a run.
        return ""


def _home(func: Callable[..., Any]) -> tuple[str, str]:
    """Module and path of a function; a path that nothing leads through where it has none."""
    module, path = getattr(func, "__module__", None), getattr(func, "__qualname__", None)
    owner = getattr(func, "__self__", None)
    bound = inspect.ismethod(func) and not isinstance(owner, type)
    named = isinstance(module, str) and isinstance(path, str) and not bound
    if named and _resolve(str(module), str(path)) is func:
        return str(module), str(path)
    # A partial, a lambda, what a factory made: known by the variable that holds it.
    variable = _variable_of(func)
    if variable:
        return "__main__", variable
    if bound:
        variable = _variable_of(owner)
        method = func.__name__
        return "__main__", f"{variable or type(owner).__name__ + '()'}.{method}"
    if named:
        return str(module), str(path)
    if isinstance(func, Workload):
        return "", func.title()
    if isinstance(func, functools.partial):
        return module_of(func.func), f"partial({name_of(func.func)})"
    return type(func).__module__, f"{type(func).__name__}()"


def _resolve(module: str, path: str) -> object:
    found: object = sys.modules.get(module)
    if found is None:
        return None
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except Exception:  # a module's or object's own __getattr__ may raise anything
            return None
    return found


def _variable_of(value: object) -> str | None:
    # IPython keeps results under names with a leading underscore, too.
    main = vars(sys.modules["__main__"])
    return next((k for k, v in list(main.items()) if v is value and not k.startswith("_")), None)


def _behind(func: Any) -> Any:
    while isinstance(func, functools.partial):
        func = func.func
    if inspect.ismethod(func):
        func = func.__func__
    if isinstance(func, type) or inspect.isroutine(func):
        return func
    return getattr(func, "__wrapped__", type(func))


def _source_of_cell_class(cls: type) -> str:
    """For a class of a notebook cell inspect finds no file: its methods know their cell."""
    import ast

    for member in vars(cls).values():
        code = getattr(inspect.unwrap(member) if callable(member) else member, "__code__", None)
        if code is None:
            continue
        lines = linecache.getlines(code.co_filename)
        for node in ast.walk(ast.parse("".join(lines))):
            if (
                isinstance(node, ast.ClassDef)
                and node.name == cls.__name__
                and node.end_lineno is not None
                and node.lineno <= code.co_firstlineno <= node.end_lineno
            ):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                return "".join(lines[first - 1 : node.end_lineno])
    return ""
