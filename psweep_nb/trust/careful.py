"""An unpickler that makes harmless types only, for studies that came from somebody else.

What a pickle can do is import, call and set attributes. Here only names of an exact list are
imported, only some of those are called, with arguments that were looked at, and only instances of
listed types get a state. It stands on Python's own unpickler, not on the faster one in C, because
that one sets attributes of classes and the inner state of NumPy's dtypes without asking.
"""

import collections
import importlib
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

from psweep_nb.trust.allowed import CALLED, GUARDED, HANDED, MADE, MOVED, STATEFUL
from psweep_nb.trust.guards import refuse, zone_info

_Base: Any = pickle._Unpickler

_LISTS = (list, collections.deque)
_DICTS = (dict,)  # and the subclasses on the list
_SETS = (set,)


class CarefulUnpickler(_Base):  # type: ignore[misc]
    """`load` gives the object, or raises TrustError (a type is not listed) or anything else."""

    dispatch: dict[int, Callable[[Any], None]] = dict(_Base.dispatch)  # noqa: RUF012

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        # What may be called and made, and arrays that wait for their content, by their ids.
        self._may_call: dict[int, Callable[..., Any]] = {}
        self._may_make: dict[int, type] = {}
        self._empty: dict[int, object] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What stands under an allowed name; for some it is a guard."""
        key = f"{module}:{name}"
        key = MOVED.get(key, key)
        found = GUARDED.get(key)
        if found is None:
            if key not in CALLED and key not in MADE and key not in HANDED:
                raise refuse(f"{module}.{name}")
            module, _, name = key.partition(":")
            found = getattr(importlib.import_module(module), name)
        if key in MADE:
            self._may_make[id(found)] = found  # type: ignore[assignment]
        if key in CALLED or key in GUARDED:
            self._may_call[id(found)] = found
        return found

    def load_reduce(self) -> None:
        args = self.stack.pop()
        func = self._may_call.get(id(self.stack[-1]))
        if func is None:
            raise refuse(_name(self.stack[-1]), "is called")
        self.stack[-1] = made = func(*args)
        if func is GUARDED["numpy._core.multiarray:_reconstruct"]:
            self._empty[id(made)] = made
        elif made is zone_info:
            self._may_call[id(made)] = zone_info

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        args = self.stack.pop()
        cls = self._may_make.get(id(self.stack[-1]))
        if cls is None or args != ():
            raise refuse(_name(self.stack[-1]), "is made in an unusual way")
        self.stack[-1] = cls.__new__(cls)  # type: ignore[call-overload]

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self) -> None:
        state, inst = self.stack[-1], self.stack[-2]
        cls = type(inst)
        # NumPy has a class for each kind of dtype.
        is_dtype = cls.__module__ == "numpy.dtypes"
        check = STATEFUL.get("numpy:dtype" if is_dtype else f"{cls.__module__}:{cls.__qualname__}")
        if check is None:
            raise refuse(_name(inst), "is given a state")
        if cls.__name__ == "ndarray" and self._empty.pop(id(inst), None) is None:
            # A second state would free memory that others look into.
            raise refuse("numpy.ndarray", "is given a second state")
        check(inst, state)
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build

    def _into(self, container: Any, types: tuple[type, ...]) -> None:
        # These call methods of whatever they find.
        if not isinstance(container, types):
            raise refuse(_name(container), "is filled like a list, dict or set")

    def load_append(self) -> None:
        self._into(self.stack[-2], _LISTS)
        super().load_append()

    dispatch[pickle.APPEND[0]] = load_append

    def load_appends(self) -> None:
        self._into(self.metastack[-1][-1], _LISTS)
        super().load_appends()

    dispatch[pickle.APPENDS[0]] = load_appends

    def load_setitem(self) -> None:
        self._into(self.stack[-3], _DICTS)
        super().load_setitem()

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        self._into(self.metastack[-1][-1], _DICTS)
        super().load_setitems()

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def load_additems(self) -> None:
        self._into(self.metastack[-1][-1], _SETS)
        super().load_additems()

    dispatch[pickle.ADDITEMS[0]] = load_additems

    def _refused(self) -> None:
        raise refuse("an old or rare instruction of pickle", "is used")

    for _code in (
        *(pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.PERSID, pickle.BINPERSID),
        *(pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
    ):
        dispatch[_code[0]] = _refused
    del _code


def _name(value: Any) -> str:
    cls = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    return f"{cls.__module__}.{cls.__qualname__}"
