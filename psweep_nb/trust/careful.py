"""Makes harmless types only, from pickles of studies that came from somebody else.

A pickle imports, calls and sets attributes as it likes. So it is read twice: first by Python's
unpickler in C, where every name stands for a dummy that only notes what would be called with
what; then the dummies become objects, if their names are on the list and guards agree with the
arguments. Nothing of the pickle runs before that.
"""

import collections
import functools
import importlib
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

from psweep_nb.trust.allowed import CALLED, GUARDED, HANDED, MADE, MOVED, STATEFUL
from psweep_nb.trust.guards import decode_text, refuse, split_text, zone_info

_ATOMS = frozenset([type(None), bool, int, float, str, bytes, bytearray])
# Functions of classes: pickles ask getattr for them, and may have no others.
_METHODS: dict[tuple[str, str], Callable[..., Any]] = {
    ("zoneinfo:ZoneInfo", "_unpickle"): zone_info,
    ("builtins:str", "split"): split_text,  # columns of texts, see frames/dump.py
    ("builtins:bytes", "decode"): decode_text,
}


def load_carefully(file: BinaryIO) -> object:
    """The object in `file`; TrustError names a type that is not on the list.

    Raises any other error for a file that is no pickle.
    """
    unpickler = _Unpickler(file)
    raw = unpickler.load()
    return _Realisation().of(raw) if unpickler.has_names else raw


class _Unpickler(pickle.Unpickler):
    has_names = False

    def find_class(self, module: str, name: str, /) -> Any:
        self.has_names = True
        return _dummy_for(module, name)


class _Immutable(type):
    # Pickles may set attributes of classes; the dummies are shared by all of them.
    def __setattr__(cls, name: str, value: object) -> None:
        raise refuse("a class", "is given attributes")


class _Dummy(metaclass=_Immutable):
    """What an unpickler believes to be an instance."""

    __slots__ = ("args", "pairs", "state", "values")
    key: ClassVar[str] = ""

    def __new__(cls, *args: Any) -> Any:
        if cls.key == "builtins:getattr":
            return _method(*args)
        self = super().__new__(cls)
        self.args = args
        self.state = None
        self.values = None
        self.pairs = None
        return self

    args: tuple[Any, ...]
    state: Any
    values: list[Any] | None
    pairs: list[tuple[Any, Any]] | None

    def __setstate__(self, state: Any) -> None:
        if self.state is not None:
            # NumPy would free memory that others look into.
            raise refuse(_readable(self.key), "is given two states")
        self.state = state

    def extend(self, values: Any) -> None:
        self.values = [*(self.values or ()), *values]

    def append(self, value: Any) -> None:
        self.extend([value])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs = self.pairs or []
        self.pairs.append((key, value))


@functools.cache
def _dummy_class(key: str) -> type[_Dummy]:
    made: Any = _Immutable(key, (_Dummy,), {"__slots__": (), "key": key})
    cls: type[_Dummy] = made
    return cls


@functools.lru_cache(maxsize=1000)
def _dummy_for(module: str, name: str) -> type[_Dummy]:
    key = f"{module}:{name}"
    key = MOVED.get(key, key)
    if key not in GUARDED and key not in CALLED and key not in MADE and key not in HANDED:
        raise refuse(_readable(key))
    return _dummy_class(key)


def _method(*args: Any) -> type[_Dummy]:
    """``getattr(ZoneInfo, "_unpickle")``, which is how time zones are pickled, and such."""
    for key, name in _METHODS:
        if args == (_dummy_class(key), name):
            return _dummy_class(f"{key}.{name}")
    raise refuse("builtins.getattr")


class _Realisation:
    """One pass over what was unpickled: dummies become objects, shared ones stay shared."""

    def __init__(self) -> None:
        # By id, with the original: an id may not be used again meanwhile.
        self._done: dict[int, tuple[object, object]] = {}

    def of(self, raw: Any) -> Any:
        """The object behind `raw`, in which lists, dicts and sets are changed in place."""
        kind = type(raw)
        if kind in _ATOMS or self._is_plain(raw, kind):
            return raw
        if id(raw) in self._done:
            return self._done[id(raw)][1]
        if isinstance(raw, _Dummy):
            return self._instance(raw)
        if isinstance(raw, _Immutable):
            return _import(raw.key)  # type: ignore[attr-defined]
        made: Any = raw
        if kind is tuple or kind is frozenset:
            made = kind(map(self.of, raw))
            self._done[id(raw)] = raw, made
            return made
        self._done[id(raw)] = raw, made
        if kind is list:
            raw[:] = list(map(self.of, raw))
        elif kind is set:
            values = list(raw)
            raw.clear()
            raw.update(map(self.of, values))
        elif kind is dict:
            pairs = list(raw.items())
            raw.clear()
            raw.update((self.of(key), self.of(value)) for key, value in pairs)
        else:
            raise refuse(f"{kind.__module__}.{kind.__qualname__}")
        return made

    def _is_plain(self, raw: Any, kind: type) -> bool:
        """Nothing to do inside: told in C, for columns of a million strings."""
        if kind is list or kind is tuple or kind is set or kind is frozenset:
            return _ATOMS.issuperset(map(type, raw))
        if kind is dict:
            plain = _ATOMS.issuperset
            return plain(map(type, raw)) and plain(map(type, raw.values()))
        return False

    def _instance(self, dummy: _Dummy) -> Any:
        args = [self.of(arg) for arg in dummy.args]
        made = _make(dummy.key, args)
        self._done[id(dummy)] = dummy, made
        if dummy.state is not None:
            _set_state(made, self.of(dummy.state))
        if dummy.values is not None:
            _need_type(made, collections.deque).extend(map(self.of, dummy.values))
        if dummy.pairs is not None:
            target = _need_type(made, dict)
            for key, value in dummy.pairs:
                target[self.of(key)] = self.of(value)
        return made


def _make(key: str, args: list[Any]) -> Any:
    cls, _, method = key.partition(".")
    if (cls, method) in _METHODS:
        return _METHODS[cls, method](*args)
    if key in GUARDED:
        return GUARDED[key](*args)
    if key in MADE and not args:
        cls = _import(key)
        return cls.__new__(cls)
    if key in CALLED:
        return _import(key)(*args)
    raise refuse(_readable(key), "is called")


def _set_state(made: Any, state: Any) -> None:
    cls = type(made)
    # NumPy has a class for each kind of dtype.
    is_dtype = cls.__module__ == "numpy.dtypes"
    check = STATEFUL.get("numpy:dtype" if is_dtype else f"{cls.__module__}:{cls.__qualname__}")
    if check is None:
        raise refuse(f"{cls.__module__}.{cls.__qualname__}", "is given a state")
    check(made, state)
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        vars(made).update(state)


def _need_type(made: Any, cls: type) -> Any:
    if not isinstance(made, cls):
        raise refuse(f"{type(made).__module__}.{type(made).__qualname__}", "is filled")
    return made


@functools.cache
def _import(key: str) -> Any:
    module, _, name = key.partition(":")
    return GUARDED[key] if key in GUARDED else getattr(importlib.import_module(module), name)


def _readable(key: str) -> str:
    return key.replace(":", ".")
