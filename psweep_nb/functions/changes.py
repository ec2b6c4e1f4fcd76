"""What code writes to: such variables are state (counters, caches), not a part of what it does.

Told from the source text, then judged by what the variables hold. Used by `walk`.
"""

import ast
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence, MutableSet
from itertools import islice
from typing import Any, NamedTuple

from psweep_nb.functions.whose import is_users

# fmt: off
MUTATORS = frozenset({
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop",
    "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort", "subtract", "update",
})
# fmt: on
_CONTAINERS = (MutableMapping, MutableSequence, MutableSet)
_LOOKED_AT = 100  # items of a container


class Change(NamedTuple):
    """Something that code assigns to, or calls a method of that is named like a mutator."""

    names: tuple[str, ...]  # of a variable, and attributes
    item: bool  # of one of its items
    method: str  # "" for an assignment


def changes_in(node: ast.AST) -> tuple[Change, ...]:
    """Assignments to items and attributes, and calls of mutators, of whatever variable."""
    found: dict[Change, None] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            target: ast.AST = part
            method = ""
        elif (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in MUTATORS
        ):
            target, method = part.func.value, part.func.attr
        else:
            continue
        names: list[str] = []
        item = False
        while isinstance(target, ast.Subscript | ast.Attribute):
            if isinstance(target, ast.Subscript):
                names, item = [], True  # nothing is known of what is behind an item
            else:
                names.insert(0, target.attr)
            target = target.value
        if isinstance(target, ast.Name):
            found[Change((target.id, *names), item, method)] = None
    return tuple(found)


def really_changes(change: Change, value: Any) -> bool:
    """Whether the variable is changed, which has this value now.

    A method changes lists, dicts, sets and the like; in classes of the user, and in libraries,
    methods of the same names may do anything.
    """
    if not change.method:
        return True
    try:
        for name in change.names[1:]:
            value = vars(value)[name]
        if not change.item:
            return _mutable(value, change.method)
        items: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
        return issubclass(type(value), _CONTAINERS) and all(
            _mutable(item, change.method) for item in islice(items, _LOOKED_AT)
        )
    except Exception:  # an odd object, or one without such an attribute
        return False


def _mutable(value: Any, method: str) -> bool:
    kind = type(value)
    return issubclass(kind, _CONTAINERS) and not is_users(getattr(kind, method, None))
