"""Code identity: whether a function, with all the user's own code it reaches, does the same.

A hash, never part of a pset's, and the texts it is made of, from which differences are shown. What
counts: functions and classes of notebook cells and of modules that are not installed, wherever the
function reaches them, and the values they read. Asked by whoever submits or judges a run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from psweep_nb.functions.values import type_name
from psweep_nb.functions.walk import FIRST, Walk


@dataclass(frozen=True)
class Code:
    """What a function does, by its code.

    Attributes
    ----------
    sha1
        40 hexadecimal digits, equal for code that does the same; "" where nothing is known.
    parts
        Readable texts by name: sources without comments and docstrings, and values.
    """

    sha1: str
    parts: dict[str, str]


def code_of(func: Callable[..., Any], setup: Callable[..., Any] | None = None) -> Code:
    """The identity of a function's code.

    Blind to comments, formatting, docstrings and cell numbers; changed by any change in what the
    function, the user's helpers it reaches, or the values these read say. Of what is installed
    only the name counts. What makes the function's keyword `setup` counts as well. Never raises.

    Examples
    --------
    >>> def f(a):
    ...     return {"b": 2 * a}
    >>> before = code_of(f)
    >>> def f(a):  # as before, with a comment
    ...     return {"b": 2*a}
    >>> code_of(f) == before
    True
    >>> def f(a):
    ...     return {"b": 3 * a}
    >>> code_of(f).sha1 == before.sha1
    False
    """
    walk = Walk()
    try:
        walk.all_of(func, setup)
    except Exception:  # nothing odd in a function may stop a run
        walk.parts.setdefault(FIRST, type_name(func))
    return Code(_hash(walk.parts), walk.parts)


def diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What changed from one code's `parts` to another's: a unified diff for each, under its name.

    >>> print(diff({"f": "...", "scale =": "2"}, {"f": "...", "scale =": "3"}))
    --- scale =
    +++ scale =
    @@ -1 +1 @@
    -2
    +3
    """
    from difflib import unified_diff

    lines: list[str] = []
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name, "").splitlines(), new.get(name, "").splitlines()
        if before != after:
            was, now = (
                f"{name}" if p is not None else "(none)" for p in (old.get(name), new.get(name))
            )
            lines += unified_diff(before, after, was, now, lineterm="")
    return "\n".join(lines)


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Names of what is another in one code's `parts` than in another's.

    What only one of them has follows from a change in what reads it.

    >>> changed({"f": "...", "scale =": "2"}, {"f": "...", "scale =": "3", "g": "..."})
    ['scale']
    """
    differ = [name for name in new if new[name] != old.get(name)]
    return [n.removesuffix(" =") for n in differ if n in old] or differ or list(old)


def _hash(parts: Mapping[str, str]) -> str:
    digest = sha1(usedforsecurity=False)
    for name in sorted(parts):
        for text in (name, parts[name]):
            data = text.encode(errors="surrogatepass")
            digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()
