"""What it is that somebody gave, whichever library made it: several values, a whole number.

Used wherever arguments of users are looked at.
"""

import operator
from io import IOBase
from typing import Any


def is_seq(value: Any, *but: type) -> bool:
    """Whether `value` stands for several values: any iterable but text, open files, and `but`."""
    if isinstance(value, (str, bytes, bytearray, IOBase, *but)):
        return False
    try:
        iter(value)
    except TypeError:  # also NumPy's arrays without dimensions
        return False
    return True


def whole(value: Any) -> int | None:
    """`value` if it is a whole number, NumPy's too, but not True or False; else None."""
    if isinstance(value, bool) or type(value).__name__.startswith("bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def say(value: Any) -> str:
    """`value` for a message: its type, and itself when short."""
    try:
        text = repr(value)
    except Exception:  # a user's own __repr__ must not hide our message
        text = ""
    kind = type(value).__name__
    return f"{text} ({kind})" if text and len(text) <= 40 and "\n" not in text else f"a {kind}"
