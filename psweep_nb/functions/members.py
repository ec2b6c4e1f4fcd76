"""What functions and classes hold: cells of a closure, members, slots."""

import functools
from collections.abc import Iterator
from types import FunctionType
from typing import Any

# fmt: off
NO_MEMBERS = frozenset({
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__",
    "__annotate__", "__annotate_func__", "__annotations_cache__", "__firstlineno__",
    "__static_attributes__", "__slots__", "__parameters__", "__orig_bases__", "__type_params__",
    "__abstractmethods__", "_abc_impl", "__dataclass_fields__", "__dataclass_params__",
    "__protocol_attrs__", "__callable_proto_members_only__", "__non_callable_proto_members__",
    "__readonly_keys__", "__mutable_keys__",
})
# fmt: on


def cells(func: FunctionType) -> Iterator[tuple[str, Any]]:
    """Names and values of a closure, as far as they were assigned."""
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or (), strict=False):
        try:
            if name != "__class__":
                yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def slots(kind: type) -> tuple[str, ...]:
    """Names of a class's own slots, as its objects have them."""
    found = vars(kind).get("__slots__", ())
    owner = kind.__name__.lstrip("_")
    return tuple(
        f"_{owner}{name}" if owner and name.startswith("__") and not name.endswith("__") else name
        for name in ((found,) if isinstance(found, str) else found)
    )


def functions_in(member: Any) -> list[Any]:
    """The functions of a class's member: of a property three, of a value none."""
    if isinstance(member, property):
        found = [member.fget, member.fset, member.fdel]
    elif isinstance(member, staticmethod | classmethod):
        found = [member.__func__]
    elif isinstance(member, functools.cached_property | functools.partialmethod):
        found = [member.func]
    else:
        found = [member, getattr(member, "__wrapped__", None) if callable(member) else None]
    return [f for f in found if isinstance(f, FunctionType)]
