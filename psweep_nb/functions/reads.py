"""The names that code reads and binds, from its instructions. Used by `walk`."""

import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

_NAMES = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "LOAD_DEREF": "closure",
    "LOAD_CLASSDEREF": "closure",
    "LOAD_FROM_DICT_OR_DEREF": "closure",
    "LOAD_FROM_DICT_OR_GLOBALS": "global",
}
_STORES = {
    "STORE_GLOBAL": "global",
    "DELETE_GLOBAL": "global",
    "STORE_DEREF": "closure",
    "DELETE_DEREF": "closure",
}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}


class Read(NamedTuple):
    """A name that code reads and the attributes it takes of it: ``mod.sub.f``."""

    scope: str  # "global", "closure" or "import"
    name: str
    attributes: tuple[str, ...]


class Reads(NamedTuple):
    """What code reads of its surroundings, and which names of these it binds anew."""

    reads: tuple[Read, ...]
    bound: frozenset[tuple[str, str]]  # scope, name


@lru_cache(maxsize=1024)
def reads_of(code: CodeType) -> Reads:
    """What a code object reads and binds outside itself, the functions in it included."""
    reads: dict[Read, None] = {}
    bound: set[tuple[str, str]] = set()
    for inner, local in _with_inner(code, frozenset()):
        steps = list(dis.get_instructions(inner))
        of_class: set[str] = set()  # names in a class's body
        for at, step in enumerate(steps):
            name, scope = str(step.argval), _NAMES.get(step.opname) or _STORES.get(step.opname)
            if step.opname == "STORE_NAME":
                of_class.add(name)
            elif step.opname == "IMPORT_NAME":
                level, names = steps[at - 2].argval, steps[at - 1].argval
                dots = "." * level if isinstance(level, int) else ""
                taken = tuple(map(str, names)) if isinstance(names, tuple) else ()
                reads[Read("import", dots + name, taken)] = None
            elif scope is None or (scope == "closure" and name in local) or name in of_class:
                continue
            elif step.opname in _STORES:
                bound.add((scope, name))
            else:
                reads[Read(scope, name, _attributes_behind(steps, at))] = None
    return Reads(tuple(reads), frozenset(bound))


def _attributes_behind(steps: list[dis.Instruction], at: int) -> tuple[str, ...]:
    found = []
    for step in steps[at + 1 :]:
        if step.opname not in _ATTRIBUTES:
            break
        found.append(str(step.argval))
    return tuple(found)


def _with_inner(
    code: CodeType, around: frozenset[str]
) -> Iterator[tuple[CodeType, frozenset[str]]]:
    """The code objects in one, each with the closure's variables that begin in it or around it."""
    local = around | frozenset(code.co_cellvars)
    yield code, local
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant, local)
