"""What a value still holds of code that a cell has given since to the same name.

A helper was edited and its cell run again, but not the cell that uses it: the run had the old code,
and a script made of the notebook's statements would have the new. Used by `search`.
"""

import functools
from collections.abc import Iterator
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any

from psweep_nb.functions.bindings import PLAIN, holds_code, made, unwrapped, vars_of
from psweep_nb.functions.members import NO_MEMBERS
from psweep_nb.functions.statements import Statement

_MOST = 200  # parts of a value that are looked at


def origins(value: Any, names: dict[str, Any]) -> Iterator[FunctionType | type]:
    """The notebook's functions and classes that a value is made of.

    Parameters
    ----------
    value
        A variable.
    names : dict
        The notebook's names.
    """
    seen: set[int] = set()
    waiting = [value]
    while waiting and len(seen) < _MOST:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, ModuleType):
            continue
        seen.add(id(found))
        for func in unwrapped(found):
            if func.__globals__ is names:
                yield func
        if isinstance(found, type):
            if found.__module__ == names.get("__name__"):
                yield found
                waiting += found.__bases__
        else:
            waiting += [type(found), *islice(_held(found), _MOST)]


def _held(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, FunctionType):
        yield from (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
    else:
        yield from vars_of(value).values()


def home_of(code: FunctionType | type) -> str:
    """The name of the notebook's definition in which a function or class is written."""
    path = code.__code__.co_qualname if isinstance(code, FunctionType) else code.__qualname__
    return path.partition(".")[0]


def is_in(statement: Statement, code: FunctionType | type, names: dict[str, Any]) -> bool:
    """Whether a function or class is what a definition makes of it.

    Parameters
    ----------
    statement : Statement
        The definition named by `home_of`, as it was executed last.
    code
        What `origins` found.
    names : dict
        The notebook's names.
    """
    home = home_of(code)
    if isinstance(code, FunctionType):
        return holds_code(statement, code.__code__)
    now = names[home]
    if code is now or code.__qualname__ != home:
        return True
    if made(statement, home, code, names) is False:
        return False
    return _plain_members(code) == _plain_members(now)


def _plain_members(value: Any) -> tuple[str, dict[str, str]]:
    """What the values and annotations in a class are, as far as they are plain."""
    members = dict(vars(value)) if isinstance(value, type) else {}
    plain = {k: repr(v) for k, v in members.items() if type(v) in PLAIN and k not in NO_MEMBERS}
    return repr(members.get("__annotations__")), plain
