"""How a cell says what went wrong, or is to be known: as its own lines, without our source."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from IPython.core.error import UsageError

from psweep_nb.errors import PsweepError
from psweep_nb.wording import printable


@contextmanager
def plain_errors() -> Iterator[None]:
    """Errors made for people are shown as their one message, without our frames."""
    try:
        yield
    except PsweepError as error:
        raise UsageError(printable(" ".join(str(error).split()))) from error
    except OSError as error:  # a disk that is full, a directory of somebody else
        where = f"{error.filename}: " if error.filename else ""
        raise UsageError(f"{where}{error.strerror or error}") from error


@contextmanager
def said_plainly() -> Iterator[None]:
    """Warnings as lines of the cell, without the path of our source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                print(f"note: {warning.message}")
