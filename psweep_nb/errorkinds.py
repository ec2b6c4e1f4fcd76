"""Failures that are the same but for a number or an address in the message.

Used by the panel and the report, which show failures in groups, and to retry a group.
"""

import re

# Addresses, ids, and numbers of all kinds; not digits inside a name (x2, float64).
_VARIES = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|(?<![\w.])[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?j?(?![\w])"
)
HOLE = "#"
_HOLE_PATTERN = r"\S*\d\S*"
_SPECIAL = re.compile(r"[\\^$.|?*+(){}\[\]]")  # re.escape would escape every blank too


def kind_of(error: str) -> str:
    """The error, with what varies from one pset to another left out.

    Parameters
    ----------
    error : str
        One line.

    Examples
    --------
    >>> kind_of("ValueError: x2 is -1.5e3, at most 10 allowed, in <Grid object at 0x7f12ab>")
    'ValueError: x2 is #, at most # allowed, in <Grid object at #>'
    """
    return _VARIES.sub(HOLE, error)


def pattern_of(error: str) -> str:
    r"""A regular expression for all errors of this one's kind: ``run.retry(match=...)`` takes it.

    Examples
    --------
    >>> pattern_of("ValueError: radius is 0 (bad)")
    '^ValueError: radius is \\S*\\d\\S* \\(bad\\)$'
    """
    fixed = [_SPECIAL.sub(r"\\\g<0>", part) for part in _VARIES.split(error)]
    return f"^{_HOLE_PATTERN.join(fixed)}$"
