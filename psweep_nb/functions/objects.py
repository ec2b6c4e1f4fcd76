"""How code is referred to in texts: functions, classes, modules, what wraps them, and objects.

What such a thing is itself becomes a part of its own, which `walk` makes and asks this for.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import islice
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

from psweep_nb.functions.members import cells, slots
from psweep_nb.functions.values import Values, type_name
from psweep_nb.functions.whose import file_of_local, is_users
from psweep_nb.functions.workload import Workload

_WRAPPERS = (
    functools.partial,
    MethodType,
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
)
_LOOKED_AT = 100  # items of a library's container
_DEPTH = 4  # of wrappers around wrappers


class Objects:
    """Says what is code, within the values that one function reads.

    Parameters
    ----------
    label
        Gives the name of the part that a function or class of the user becomes.
    module
        The same for a module, given its name and file.
    found
        Takes what was found inside a library's object: a name for it, and its text.
    """

    def __init__(
        self,
        label: Callable[[Any], str],
        module: Callable[[str, str], str],
        found: Callable[[str, str], None],
    ) -> None:
        self._label, self._module, self._found = label, module, found
        self._values = Values(self._code)
        self.say = self._values.say
        self._users: dict[type, bool] = {}  # asked for each value of a list

    def _code(self, value: Any) -> str | None:
        kind = type(value)
        if issubclass(kind, Enum):
            return f"{self.say(kind)}.{value._name_}"
        if issubclass(kind, FunctionType | type | ModuleType | BuiltinFunctionType):
            return self._named(value)
        if issubclass(kind, _WRAPPERS):
            return self._wrapper(value)
        if issubclass(kind, functools.partialmethod):
            return self._wrapper(functools.partial(value.func, *value.args, **value.keywords))
        if issubclass(kind, Workload):
            return self._workload(value)
        if self._is_users(kind):
            return self._object(value)
        self._carried(value)
        return None

    def _named(self, value: Any) -> str:
        if isinstance(value, ModuleType):
            file = file_of_local(value)
            return self._module(value.__name__, file) if file else f"module {value.__name__}"
        if is_users(value):
            return f"<{self._label(value)}>"
        # Code of others: its name; but it may carry the user's, as decorators do.
        self._carried(value)
        owner = getattr(value, "__self__", None)
        if isinstance(value, BuiltinFunctionType) and not isinstance(owner, ModuleType | None):
            return f"{value.__qualname__} of {self.say(owner)}"
        module = value.__module__ or "builtins"
        return (
            f"<{value.__qualname__}>"
            if module == "builtins"
            else f"<{module}.{value.__qualname__}>"
        )

    def _wrapper(self, value: Any) -> str:
        if isinstance(value, functools.partial):
            given = [self.say(a) for a in value.args]
            given += [f"{name}={self.say(v)}" for name, v in value.keywords.items()]
            return f"partial({', '.join([self.say(value.func), *given])})"
        if isinstance(value, MethodType):
            return f"{self.say(value.__func__)} of {self.say(value.__self__)}"
        if isinstance(value, property):
            return f"property({', '.join(map(self.say, (value.fget, value.fset, value.fdel)))})"
        inner = value.func if isinstance(value, functools.cached_property) else value.__func__
        return f"{type(value).__name__}({self.say(inner)})"

    def _workload(self, value: Workload) -> str:
        texts, functions = value.code()
        for name, text in texts.items():
            self._found(name, text)
        return f"{type_name(value)}({', '.join(map(self.say, functions))})"

    def _object(self, value: Any) -> str:
        """An object of a class of the user: what it holds, be it a list or a table as well."""
        kind = type(value)
        held = dict(_held(value))
        inside = ", ".join(f"{k}={self.say(v)}" for k, v in held.items())
        contents = self._values.contents(value)
        if contents is None:
            return f"{self.say(kind)}({inside})"
        self._label(kind)
        return f"{contents} with {inside}" if inside else contents

    def _carried(self, value: Any, depth: int = 0) -> None:
        """Look for the user's code in what a library wrapped around it."""
        held = list(getattr(value, "__dict__", {}).values()) if not isinstance(value, type) else []
        wrapped = getattr(value, "__wrapped__", None)
        held += [wrapped] if wrapped is not None else []
        held += [v for _, v in cells(value)] if isinstance(value, FunctionType) else []
        for inner in held:
            if self._is_or_holds_code(inner):
                name = getattr(value, "__qualname__", None) or type_name(value)
                self._found(f"wrapped by {name}", self.say(inner))
            elif (inner is wrapped or issubclass(type(inner), FunctionType)) and depth < _DEPTH:
                self._carried(inner, depth + 1)

    def _is_or_holds_code(self, value: Any) -> bool:
        """Whether something in a library's object is the user's, or a container with such."""
        kind = type(value)
        if issubclass(kind, dict | MappingProxyType):
            return any(map(self._is_code, _some(value.values())))
        if issubclass(kind, list | tuple | set | frozenset):
            return any(map(self._is_code, _some(value)))
        return self._is_code(value)

    def _is_code(self, value: Any) -> bool:
        kind = type(value)
        if issubclass(kind, FunctionType):
            return is_users(value)
        if issubclass(kind, type):
            return self._is_users(value)
        if issubclass(kind, functools.partial):
            return any(map(self._is_code, (value.func, *value.args, *value.keywords.values())))
        if issubclass(kind, MethodType):
            return self._is_code(value.__func__) or self._is_code(value.__self__)
        return self._is_users(kind)

    def _is_users(self, kind: type) -> bool:
        if kind not in self._users:
            self._users[kind] = is_users(kind)
        return self._users[kind]


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds in its `__dict__` and slots; not what a cached property has kept."""
    kind = type(value)
    inside = getattr(value, "__dict__", {})
    hidden = _is_table(kind)
    for name, item in inside.items():
        kept = isinstance(getattr(kind, name, None), functools.cached_property)
        if not kept and not (hidden and name.startswith("_")):
            yield name, item
    for each in kind.__mro__:
        for name in slots(each):
            if name not in inside and name not in ("__dict__", "__weakref__"):
                yield name, getattr(value, name, None)
    if issubclass(kind, BaseException):
        yield "args", value.args


def _is_table(kind: type) -> bool:
    """Of pandas, which keeps its own things, caches among them, in a table's `__dict__`."""
    return any(each.__module__.startswith("pandas.") for each in kind.__mro__)


def _some(items: Iterable[Any]) -> list[Any]:
    return list(islice(items, _LOOKED_AT))
