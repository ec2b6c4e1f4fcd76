"""What a class of the user is made of. Used by `walk`."""

import inspect
import sys
from dataclasses import dataclass
from enum import Enum
from types import FunctionType
from typing import Any

from psweep_nb.functions.members import NO_MEMBERS, functions_in
from psweep_nb.functions.normal import Source, source_at
from psweep_nb.functions.whose import is_users


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
        members = {k: v for k, v in vars(value).items() if k not in NO_MEMBERS}
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
        return found

    def holds(self, func: FunctionType, name: str) -> bool:
        """Whether the text of a member's function is in the class's text."""
        if self.source is None or not is_users(func):
            return False
        made = func.__code__.co_filename == "<string>"  # as `dataclass` does
        path = func.__qualname__ if made else func.__code__.co_qualname
        return path.rpartition(".")[0] == self.cls.__qualname__

    def is_value(self, name: str) -> bool:
        """Whether a member is a value that the text does not tell."""
        value = self.members[name]
        if functions_in(value) or issubclass(self.cls, Enum):
            return False
        if inspect.isdatadescriptor(value) and not is_users(type(value)):
            return isinstance(value, property)  # not slots
        return True


def _source(cls: type, functions: list[Any], module: Any) -> Source | None:
    """A class knows its module's file; one of a cell is found through its methods."""
    files = dict.fromkeys(f.__code__.co_filename for f in functions)
    if module is not None and isinstance(vars(module).get("__file__"), str):
        files[str(module.__file__)] = None
    line = vars(cls).get("__firstlineno__", 0)  # from Python 3.13 on
    for file in files:
        source = source_at(file, cls.__qualname__, line)
        if source is not None:
            return source
    return None
