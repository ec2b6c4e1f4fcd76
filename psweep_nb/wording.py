"""How numbers of things, and texts that came from anywhere, are written for people to read.

Used wherever something is said in plain text; the notebook's own forms are in `ui.texts`.
"""

from datetime import datetime


def counted(n: int, word: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "pset"), counted(12, "worker")
    ('1 pset', '12 workers')
    """
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def is_text(name: str) -> bool:
    r"""Whether a name can be written: half a character (a lone surrogate) in a table's breaks it.

    >>> is_text("é"), is_text("\ud800")
    (True, False)
    """
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def printable(text: str, keep: str = "") -> str:
    r"""A text in which nothing moves the cursor, changes colours or turns the direction.

    Parameters
    ----------
    text : str
        From users' data.
    keep : str
        Characters that stay as they are, line ends say; others are written as escapes.

    Examples
    --------
    >>> print(printable("bell \a\n"))
    bell \x07\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


def short_line(text: object, width: int = 40) -> str:
    r"""The first line of what somebody called something, printable and cut.

    >>> short_line("first\nsecond"), short_line("x" * 9, 5)
    ('first', 'xxxx…')
    """
    first = printable(str(text).strip().partition("\n")[0][: width + 1])
    return first if len(first) <= width else first[: width - 1] + "…"


def local_time(time_utc: object) -> str:
    """The time of a record, as the clock here shows it; empty where it is none.

    >>> local_time("not a time")
    ''
    """
    try:
        return f"{datetime.fromisoformat(str(time_utc)).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""
