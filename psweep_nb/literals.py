"""Values as Python code: an expression that makes an equal value of the same type.

Owns how each type is written and which imports it needs; called by `paramscode`.
"""

import dataclasses
import datetime
import decimal
import enum
import fractions
import keyword
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any


class CannotWrite(Exception):
    """There is no code for a value; the message says for which."""


class Writer:
    """Writes values, and remembers what its texts need.

    Attributes
    ----------
    imports : set of str
        Import statements.
    own : set of str
        Names that the notebook or script itself defines.

    Examples
    --------
    >>> writer = Writer()
    >>> writer.text([1, float("inf"), datetime.date(2031, 2, 3)])
    '[1, float("inf"), datetime.date(2031, 2, 3)]'
    >>> writer.imports
    {'import datetime'}
    """

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.own: set[str] = set()

    def text(self, value: Any) -> str:
        """The expression.

        Raises
        ------
        CannotWrite
            If some part of it has none.
        """
        write = _WRITERS.get(type(value))
        try:
            return write(value) if write is not None else self._other(value)
        except RecursionError:
            raise CannotWrite("a value that contains itself") from None

    def several(self, values: Iterable[Any]) -> str:
        """Expressions with commas between them."""
        return ", ".join(map(self.text, values))

    def _other(self, value: Any) -> str:
        kind = type(value)
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](self, value)
        if kind in _BY_REPR:
            return self._standard(value)
        if isinstance(value, enum.Enum):
            name = value.name
            own = self.name_of(kind)
            if name is None or kind.__members__.get(name) is not value:  # a combined flag
                return f"{own}({self.text(value.value)})"
            return f"{own}.{name}" if _is_name(name) else f"{own}[{text_literal(name)}]"
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return f"{self.name_of(kind)}({self._fields(value)})"
        if isinstance(value, tuple) and hasattr(kind, "_fields"):  # a namedtuple
            return f"{self.name_of(kind)}({self.several(value)})"
        package = kind.__module__.partition(".")[0]
        if package == "numpy":
            return self._numpy(value)
        if package == "pandas":
            return self._pandas(value)
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            return self.name_of(value)
        raise _cannot(value)

    def _standard(self, value: Any) -> str:
        """A type of the standard library whose repr is code, but for its module."""
        zone = getattr(value, "tzinfo", None)
        if zone is not None and type(zone) not in (datetime.timezone, zoneinfo.ZoneInfo):
            raise _cannot(value)
        if isinstance(zone, zoneinfo.ZoneInfo):
            if zone.key is None:
                raise _cannot(value)
            self.imports.add("import zoneinfo")
        module = type(value).__module__.partition(".")[0]
        self.imports.add(f"import {module}")
        text = repr(value)
        return text if text.startswith(f"{module}.") else f"{module}.{text}"

    def _fields(self, value: Any) -> str:
        fields = dataclasses.fields(value)
        if not all(field.init for field in fields):
            raise _cannot(value)
        return ", ".join(f"{f.name}={self.text(getattr(value, f.name))}" for f in fields)

    def name_of(self, thing: Any) -> str:
        """The dotted name under which a class or a function can be imported.

        Raises
        ------
        CannotWrite
            If it cannot: a lambda, say.
        """
        module = getattr(thing, "__module__", None) or "builtins"
        path = str(getattr(thing, "__qualname__", ""))
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not thing or not all(map(_is_name, f"{module}.{path}".split("."))):
            raise _cannot(thing)
        if module == "__main__":
            self.own.add(path.partition(".")[0])
        if module in ("__main__", "builtins"):
            return path
        self.imports.add(f"import {module}")
        return f"{module}.{path}"

    def _numpy(self, value: Any) -> str:
        import numpy as np

        self.imports.add("import numpy as np")
        if type(value) is np.ndarray:
            return self._array(value)
        name = getattr(value, "__name__", "")
        if type(value) is np.ufunc and getattr(np, name, None) is value:
            return f"np.{name}"
        if isinstance(value, np.datetime64 | np.timedelta64):
            unit, count = np.datetime_data(value.dtype)
            name = type(value).__name__
            if unit == "generic":
                return f"np.{name}('NaT')"
            is_number = name == "timedelta64" and not np.isnat(value)
            inner = str(value.astype("int64")) if is_number else repr(str(value))
            return f"np.{name}({inner}, '{count if count > 1 else ''}{unit}')"
        if isinstance(value, np.longdouble):
            return f"np.longdouble({str(value)!r})"
        if isinstance(value, np.generic) and value.dtype.kind in "biufcSU":
            plain = value.item()
            if type(plain) is not type(value):
                name = "bool_" if isinstance(value, np.bool_) else type(value).__name__
                return f"np.{name}({self.text(plain)})"
        if callable(value):
            return self.name_of(value)
        raise _cannot(value)

    def _array(self, value: Any) -> str:
        import numpy as np

        kind = value.dtype.kind
        if kind not in "biufcSUmM" or value.dtype.str in ("<M8", "<m8"):
            raise _cannot(value)
        plain = value.astype("int64") if kind in "mM" else value
        text = self.text(plain.tolist())
        default = plain is value and value.size and np.array(value.tolist()).dtype == value.dtype
        kept = "" if default else f", dtype={value.dtype.str!r}"
        shape = f".reshape({value.shape!r})" if not value.size and value.ndim != 1 else ""
        return f"np.array({text}{kept}){shape}"

    def _pandas(self, value: Any) -> str:
        import pandas as pd

        self.imports.add("import pandas as pd")
        if value is pd.NA:
            return "pd.NA"
        if value is pd.NaT:
            return "pd.NaT"
        if type(value) is pd.Timedelta:
            return f"pd.{value!r}"
        if type(value) is pd.Timestamp and (value.tz is None or self._is_plain_zone(value)):
            return f"pd.{value!r}"
        raise _cannot(value)

    def _is_plain_zone(self, value: Any) -> bool:
        # pandas does not quote what is in a zone's name, and a zone may have any name.
        zone = str(value.tz)
        return zone in repr(value) and _ZONE.fullmatch(zone) is not None


_ZONE = re.compile(r"[\w+/:-]+")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _cannot(value: Any) -> CannotWrite:
    name = getattr(value, "__qualname__", "")
    return CannotWrite(f"a {type(value).__name__}" + (f" {name}" if name else ""))


def _int(value: int) -> str:
    # Python refuses to write decimal numbers of more than 4300 digits, and takes long before that.
    return repr(value) if value.bit_length() < 4096 else hex(value)


def _float(value: float) -> str:
    text = repr(value)
    return text if text[-1].isdigit() else f'float("{text}")'


def _complex(value: complex) -> str:
    return f"complex({_float(value.real)}, {_float(value.imag)})"


def text_literal(value: str) -> str:
    """A text in double quotes, where that needs no thought."""
    return f'"{value}"' if value.isprintable() and not set(value) & {'"', "\\"} else repr(value)


_WRITERS: dict[type, Callable[[Any], str]] = {
    bool: repr,
    type(None): repr,
    type(...): lambda _: "...",
    int: _int,
    float: _float,
    complex: _complex,
    str: text_literal,
    bytes: repr,
    bytearray: repr,
    range: repr,
}


def _tuple(writer: Writer, value: tuple[Any, ...]) -> str:
    return f"({writer.several(value)}{',' if len(value) == 1 else ''})"


def _dict(writer: Writer, value: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{writer.text(k)}: {writer.text(v)}" for k, v in value.items()) + "}"


def _set(writer: Writer, value: Iterable[Any]) -> str:
    return "{" + ", ".join(sorted(map(writer.text, value))) + "}" if value else "set()"


_CONTAINERS: dict[type, Callable[[Writer, Any], str]] = {
    list: lambda writer, value: f"[{writer.several(value)}]",
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: lambda writer, value: f"frozenset({_set(writer, value) if value else ''})",
    slice: lambda writer, v: f"slice({writer.several((v.start, v.stop, v.step))})",
}

_BY_REPR = {
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    *(getattr(pathlib, name) for name in pathlib.__all__),
}
