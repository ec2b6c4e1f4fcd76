"""Code identity: whether a function, with all the user's own code it reaches, does the same.

A hash, never part of a pset's, and the texts it is made of, from which differences are shown. What
counts: functions and classes of notebook cells and of modules that are not installed, wherever the
function reaches them, and the values they read. Asked by whoever submits or judges a run.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha1
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from psweep_nb.functions.members import NO_MEMBERS, cells, functions_in, slots
from psweep_nb.functions.normal import (
    Read,
    Source,
    module_source,
    reads_of,
    source_at,
    text_of_code,
)
from psweep_nb.functions.values import Values, type_name
from psweep_nb.functions.whose import (
    absolute,
    dots,
    file_of_local,
    find_local,
    is_users,
)

_FIRST = "the function"
# Asked of `type(value)`: an object may raise when it is asked for its class.
_CODE = (FunctionType, MethodType, type, functools.partial, ModuleType, BuiltinFunctionType)
_WRAPPERS = (
    functools.partial,
    MethodType,
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
)


@dataclass(frozen=True)
class Code:
    """What a function does, by its code.

    Attributes
    ----------
    sha1
        40 hexadecimal digits, equal for code that does the same; "" where nothing is known.
    parts
        Readable texts by name: sources without comments and docstrings, and values.
    """

    sha1: str
    parts: dict[str, str]


def code_of(func: Callable[..., Any], setup: Callable[..., Any] | None = None) -> Code:
    """The identity of a function's code.

    Blind to comments, formatting, docstrings and cell numbers; changed by any change in what the
    function, the user's helpers it reaches, or the values these read say. Of what is installed
    only the name counts. What makes the function's keyword `setup` counts as well. Never raises.

    Examples
    --------
    >>> def f(a):
    ...     return {"b": 2 * a}
    >>> before = code_of(f)
    >>> def f(a):  # as before, with a comment
    ...     return {"b": 2*a}
    >>> code_of(f) == before
    True
    >>> def f(a):
    ...     return {"b": 3 * a}
    >>> code_of(f).sha1 == before.sha1
    False
    """
    walk = _Walk()
    try:
        walk.all_of(func, setup)
    except Exception:  # nothing odd in a function may stop a run
        walk.parts.setdefault(_FIRST, type_name(func))
    return Code(_hash(walk.parts), walk.parts)


def diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What changed from one code's `parts` to another's: a unified diff for each, under its name.

    >>> print(diff({"f": "...", "scale =": "2"}, {"f": "...", "scale =": "3"}))
    --- scale =
    +++ scale =
    @@ -1 +1 @@
    -2
    +3
    """
    from difflib import unified_diff

    lines: list[str] = []
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name, "").splitlines(), new.get(name, "").splitlines()
        if before != after:
            was, now = (
                f"{name}" if p is not None else "(none)" for p in (old.get(name), new.get(name))
            )
            lines += unified_diff(before, after, was, now, lineterm="")
    return "\n".join(lines)


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Names of what is another in one code's `parts` than in another's.

    What only one of them has follows from a change in what reads it.

    >>> changed({"f": "...", "scale =": "2"}, {"f": "...", "scale =": "3", "g": "..."})
    ['scale']
    """
    differ = [name for name in new if new[name] != old.get(name)]
    return [n.removesuffix(" =") for n in differ if n in old] or differ or list(old)


def _hash(parts: Mapping[str, str]) -> str:
    digest = sha1(usedforsecurity=False)
    for name in sorted(parts):
        for text in (name, parts[name]):
            data = text.encode(errors="surrogatepass")
            digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


class _Walk:
    """One search through all that a function reaches, breadth first, in the order it reads it."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self._values = Values(self._code)
        self._labels: dict[int, str] = {}
        self._taken: set[str] = set()
        self._kept: list[object] = []  # while it is known by its id
        self._waiting: list[Any] = []
        self._globals: dict[tuple[int, str], tuple[str, Any]] = {}
        self._said: set[tuple[int, str]] = set()
        self._changed: set[tuple[int, str]] = set()

    def all_of(self, func: Callable[..., Any], setup: Callable[..., Any] | None) -> None:
        text = self._values.say(func)
        if id(func) not in self._labels:  # a partial, a method, an object
            self.parts[_FIRST] = text
        if setup is not None:
            self.parts["setup ="] = self._values.say(setup)
        while self._waiting or self._globals.keys() - self._said:
            while self._waiting:
                self._take(self._waiting.pop(0))
            # Later: who changes a variable may be found after who reads it.
            for key, (name, value) in list(self._globals.items()):
                if key not in self._said:
                    self._said.add(key)
                    self._say_global(key, name, value)
        for key in self._changed & self._said:  # found to be state only now
            self._say_global(key, *self._globals[key])

    # -- what is code ------------------------------------------------------------------------

    def _code(self, value: Any) -> str | None:
        """How code is referred to in texts; what it is itself becomes a part of its own."""
        if isinstance(value, Enum):
            return f"{self._values.say(type(value))}.{value._name_}"
        if isinstance(value, FunctionType | type | ModuleType | BuiltinFunctionType):
            return self._named(value)
        if isinstance(value, _WRAPPERS):
            return self._wrapper(value)
        if isinstance(value, functools.partialmethod):
            return self._wrapper(functools.partial(value.func, *value.args, **value.keywords))
        if is_users(type(value)):
            return self._object(value)
        return self._of_library(value)

    def _named(self, value: Any) -> str:
        if isinstance(value, ModuleType):
            file = file_of_local(value)
            return self._module(value.__name__, file) if file else f"module {value.__name__}"
        if is_users(value):
            return f"<{self._label(value)}>"
        # Code of others: its name; but it may carry the user's, as decorators do.
        self._carried(value)
        module = value.__module__ or "builtins"
        return (
            f"<{value.__qualname__}>"
            if module == "builtins"
            else f"<{module}.{value.__qualname__}>"
        )

    def _wrapper(self, value: Any) -> str:
        say = self._values.say
        if isinstance(value, functools.partial):
            given = [say(a) for a in value.args]
            given += [f"{name}={say(v)}" for name, v in value.keywords.items()]
            return f"partial({', '.join([say(value.func), *given])})"
        if isinstance(value, MethodType):
            return f"{say(value.__func__)} of {say(value.__self__)}"
        if isinstance(value, property):
            return f"property({', '.join(map(say, (value.fget, value.fset, value.fdel)))})"
        inner = value.func if isinstance(value, functools.cached_property) else value.__func__
        return f"{type(value).__name__}({say(inner)})"

    def _object(self, value: Any) -> str | None:
        if isinstance(value, dict | list | tuple | set | frozenset | int | float | str | bytes):
            self._label(type(value))
            if not getattr(value, "__dict__", None):
                return None
        held = dict(getattr(value, "__dict__", {}))
        for kind in type(value).__mro__:
            for name in slots(kind):
                if name not in held and name not in ("__dict__", "__weakref__"):
                    held[name] = getattr(value, name, None)
        inside = ", ".join(f"{k}={self._values.say(v)}" for k, v in held.items())
        return f"{self._values.say(type(value))}({inside})"

    def _of_library(self, value: Any) -> str | None:
        self._carried(value)
        return None

    def _carried(self, value: Any) -> None:
        """Look for the user's functions in what a library wrapped around them."""
        held = list(getattr(value, "__dict__", {}).values()) if not isinstance(value, type) else []
        held += [getattr(value, "__wrapped__", None)]
        held += [v for _, v in cells(value)] if isinstance(value, FunctionType) else []
        for inner in held:
            if issubclass(type(inner), (functools.partial, MethodType)) or (
                issubclass(type(inner), (FunctionType, type)) and is_users(inner)
            ):
                text, name = self._values.say(inner), f"wrapped by {type_name(value)}"
                while self.parts.setdefault(name, text) != text:
                    name += " and"

    def _label(self, value: Any) -> str:
        """The name of a function's or class's part; it is looked into when its turn comes."""
        if id(value) not in self._labels:
            name = value.__qualname__
            if isinstance(value, FunctionType):
                name = getattr(value.__code__, "co_qualname", name)
            name = _full_name(value, name.replace("<locals>.", ""))
            number, label = 1, name
            while label in self._taken:  # closures made by one factory
                number += 1
                label = f"{name} ({number})"
            self._taken.add(label)
            self._labels[id(value)] = label
            self._kept.append(value)
            self._waiting.append(value)
        return self._labels[id(value)]

    # -- looking into it ---------------------------------------------------------------------

    def _take(self, value: Any) -> None:
        label = self._labels[id(value)]
        try:
            if isinstance(value, FunctionType):
                self._function(label, value)
            else:
                self._class(label, value)
        except Exception:
            self.parts.setdefault(label, type_name(value))

    def _function(self, label: str, func: FunctionType) -> None:
        code = func.__code__
        source = source_at(code.co_filename, code.co_qualname, code.co_firstlineno)
        self.parts[label] = source.text if source else text_of_code(code)
        self._default_values(label, func, source.defaults if source else {})
        self._read(label, func, source)
        wrapped = getattr(func, "__wrapped__", None)
        if wrapped is not None:
            self._values.say(wrapped)

    def _default_values(self, label: str, func: FunctionType, written: Mapping[str, str]) -> None:
        code, given = func.__code__, func.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount]
        values = dict(zip(names[len(names) - len(given) :], given, strict=True))
        values.update(func.__kwdefaults__ or {})
        for name, value in values.items():
            text = self._values.say(value)
            if text != written.get(name):
                self.parts[f"{label}: default of {name}"] = text

    def _read(self, label: str, func: FunctionType, source: Source | None) -> None:
        """What it reads of its surroundings: globals, closure, modules it imports."""
        reads, changed = reads_of(func.__code__)
        changed = changed | source.changed if source else changed
        space = func.__globals__
        self._changed |= {(id(space), name) for name in changed}
        inside = dict(cells(func))
        for name, value in inside.items():
            if name in changed and not issubclass(type(value), _CODE):
                self.parts[f"{label}: variable {name}"] = f"<{type_name(value)}>"
        for read in reads:
            if read.scope == "import":
                self._import(read, str(space.get("__package__") or space.get("__name__") or ""))
            elif read.scope == "global" or (read.name not in inside and read.name in space):
                self._read_global(space, (read.name, *read.attributes))
            elif read.name in inside and read.name not in changed:
                names = (read.name, *read.attributes)
                names, value = _followed(inside[read.name], names)
                text = self._values.say(value)
                self.parts[f"{label}: variable {'.'.join(names)}"] = text
        for names in source.outside if source else ():
            self._read_global(space, names)

    def _read_global(self, space: dict[str, Any], names: tuple[str, ...]) -> None:
        if names[0] not in space:
            return  # a builtin, or nothing yet
        found, value = _followed(space[names[0]], names)
        if issubclass(type(value), (FunctionType, type)) and is_users(value):
            self._label(value)
            same = value.__qualname__ == found[-1]  # its name says which it is
            if same:
                return
        key = (id(space), ".".join(found))
        owner = str(space.get("__name__", "__main__"))
        name = key[1] if owner == "__main__" else f"{owner}.{key[1]}"
        self._globals.setdefault(key, (name, value))

    def _say_global(self, key: tuple[int, str], name: str, value: Any) -> None:
        state = key in self._changed and not issubclass(type(value), _CODE)
        self.parts[f"{name} ="] = f"<{type_name(value)}>" if state else self._values.say(value)

    def _class(self, label: str, cls: type) -> None:
        members = {k: v for k, v in vars(cls).items() if k not in NO_MEMBERS}
        functions = [f for v in members.values() for f in functions_in(v) if is_users(f)]
        source = _source_of_class(cls, functions)
        bases = ", ".join(map(self._values.say, cls.__bases__))
        if source is not None:
            self.parts[label] = source.text
            self.parts[f"{label}: bases"] = bases
        elif issubclass(cls, Enum):
            values = ", ".join(
                f"{k}={self._values.say(v.value)}" for k, v in cls.__members__.items()
            )
            self.parts[label] = f"enum {cls.__qualname__}({bases}): {values}"
        else:
            self.parts[label] = f"class {cls.__qualname__}({bases}): {', '.join(members)}"
        for name, value in members.items():
            if not issubclass(cls, Enum) or functions_in(value):
                self._member(label, cls, name, value, source)

    def _member(self, label: str, cls: type, name: str, value: Any, source: Source | None) -> None:
        for func in functions_in(value):
            inside = func.__qualname__.rpartition(".")[0] == cls.__qualname__
            if source is None or not inside:
                self._values.say(func)
            elif isinstance(func, FunctionType):  # its text is in the class's
                self._labels.setdefault(id(func), f"{label}.{name}")
                self._kept.append(func)
                at = source_at(
                    func.__code__.co_filename,
                    func.__code__.co_qualname,
                    func.__code__.co_firstlineno,
                )
                self._default_values(f"{label}.{name}", func, at.defaults if at else {})
                self._read(f"{label}.{name}", func, at)
        if not functions_in(value) and not inspect.isdatadescriptor(value):
            text = self._values.say(value)
            if source is None or text != source.defaults.get(name):
                self.parts[f"{label}.{name} ="] = text

    # -- modules -----------------------------------------------------------------------------

    def _import(self, read: Read, package: str) -> None:
        """A module imported inside a function: its file, whether it was loaded yet or not."""
        name = absolute(read.name.lstrip("."), dots(read.name), package)
        for each in (name, *(f"{name}.{taken}" for taken in read.attributes)):
            file = find_local(each)
            if file:
                self._module(each, file)

    def _module(self, name: str, file: str) -> str:
        label = f"module {name}"
        if label not in self.parts:
            self.parts[label], imports = module_source(file)
            package = name if file.endswith("__init__.py") else name.rpartition(".")[0]
            for target, level, names in imports:
                self._import(Read("import", "." * level + target, names), package)
        return label


def _followed(value: Any, names: tuple[str, ...]) -> tuple[tuple[str, ...], Any]:
    """Go through modules of the user: of `mod.sub.f` the function, of `config.a` the object."""
    at = 1
    while at < len(names) and issubclass(type(value), ModuleType) and file_of_local(value):
        if names[at] not in vars(value):
            break
        value = vars(value)[names[at]]
        at += 1
    return names[:at], value


def _full_name(value: Any, name: str) -> str:
    if isinstance(value, FunctionType):
        module = value.__globals__.get("__name__", "__main__")
    else:
        module = value.__module__
    return name if module == "__main__" else f"{module}.{name}"


def _source_of_class(cls: type, functions: list[Any]) -> Source | None:
    """A class knows its module's file; one of a cell is found through its methods."""
    files = dict.fromkeys(
        f.__code__.co_filename for f in functions if isinstance(f.__code__, CodeType)
    )
    module = sys.modules.get(cls.__module__)
    if module is not None and isinstance(vars(module).get("__file__"), str):
        files[str(module.__file__)] = None
    line = vars(cls).get("__firstlineno__", 0)  # from Python 3.13 on
    for file in files:
        source = source_at(file, cls.__qualname__, line)
        if source is not None:
            return source
    return None
