"""How numbers of things, and texts that came from anywhere, are written for people to read.

Used wherever something is said in plain text; the notebook's own forms are in `ui.texts`.
"""


def counted(n: int, word: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "pset"), counted(12, "worker")
    ('1 pset', '12 workers')
    """
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


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
