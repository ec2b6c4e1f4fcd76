"""Code with brackets on one line where it fits, else over several, as formatters lay it out.

Used by `paramscode` and by what writes scripts.
"""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 88


class Group(NamedTuple):
    """Code with brackets: on one line if that is short enough, else over several.

    With `fill` as many items as fit share a line; formatters have each on its own.
    """

    start: str
    items: "list[Code]"
    end: str
    fill: bool = False


Code = str | Group


def length(code: Code) -> int:
    """How long it is on one line."""
    if isinstance(code, str):
        return len(code)
    between = 2 * max(len(code.items) - 1, 0)
    return len(code.start) + len(code.end) + between + sum(map(length, code.items))


def flat(code: Code) -> str:
    """It on one line."""
    if isinstance(code, str):
        return code
    return code.start + ", ".join(map(flat, code.items)) + code.end


def rendered(code: Code, indent: int = 0, around: int = 0) -> str:
    """It as text.

    Parameters
    ----------
    code : Code
    indent : int
        Of the line it stands in; the first line comes without it.
    around : int
        How much else is in its first line, before and behind it.

    Examples
    --------
    >>> print(rendered(Group("f(", [40 * "a", 40 * "b"], ")"), around=4))
    f(
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
        bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,
    )
    """
    if isinstance(code, str):
        return code
    if indent + around + length(code) <= WIDTH:
        return flat(code)
    inner = " " * (indent + 4)
    lines = [rendered(item, indent + 4, 1) for item in code.items]
    if code.fill:
        lines = _filled(lines, WIDTH - len(inner) - 1)
    body = "".join(f"{inner}{line},\n" for line in lines)
    return f"{code.start}\n{body}{' ' * indent}{code.end}"


def _filled(items: Sequence[str], width: int) -> list[str]:
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += ", " + item
        else:
            lines.append(item)
    return lines
