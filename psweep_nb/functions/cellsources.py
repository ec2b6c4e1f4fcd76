"""The text of notebook cells that a function is made of, kept with a run for its tracebacks."""

import linecache
import os
from collections.abc import Callable, Collection
from types import CodeType, FunctionType
from typing import Any

from psweep_nb.functions.members import cells


def cell_sources(func: Callable[..., Any]) -> dict[str, str]:
    """Return the source of notebook cells the function and its helpers are in.

    No file has them, so a traceback in another process could not show their lines.
    """
    sources: dict[str, str] = {}
    seen: set[int] = set()
    waiting: list[object] = [func]
    while waiting:
        found = waiting.pop()
        found = getattr(found, "__func__", found)
        found = getattr(found, "func", found)  # a partial
        if not isinstance(found, FunctionType) or id(found) in seen:
            continue
        seen.add(id(found))
        name = found.__code__.co_filename
        if name not in sources and not os.path.exists(name):
            sources[name] = "".join(linecache.getlines(name))
        waiting += [found.__globals__.get(n) for n in _names_in(found.__code__)]
        waiting += [value for _, value in cells(found)]
    return {name: text for name, text in sources.items() if text}


def _names_in(code: CodeType) -> Collection[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(_names_in(constant))
    return names
