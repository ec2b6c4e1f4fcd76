"""One search through all the code that a function reaches, which makes readable texts of it.

Functions and classes of the user in turn, breadth first, in the order in which they are read, with
the values of the variables that these read. Used by `identity`.
"""

import functools
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from psweep_nb.functions.changes import Change, really_changes
from psweep_nb.functions.classes import Class
from psweep_nb.functions.members import cells, functions_in
from psweep_nb.functions.normal import BETWEEN, Source, module_source, source_at, text_of_code
from psweep_nb.functions.objects import Objects
from psweep_nb.functions.reads import Read, reads_of
from psweep_nb.functions.values import type_name
from psweep_nb.functions.whose import absolute, dots, file_of_local, find_local, is_users

FIRST = "the function"
# Asked of `type(value)`: an object may raise when it is asked for its class.
_CODE = (FunctionType, MethodType, type, functools.partial, ModuleType, BuiltinFunctionType)
_Variable = tuple[int, str]  # the id of a namespace, function, class or cell; a name in it


class Walk:
    """One search. Its texts, by name, are `parts`."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self._say = Objects(self._label, self._module, self._found).say
        self._labels: dict[int, str] = {}
        self._numbers: dict[str, int] = {}  # how many have a name
        self._kept: list[object] = []  # while it is known by its id
        self._waiting: list[Any] = []
        self._variables: dict[str, tuple[_Variable, Any]] = {}  # by the name of their part
        self._said: set[str] = set()
        self._state: set[_Variable] = set()

    def all_of(self, func: Callable[..., Any], setup: Callable[..., Any] | None) -> None:
        """Take a function, and what makes its keyword `setup`, with all they reach."""
        text = self._say(func)
        if id(func) not in self._labels:  # a partial, a method, an object
            self.parts[FIRST] = text
        if setup is not None:
            self.parts["setup ="] = self._say(setup)
        while self._waiting or self._variables.keys() - self._said:
            while self._waiting:
                self._take(self._waiting.pop(0))
            # Later: who changes a variable may be found after who reads it.
            for name in [name for name in self._variables if name not in self._said]:
                self._said.add(name)
                self._say_variable(name)
        for name, (variable, _) in self._variables.items():
            if variable in self._state:  # found to be so only now
                self._say_variable(name)

    def _label(self, value: Any) -> str:
        """The name of a function's or class's part; it is looked into when its turn comes."""
        if id(value) not in self._labels:
            name = _full_name(value)
            number = self._numbers[name] = self._numbers.get(name, 0) + 1
            # Closures made by one factory share a name.
            self._labels[id(value)] = name if number == 1 else f"{name} ({number})"
            self._kept.append(value)
            self._waiting.append(value)
        return self._labels[id(value)]

    def _found(self, name: str, text: str) -> None:
        while self.parts.setdefault(name, text) != text:
            name += " and"

    def _take(self, value: Any) -> None:
        label = self._labels[id(value)]
        try:
            if isinstance(value, FunctionType):
                source = source_at(*_place(value))
                self.parts[label] = source.text if source else text_of_code(value.__code__)
                self._function(label, value, source)
            else:
                self._class(label, value)
        except Exception:  # nothing odd in a function may stop a run
            self.parts.setdefault(label, type_name(value))

    # -- functions ---------------------------------------------------------------------------

    def _function(self, label: str, func: FunctionType, source: Source | None) -> None:
        """All of a function but its text."""
        changes = source.changes if source else ()
        self._default_values(label, func, source.defaults if source else {}, changes)
        self._read(label, func, source.outside if source else (), changes)
        for name, value in vars(func).items():
            if name == "__wrapped__":
                self._say(value)
            else:
                self._variables[f"{label}.{name} ="] = (id(func), name), value

    def _default_values(
        self,
        label: str,
        func: FunctionType,
        written: Mapping[str, str],
        changes: tuple[Change, ...],
    ) -> None:
        code, given = func.__code__, func.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount]
        values = dict(zip(names[len(names) - len(given) :], given, strict=True))
        values.update(func.__kwdefaults__ or {})
        for name, value in values.items():
            kept = any(c.names[0] == name and really_changes(c, value) for c in changes)
            text = f"<{type_name(value)}>" if kept else self._say(value)
            if text != written.get(name):
                self.parts[f"{label}: default of {name}"] = text

    def _read(
        self,
        label: str,
        func: FunctionType,
        outside: tuple[tuple[str, ...], ...],
        changes: tuple[Change, ...],
    ) -> None:
        """What it reads of its surroundings: globals, closure, modules it imports."""
        reads, bound = reads_of(func.__code__)
        space, inside = func.__globals__, dict(cells(func))
        owners = {
            name: id(cell)
            for name, cell in zip(func.__code__.co_freevars, func.__closure__ or (), strict=False)
        }
        self._state |= {(id(space), name) for scope, name in bound if scope == "global"}
        self._state |= {(owners[name], name) for scope, name in bound if name in owners}
        in_reach = {read.name for read in reads if read.scope == "global"}
        for change in changes:
            name = change.names[0]
            if name in inside:
                self._changed(owners[name], inside, change)
            elif name in in_reach and name in space:
                self._changed(id(space), space, change)
        for read in reads:
            names = (read.name, *read.attributes)
            if read.scope == "import":
                self._import(read, str(space.get("__package__") or space.get("__name__") or ""))
            elif read.scope == "global":
                self._global(space, names)
            elif read.name in inside:
                title = f"{label}: variable {read.name}"
                self._variable((owners[read.name], read.name), names, inside[read.name], title)
        for names in outside:
            self._global(space, names)

    # -- variables ---------------------------------------------------------------------------

    def _global(self, space: dict[str, Any], names: tuple[str, ...]) -> None:
        if names[0] in space:  # else a builtin, or nothing yet
            title = _title(space, names[0])
            self._variable((id(space), names[0]), names, space[names[0]], title)

    def _variable(self, key: _Variable, names: tuple[str, ...], value: Any, title: str) -> None:
        """A variable that is read; of `mod.sub.x`, modules of the user, the variable there."""
        inside = _inside(value) if issubclass(type(value), ModuleType) else None
        if inside is not None and len(names) > 1 and names[1] in inside:
            self._global(inside, names[1:])
            return
        if issubclass(type(value), FunctionType | type) and is_users(value):
            self._label(value)
            if value.__qualname__ == key[1]:
                return  # its name says which it is
        self._variables.setdefault(title, (key, value))

    def _changed(self, owner: int, space: Mapping[str, Any], change: Change) -> None:
        """Note what is written to: a variable, or one of a module, function or class."""
        value = space[change.names[0]]
        inside = _inside(value) if len(change.names) > 1 else None
        if inside is not None:
            further = change._replace(names=change.names[1:])
            owner = id(inside) if issubclass(type(value), ModuleType) else id(value)
            if further.names[0] in inside:
                self._changed(owner, inside, further)
        elif really_changes(change, value):
            self._state.add((owner, change.names[0]))

    def _say_variable(self, name: str) -> None:
        variable, value = self._variables[name]
        if variable not in self._state or issubclass(type(value), _CODE):
            self.parts[name] = self._say(value)
        elif variable[0] in self._labels:  # of a function or class: the first call may make it
            self.parts.pop(name, None)
        else:
            self.parts[name] = f"<{type_name(value)}>"

    # -- classes -----------------------------------------------------------------------------

    def _class(self, label: str, cls: type) -> None:
        found = Class.of(cls)
        self.parts[label] = found.text
        for name, value in found.related.items():
            self.parts[f"{label}: {name}"] = self._say(value)
        for names in found.source.outside if found.source else ():
            if names[0] not in vars(cls):
                self._global(found.space, names)
        for name, value in found.members.items():
            for func in functions_in(value):
                if found.holds(func, name):  # its text is in the class's
                    self._labels.setdefault(id(func), f"{label}.{name}")
                    self._kept.append(func)
                    source = source_at(*_place(func))
                    self._function(f"{label}.{name}", func, source)
                    if source is not None:
                        self._changed_by_method(cls, value, func, source.changes)
                else:
                    self._say(func)
            if found.is_value(name):
                self._variables[f"{label}.{name} ="] = (id(cls), name), value

    def _changed_by_method(
        self, cls: type, member: Any, func: FunctionType, changes: tuple[Change, ...]
    ) -> None:
        """Variables of the class that a method changes: `self.seen.append(a)`, `cls.count += 1`."""
        for change in changes:
            inside = change._replace(names=change.names[1:])
            own = change.names[:1] == func.__code__.co_varnames[:1] and inside.names
            # An assignment to `self.x` is one to the object.
            if own and (change.item or change.method or isinstance(member, classmethod)):
                for kind in cls.__mro__:
                    if own[0] in vars(kind):
                        self._changed(id(kind), vars(kind), inside)
                        break

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


def _inside(value: Any) -> dict[str, Any] | None:
    """The names in a module, function or class of the user."""
    if issubclass(type(value), ModuleType):
        return vars(value) if file_of_local(value) else None
    if issubclass(type(value), FunctionType | type) and is_users(value):
        return dict(vars(value))
    return None


def _place(func: FunctionType) -> tuple[str, str, int]:
    code = func.__code__
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _title(space: dict[str, Any], name: str) -> str:
    module = str(space.get("__name__", "__main__"))
    return f"{name} =" if module == "__main__" else f"{module}.{name} ="


def _full_name(value: Any) -> str:
    name = value.__qualname__
    if isinstance(value, FunctionType):
        name = getattr(value.__code__, "co_qualname", name)
        module = value.__globals__.get("__name__", "__main__")
    else:
        module = value.__module__
    name = BETWEEN.sub("", name)
    return name if module == "__main__" else f"{module}.{name}"
