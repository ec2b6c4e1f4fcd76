"""Which installed packages a function's own code imports: for the record of a run.

Followed are the user's functions, classes and modules, as in `identity`; what a package imports in
its turn is its own affair. Used by `provenance`.
"""

import functools
import sys
from collections.abc import Callable
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any

from psweep_nb.functions.members import cells, functions_in
from psweep_nb.functions.normal import module_source
from psweep_nb.functions.reads import reads_of
from psweep_nb.functions.whose import absolute, dots, file_of_local, find_local, is_users

_ITEMS = 100  # of a container that are looked at


def imported_by(*functions: Callable[..., Any] | None) -> list[str]:
    """Return the names of the packages, as in ``import NAME``; never raises.

    Neither the standard library's modules nor the user's own, which are part of the code.

    Examples
    --------
    >>> import numpy as np
    >>> def f(a):
    ...     import json
    ...     return {"root": np.sqrt(a)}
    >>> imported_by(f)
    ['numpy']
    """
    walk = _Walk()
    for func in functions:
        if func is not None:
            walk.follow(func)
    return sorted(walk.packages)


class _Walk:
    def __init__(self) -> None:
        self.packages: set[str] = set()
        self._seen: set[int] = set()
        self._files: set[str] = set()
        self._kept: list[object] = []  # while it is known by its id

    def follow(self, func: Any) -> None:
        waiting = [func]
        while waiting:
            value = waiting.pop()
            if id(value) in self._seen:
                continue
            self._seen.add(id(value))
            self._kept.append(value)
            try:
                waiting += self._behind(value)
            except Exception:  # nothing odd in a function may stop a run
                continue

    def _behind(self, value: Any) -> list[Any]:
        """Note what a value is made of; return what is to be followed from there."""
        if isinstance(value, functools.partial):
            return [value.func, *value.args, *value.keywords.values()]
        if isinstance(value, MethodType):
            return [value.__func__, value.__self__]
        if isinstance(value, dict | list | tuple):  # a table of functions, say
            return list(islice(value.values() if isinstance(value, dict) else value, _ITEMS))
        if isinstance(value, ModuleType):
            self._module(value.__name__, file_of_local(value))
        elif isinstance(value, FunctionType | type) and is_users(value):
            return self._function(value) if isinstance(value, FunctionType) else _members(value)
        elif isinstance(value, FunctionType | type) or callable(value):
            found = [value.__wrapped__] if hasattr(value, "__wrapped__") else []
            self._module(getattr(value, "__module__", None) or type(value).__module__)
            return found if isinstance(value, FunctionType | type) else [*found, type(value)]
        else:
            return [type(value)]
        return []

    def _function(self, func: FunctionType) -> list[Any]:
        space, inside = func.__globals__, dict(cells(func))
        found = [*inside.values(), getattr(func, "__wrapped__", None)]
        for read in reads_of(func.__code__).reads:
            if read.scope == "import":
                package = str(space.get("__package__") or space.get("__name__") or "")
                self._import(read.name.lstrip("."), dots(read.name), package, read.attributes)
            elif read.name not in inside and read.name in space:
                value = space[read.name]
                found.append(value)
                if isinstance(value, ModuleType) and file_of_local(value) and read.attributes:
                    found.append(vars(value).get(read.attributes[0]))
        return found

    def _import(self, name: str, level: int, package: str, taken: tuple[str, ...]) -> None:
        name = absolute(name, level, package)
        for each in (name, *(f"{name}.{part}" for part in taken)):
            file = find_local(each)
            if each == name or file:
                self._module(each, file)

    def _module(self, name: str, file: str | None = None) -> None:
        top = name.partition(".")[0]
        file = file or (find_local(name) if top not in sys.stdlib_module_names else None)
        if file is None:
            if top and top not in sys.stdlib_module_names and top not in ("__main__", "psweep_nb"):
                self.packages.add(top)
        elif file not in self._files:
            self._files.add(file)
            package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
            for target, level, names in module_source(file)[1]:
                self._import(target, level, package, names)


def _members(cls: type) -> list[Any]:
    values = list(vars(cls).values())
    return [*cls.__bases__, *(func for value in values for func in functions_in(value))]
