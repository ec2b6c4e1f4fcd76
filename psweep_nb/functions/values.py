"""Values that code reads, as text: equal text for equal values, in every process.

Bounded in time, however large the value is: of containers beyond 10 000 items (20 000 in all of one
variable), and of arrays beyond 16 MB, a sample spread evenly over them counts, with their
size; of a longer text its two ends. Used by `walk`.
"""

import copyreg
import dataclasses
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha1
from itertools import islice
from operator import itemgetter
from typing import Any

_ITEMS = 10_000  # of one container
_VALUES = 20_000  # in containers of one variable
_BYTES = 16_000_000  # of one array
_ALL_BYTES = 64_000_000  # in all; beyond, 1 MB of each
_BLOCKS = 64
_DEPTH = 20
_LONG = 2000  # characters of text that are kept as they are

# Everything of these modules, their subclasses not: their repr is their value, or
_TOLD_BY_REPR = {"datetime", "decimal", "fractions", "pathlib", "uuid", "zoneinfo", "typing"}
# they hold nothing but values: what a pickle of theirs would.
_TOLD_BY_STATE = {
    "argparse", "array", "collections", "ipaddress", "numpy", "operator", "pandas", "re", "scipy",
    "string", "types",
}  # fmt: skip
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(...), type(NotImplemented), range)


class Values:
    """Says values, within bounds over all that one function reads.

    Parameters
    ----------
    code
        Says what is code (functions, classes, modules, objects of the user's classes), or returns
        None for what is not; it may call `say` for what such a thing holds.
    """

    def __init__(self, code: Callable[[Any], str | None]) -> None:
        self._code = code
        self._open: set[int] = set()
        self._left = _VALUES
        self._bytes = _ALL_BYTES

    def say(self, value: Any) -> str:
        """The value as text; its type's name only where nothing else can be told."""
        self._left = self._left - 1 if self._open else _VALUES
        if type(value) in _PLAIN:
            return plain(value)
        if id(value) in self._open or len(self._open) > _DEPTH or self._left < 0:
            return f"<{type_name(value)} ...>"
        self._open.add(id(value))
        try:
            return shortened(self._say(value))
        except Exception:  # a user's object may raise anything, whatever is asked of it
            return f"<{type_name(value)}>"
        finally:
            self._open.discard(id(value))

    def _say(self, value: Any) -> str:
        as_code = self._code(value)
        if as_code is not None:
            return as_code
        return self.contents(value) or self._library(value) or f"<{type_name(value)}>"

    def contents(self, value: Any) -> str | None:
        """What an array, a table or a container holds; None for other objects."""
        kind = type(value)
        numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
        if numpy is not None and issubclass(kind, numpy.generic):
            return f"{kind.__name__}({value.item()!r}), {value.dtype}"
        if numpy is not None and issubclass(kind, numpy.ma.MaskedArray):
            return f"masked {self._array(value.data)} by {self.say(value.mask)}"
        if numpy is not None and issubclass(kind, numpy.ndarray):
            return self._array(value)
        if pandas is not None and issubclass(kind, pandas.DataFrame | pandas.Series):
            return self._frame(pandas, value)
        if pandas is not None and issubclass(kind, pandas.Index):
            return self._frame(pandas, value.to_frame(index=False))
        if pandas is not None and issubclass(kind, pandas.api.extensions.ExtensionArray):
            return self._frame(pandas, pandas.Series(value))
        return self._container(value)

    def _container(self, value: Any) -> str | None:
        kind = type(value)
        if issubclass(kind, dict | types.MappingProxyType):
            # Sorted: the order may be that of a set, which no two processes have alike.
            keys = [(self.say(key), item) for key, item in _sample(value.items(), len(value))]
            keys.sort(key=itemgetter(0))
            inside = ", ".join(f"{key}: {self.say(item)}" for key, item in keys)
            absent = getattr(value, "default_factory", None)
            also = f", else {self.say(absent)}" if absent is not None else ""
            return _titled(kind, dict, "{" + inside + also + "}", len(value))
        if issubclass(kind, set | frozenset):
            # In no order, so there is no sample of a large one that would always be the same.
            small = len(value) <= _ITEMS
            inside = ", ".join(sorted(map(self.say, value))) if small else "..."
            return _titled(kind, set, "{" + inside + "}", len(value))
        if issubclass(kind, list | tuple | deque):
            inside = ", ".join(map(self.say, _sample(value, len(value))))
            if issubclass(kind, tuple):
                return _titled(kind, tuple, f"({inside})", len(value))
            return _titled(kind, list, f"[{inside}]", len(value))
        if issubclass(kind, bytearray | memoryview):
            return f"{kind.__name__}({sha1(value).hexdigest()})"
        if issubclass(kind, _PLAIN):  # of a subclass
            base: Any = next(b for b in _PLAIN if issubclass(kind, b))
            return f"{type_name(value)}({base.__repr__(value)})"
        return None

    def _library(self, value: Any) -> str | None:
        """An object of an installed class, where it is known to hold nothing but values."""
        kind = type(value)
        package, _, rest = kind.__module__.partition(".")
        if package in _TOLD_BY_REPR or kind in (slice, types.GenericAlias, types.UnionType):
            return repr(value)
        if dataclasses.is_dataclass(kind):
            held = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
            return f"{type_name(value)}({self.say(held)})"
        # Generators of random numbers are state.
        if package in _TOLD_BY_STATE and not rest.startswith("random"):
            return self._state(value)
        name = getattr(value, "__qualname__", None)  # of descriptors, and functions made in C
        if isinstance(name, str) and callable(value):
            return f"<{getattr(value, '__module__', None) or 'builtins'}.{name}>"
        return None

    def _state(self, value: Any) -> str:
        reduce = copyreg.dispatch_table.get(type(value))
        reduced = reduce(value) if reduce is not None else value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return f"{type_name(value)} {reduced}"
        _, args, state, *items = (*reduced, None, None)[:5]
        if isinstance(state, dict):  # a sparse matrix notes what it found out about itself
            state = {k: v for k, v in state.items() if not str(k).startswith("_has_")}
        told = [args, state, *map(list, filter(None, items))]
        return f"{type_name(value)}({', '.join(map(self.say, told))})"

    def _array(self, array: Any) -> str:
        kind = "array" if type(array).__name__ == "ndarray" else type(array).__name__
        head = f"{kind} of {array.dtype}, shape {array.shape}"
        if array.dtype.hasobject:
            return f"{head}: {self.say(list(islice(array.flat, _ITEMS)))}"
        limit = max(1_000_000, min(_BYTES, self._bytes))
        self._bytes -= min(limit, array.nbytes)
        digest = sha1(usedforsecurity=False)
        if array.nbytes <= limit:
            digest.update(array.tobytes())
        else:
            step, size = array.size // _BLOCKS, limit // _BLOCKS // array.itemsize
            flat = array.ravel() if array.flags.c_contiguous else array.flat
            for start in [*range(0, array.size - size, step), array.size - size]:
                digest.update(flat[start : start + size].tobytes())
        return f"{head}: sha1 {digest.hexdigest()}"

    def _frame(self, pandas: Any, frame: Any) -> str:
        some = frame.iloc[:: max(1, len(frame) // _ITEMS)]
        columns = self.say([*frame.index.names, *(frame if frame.ndim == 2 else [frame.name])])
        dtypes = [str(d) for d in (frame.dtypes if frame.ndim == 2 else [frame.dtype])]
        head = f"{type_name(frame)}, {len(frame)} rows, columns {columns}, {', '.join(dtypes)}"
        parts = [frame] if frame.ndim == 1 else [frame.iloc[:, i] for i in range(frame.shape[1])]
        said = [self._column(pandas, part) for part in (frame.index.to_series(), *parts)]
        return f"{head}: sha1 {sha1(' '.join(said).encode()).hexdigest()}" if len(some) else head

    def _column(self, pandas: Any, column: Any) -> str:
        if column.dtype.kind in "biufcmM" and hasattr(column.dtype, "itemsize"):
            try:
                return self._array(column.to_numpy())
            except (TypeError, ValueError):  # a dtype of pandas's own
                pass
        return self.say(column.iloc[:: max(1, len(column) // _ITEMS)].tolist())


def plain(value: Any) -> str:
    """A number, a text and the like, as written in code."""
    if type(value) is int and value.bit_length() > _LONG:  # Python refuses to write long ones
        return shortened(hex(value))
    if isinstance(value, str | bytes) and len(value) > _BYTES // 8:
        ends = value[: _BYTES // 16], value[-_BYTES // 16 :]
        return f"{shortened(repr(ends))}, {len(value)} in all"
    return shortened(repr(value))


def shortened(text: str) -> str:
    """Text as it is, or its beginning and a digest of the whole."""
    if len(text) <= _LONG:
        return text
    digest = sha1(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    return f"{text[:200]} ... ({len(text)} characters, sha1 {digest})"


def type_name(value: object) -> str:
    """The type's name, with its module unless that is Python's own or the notebook."""
    kind = type(value)
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
    except Exception:  # of an odd metaclass
        return "object"
    return name if module in ("builtins", "__main__") else f"{module}.{name}"


def _sample(items: Iterable[Any], n: int) -> Iterable[Any]:
    return list(items) if n <= _ITEMS else islice(items, 0, None, n // _ITEMS)


def _titled(kind: type, plain: type, inside: str, n: int) -> str:
    title = "" if kind is plain else kind.__qualname__
    size = f" ({n} in all)" if n > _ITEMS else ""
    return f"{title}({inside})" + size if title else inside + size
