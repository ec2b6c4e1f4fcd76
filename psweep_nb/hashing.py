"""The hash of a pset, by which runs recognise psets that were computed before.

It is the SHA-1 of ``json.dumps(pset, sort_keys=True)``, byte for byte, over the keys that
do not begin with an underscore: a published format that other programs can compute.

What json writes, hashes so: None, bools, numbers, text, lists and dicts of these; tuples
equal lists, NaN and infinity are ``NaN`` and ``Infinity``, and subclasses of str, int and
float (IntEnum, StrEnum) equal the plain value. NumPy scalars and arrays equal their plain
Python values (``.item()``, ``.tolist()``), also as keys of dicts.

A pset that holds anything of the following, at any depth, is hashed in a *canonical form*:
the text ``"psweep_nb 1 "``, which begins no JSON document, then the same JSON, in which
such a value is the object ``{"__type__": name, "value": ...}`` with

================  =======================================================================
name              value
================  =======================================================================
bytes             hexadecimal digits (bytes and bytearray)
complex           [real, imaginary]
dataclass         ["module.Class", {field: value}], fields with ``compare=True``
date              isoformat()
datetime          isoformat() (pandas Timestamp and numpy.datetime64 too, with nanoseconds
                  if there are any; "NaT")
decimal           str()
dict              [[key, value], ...] in the order of the keys' own JSON: any dict whose keys
                  json cannot write or sort, or that has a key "__type__"
enum              ["module.Class", name] (its value where a flag has no name)
fraction          [numerator, denominator]
path              as_posix() (pathlib)
range             [start, stop, step]
set               sorted by the elements' own JSON (set and frozenset)
time              isoformat()
timedelta         nanoseconds, an integer (pandas Timedelta, numpy.timedelta64 too; "NaT")
uuid              str()
================  =======================================================================

Any other value (functions, open files, objects of other classes, values that contain
themselves) has no hash: such a pset is never recognised, so it always runs.
"""

import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import pathlib
import sys
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha1
from json import encoder
from numbers import Integral
from typing import Any

from psweep_nb.errors import ParamsError

PREFIX = "psweep_nb 1 "

#: Book-keeping names that a pset may carry: psweep_nb and psweep write them into params.
ALLOWED_KEYS = frozenset({"_repeat", "_seed", "_vary"})


def pset_sha1(pset: Mapping[str, Any]) -> str | None:
    """Hash of one pset, the same on every machine and in every session.

    Parameters
    ----------
    pset
        The parameters. Keys that begin with ``_`` do not count, nor does the order.

    Returns
    -------
    str or None
        40 hexadecimal digits. None, with a UserWarning, if a value has no canonical form
        (see the description of this module).

    Raises
    ------
    ParamsError
        If it is no dict.

    Examples
    --------
    >>> pset_sha1({"a": 1})
    'e4ad4daad53a2eec0313386ada88211e50d693bd'
    >>> pset_sha1({"a": 1, "_repeat": 3}) == pset_sha1({"a": 1})
    True
    """
    if not isinstance(pset, Mapping):
        raise ParamsError(f"pset_sha1: the pset is a {type(pset).__name__}; it should be a dict")
    [digest] = sha1_digests([pset])
    return None if digest is None else digest.hex()


def sha1_digests(params: Iterable[Mapping[str, Any]]) -> list[bytes | None]:
    """Hashes of many psets.

    Parameters
    ----------
    params
        The psets.

    Returns
    -------
    list of bytes or None
        For each pset 20 bytes (the hexadecimal form is ``.hex()``), or None if a value in it
        has no canonical form; for these one UserWarning is given in all.
    """
    psets = list(params)
    digests: list[bytes | None] = []
    first = ""
    for start in range(0, len(psets), _AT_ONCE):
        some = psets[start : start + _AT_ONCE]
        texts: list[bytes | None] = [*_texts_at_once(some)]
        if not texts:
            for number, pset in enumerate(some, start):
                try:
                    texts.append(_text(pset).encode())
                except _NoForm as problem:
                    first = first or f"pset {number} (counting from 0), {problem}"
                    texts.append(None)
        # Spelled out, for this is half of the time.
        digests += [text and sha1(text, usedforsecurity=False).digest() for text in texts]
    if first:
        _warn(first, digests.count(None))
    return digests


def pset_keys(
    params: Sequence[Mapping[str, Any]], digests: Sequence[bytes | None]
) -> Sequence[bytes | None]:
    """What makes psets known to skipping: the hash and, of repeats, number and seed.

    Parameters
    ----------
    params
        The psets.
    digests
        Their hashes, see `sha1_digests`.
    """
    if not any("_repeat" in pset or "_seed" in pset for pset in params):
        return digests
    return [
        digest and repeat_key(digest, pset.get("_repeat"), pset.get("_seed"))
        for pset, digest in zip(params, digests, strict=True)
    ]


def repeat_key(digest: bytes, repeat: Any, seed: Any) -> bytes:
    """The key of one pset, see `pset_keys`; what is no whole number stands for no repeat."""
    if not isinstance(repeat, Integral) and not isinstance(seed, Integral):
        return digest
    numbers = (int(n) if isinstance(n, Integral) else -1 for n in (repeat, seed))
    return digest + repr(tuple(numbers)).encode()


_AT_ONCE = 256  # psets: the time of a call and of each text is then small change


def _texts_at_once(psets: list[Mapping[str, Any]]) -> list[bytes]:
    """The texts of many psets by one call of the encoder; empty where that does not work."""
    try:
        if any(key.startswith("_") for key in psets[0]):
            psets = list(map(_without_bookkeeping, psets))
        whole = "".join(_chunks(psets, 0)).encode()
    except Exception:  # see `_text`
        return []
    # Between two psets is "}, {". Where that is in a value as well, there is a line too many.
    lines = whole[1:-1].replace(b"}, {", b"}\n{").split(b"\n")
    return lines if len(lines) == len(psets) and b'"_' not in whole else []


def _without_bookkeeping(pset: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pset.items() if not key.startswith("_")}


def _text(pset: Mapping[str, Any]) -> str:
    """The text to hash; raise `_NoForm` where there is none."""
    try:
        text = _encode(pset)
        # A quote before an underscore: perhaps a book-keeping key, perhaps only a value.
        if '"_' in text:
            text = _encode(_without_bookkeeping(pset))
        return text
    except Exception:  # TypeError mostly, but a user's objects may raise anything
        counting = {k: v for k, v in pset.items() if not (isinstance(k, str) and k.startswith("_"))}
        # Only a book-keeping value may have been in the way: what counts is plain all the same.
        return _text(counting) if len(counting) < len(pset) else _canonical_text(pset)


class _NoForm(Exception):
    """A value has no canonical form; the message says which."""


def _warn(first: str, count: int) -> None:
    also = f" ({count} psets in all)" if count > 1 else ""
    warnings.warn(
        f"{first}, so the pset has no hash and is never skipped{also}. "
        "Numbers, text, lists, dicts, dates, enums, paths and dataclasses have one.",
        UserWarning,
        stacklevel=3,
    )


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays as plain Python values; TypeError for all else."""
    np = sys.modules.get("numpy")  # no NumPy value exists where it was never imported
    if np is not None and isinstance(value, (np.generic, np.ndarray)):
        plain = value.tolist() if value.dtype.kind in "biufU" else value
        if type(plain) is not type(value):  # a longdouble has no plain value
            return plain
    raise TypeError


def _make_chunks() -> Callable[[Any, int], Iterable[str]]:
    """The encoder of ``json.dumps(value, sort_keys=True, default=_plain)``, set up once."""
    slow = json.JSONEncoder(sort_keys=True, check_circular=False, default=_plain)
    sample = {"b": [1, 2.5, None, True], "a": {"x": "\n\xe4"}}
    try:
        # What JSONEncoder builds anew for every call, which doubles the time of a small pset.
        fast: Callable[[Any, int], Iterable[str]] = encoder.c_make_encoder(  # type: ignore[attr-defined]
            None, _plain, encoder.encode_basestring_ascii, None, ": ", ", ", True, False, True
        )
        if "".join(fast(sample, 0)) == slow.encode(sample):
            return fast
    except Exception:  # an interpreter without it, or with another signature
        pass
    return lambda value, _level: [slow.encode(value)]


_chunks = _make_chunks()


def _encode(value: Any) -> str:
    return "".join(_chunks(value, 0))


def _canonical_text(pset: Mapping[str, Any]) -> str:
    """The text to hash of a pset that is no plain JSON."""
    tagged: list[str] = []
    form: dict[str, Any] = {}
    for key, value in pset.items():
        if not isinstance(key, str):
            raise _NoForm(f"{key!r}: a name that is not a string")
        if not key.startswith("_"):
            try:
                form[key] = _canonical(value, tagged)
                _encode(form[key])  # here, while we know the key
            except _NoForm as problem:
                raise _NoForm(f"{key!r}: {problem}") from None
            except RecursionError:
                raise _NoForm(f"{key!r}: the value is nested too deep or in itself") from None
            except Exception as error:
                raise _NoForm(f"{key!r}: {type(value).__name__} ({error})") from None
    text = _encode(form)
    return PREFIX + text if tagged else text


def _canonical(value: Any, tagged: list[str]) -> Any:
    """`value` in terms json can write; the names of types used on the way go to `tagged`."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_canonical(item, tagged) for item in value]
    if isinstance(value, dict):
        return _canonical_dict(value, tagged)
    np = sys.modules.get("numpy")
    if np is not None and isinstance(value, (np.generic, np.ndarray)):
        return _canonical_numpy(value, tagged)
    name, content = _tag(value, tagged)
    tagged.append(name)
    return {"__type__": name, "value": content}


def _canonical_dict(value: dict[Any, Any], tagged: list[str]) -> Any:
    pairs = [(_canonical(key, tagged), _canonical(item, tagged)) for key, item in value.items()]
    try:
        form = dict(pairs)
        # Keys that become equal as text (1 and "1") json writes twice; so do we.
        _encode(dict.fromkeys(form))
        if len(form) == len(pairs) and "__type__" not in form:
            return form
    except TypeError:
        pass  # keys that json cannot write, or not sort
    tagged.append("dict")
    listed = sorted(([_encode(key), key, item] for key, item in pairs), key=lambda entry: entry[0])
    return {"__type__": "dict", "value": [[key, item] for _, key, item in listed]}


def _canonical_numpy(value: Any, tagged: list[str]) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        # By items, not tolist(): that makes bare integers of times in nanoseconds.
        return (
            [_canonical(item, tagged) for item in value]
            if value.ndim
            else _canonical(value[()], tagged)
        )
    if isinstance(value, (np.datetime64, np.timedelta64)):
        name, content = _numpy_time(value)
        tagged.append(name)
        return {"__type__": name, "value": content}
    plain = value.item()
    if isinstance(plain, np.generic):
        raise _NoForm(f"{type(value).__name__} has no plain Python value")
    return _canonical(plain, tagged)


def _numpy_time(value: Any) -> tuple[str, Any]:
    """Form of a datetime64 or timedelta64: that of the Python value wherever one exists."""
    import numpy as np

    kind = "datetime" if isinstance(value, np.datetime64) else "timedelta"
    unit, count = np.datetime_data(value.dtype)
    if np.isnat(value):
        return kind, "NaT"
    plain = value.item()
    if isinstance(plain, (datetime.date, datetime.timedelta)):
        return _tag(plain, [])
    if (unit, count) != ("ns", 1):
        raise _NoForm(f"{value!r} has no plain Python value")
    if kind == "timedelta":
        return kind, int(plain)
    if plain % 1000 == 0:
        return kind, value.astype("datetime64[us]").item().isoformat()
    return kind, str(value)


def _tag(value: Any, tagged: list[str]) -> tuple[str, Any]:
    """Name and content of the object that stands for `value`, as the table above has it."""
    if isinstance(value, enum.Enum):
        name = _canonical(value.value, tagged) if value.name is None else value.name
        return "enum", [_class_name(value), name]
    if dataclasses.is_dataclass(value):
        if isinstance(value, type):
            raise _NoForm(f"the class {value.__name__} has no canonical form")
        fields = [field.name for field in dataclasses.fields(value) if field.compare]
        content = {name: _canonical(getattr(value, name), tagged) for name in fields}
        return "dataclass", [_class_name(value), content]
    if isinstance(value, (set, frozenset)):
        return "set", sorted((_canonical(item, tagged) for item in value), key=_encode)
    for kinds, name, write in _SIMPLE:
        if isinstance(value, kinds):
            return name, write(value)
    raise _NoForm(f"a value of type {type(value).__qualname__} has no canonical form")


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _nanoseconds(value: datetime.timedelta) -> int:
    # Only pandas' Timedelta has nanoseconds; total_seconds() is a rounded float.
    seconds = value.days * 86400 + value.seconds
    nano: int = getattr(value, "nanoseconds", 0)
    return seconds * 10**9 + value.microseconds * 1000 + nano


# datetime stands before date, of which it is a kind.
_SIMPLE: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    (datetime.datetime, "datetime", lambda value: value.isoformat()),
    (datetime.date, "date", lambda value: value.isoformat()),
    (datetime.time, "time", lambda value: value.isoformat()),
    (datetime.timedelta, "timedelta", _nanoseconds),
    (pathlib.PurePath, "path", lambda value: value.as_posix()),
    ((bytes, bytearray), "bytes", lambda value: value.hex()),
    (complex, "complex", lambda value: [value.real, value.imag]),
    (decimal.Decimal, "decimal", str),
    (fractions.Fraction, "fraction", lambda value: [value.numerator, value.denominator]),
    (range, "range", lambda value: [value.start, value.stop, value.step]),
    (uuid.UUID, "uuid", str),
)
