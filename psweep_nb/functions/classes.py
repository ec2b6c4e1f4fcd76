"""What a class of the user is made of. Used by `walk`."""

import dataclasses
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import FunctionType
from typing import Any

from psweep_nb.functions.members import NO_MEMBERS, functions_in
from psweep_nb.functions.normal import Source, source_at
from psweep_nb.functions.whose import is_users

_MAKERS = {"collections", "dataclasses", "enum", "reprlib", "typing"}
_OF_DATACLASSES = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
_OF_FIELDS = (
    "default",
    "default_factory",
    "init",
    "repr",
    "hash",
    "compare",
    "metadata",
    "kw_only",
)


@dataclass(frozen=True)
class Class:
    """A class of the user, and its source where that can be found.

    Attributes
    ----------
    members
        What counts of its own namespace.
    space
        The global names of the code in it.
    """

    cls: type
    source: Source | None
    members: dict[str, Any]
    space: dict[str, Any]

    @classmethod
    def of(cls, value: type) -> "Class":
        """Look into a class."""
        members = {
            name: member
            for name, member in vars(value).items()
            if name not in NO_MEMBERS and not _made_by_python(value, name, member)
        }
        functions = [f for v in members.values() for f in functions_in(v) if is_users(f)]
        module = sys.modules.get(value.__module__)
        space = functions[0].__globals__ if functions else vars(module) if module else {}
        return cls(value, _source(value, functions, module), members, space)

    @property
    def text(self) -> str:
        """Its source; else what it consists of."""
        if self.source is not None:
            return self.source.text
        return f"class {self.cls.__qualname__}: {', '.join(self.members)}"

    @property
    def related(self) -> dict[str, Any]:
        """Its bases, its metaclass where that is the user's, and the values of an enum."""
        found: dict[str, Any] = {"bases": list(self.cls.__bases__)}
        if is_users(type(self.cls)):
            found["metaclass"] = type(self.cls)
        if issubclass(self.cls, Enum):
            found["values"] = [(k, v.value) for k, v in self.cls.__members__.items()]
        if "__dataclass_params__" in vars(self.cls):
            params = vars(self.cls)["__dataclass_params__"]
            found["dataclass"] = [name for name in _OF_DATACLASSES if getattr(params, name)]
            found["fields"] = list(_fields(self.cls))
        return found

    def holds(self, func: FunctionType, name: str) -> bool:
        """Whether the text of a member's function is in the class's text."""
        if self.source is None or not is_users(func):
            return False
        return func.__code__.co_qualname.rpartition(".")[0] == self.cls.__qualname__

    def is_value(self, name: str) -> bool:
        """Whether a member is a value that the text does not tell."""
        value = self.members[name]
        if functions_in(value) or issubclass(self.cls, Enum):
            return False
        if inspect.isdatadescriptor(value) and not is_users(type(value)):
            return isinstance(value, property)  # not slots
        return True


def _made_by_python(cls: type, name: str, member: Any) -> bool:
    """Whether a member only follows from what is told of its class: each Python makes its own."""
    functions = functions_in(member)
    if functions:
        return all(map(_is_made, functions))
    if issubclass(cls, Enum):
        return name.startswith("_") and name.endswith("_") and not name.startswith("__")
    return name == "__hash__" and member is None and "__dataclass_params__" in vars(cls)


def _is_made(func: FunctionType) -> bool:
    if func.__code__.co_filename == "<string>":  # as all of a program given on the command line
        in_dataclass = func.__code__.co_qualname.startswith("__create_fn__.")
        return in_dataclass or str(func.__globals__.get("__name__")).startswith("namedtuple_")
    return func.__globals__.get("__name__") in _MAKERS


def _fields(cls: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of a dataclass in their order, each with what is unusual of it."""
    usual = dataclasses.field(kw_only=False)
    in_objects = {field.name for field in dataclasses.fields(cls)}
    for name, field in vars(cls)["__dataclass_fields__"].items():
        # Others are variables of the class, where they count by the values they have.
        asked = _OF_FIELDS if name in in_objects else ()
        told = {each: getattr(field, each) for each in asked}
        yield (
            name,
            {each: value for each, value in told.items() if value is not getattr(usual, each)},
        )


def _source(cls: type, functions: list[Any], module: Any) -> Source | None:
    """A class knows its module's file; one of a cell is found through its methods.

    So is one of a script, which is not to look like other code than the notebook it came from.
    """
    files = dict.fromkeys(f.__code__.co_filename for f in functions)
    named = module is not None and cls.__module__ != "__main__"
    if named and isinstance(vars(module).get("__file__"), str):
        files[str(module.__file__)] = None
    line = vars(cls).get("__firstlineno__", 0)  # from Python 3.13 on
    for file in files:
        source = source_at(file, cls.__qualname__, line)
        if source is not None:
            return source
    return None
