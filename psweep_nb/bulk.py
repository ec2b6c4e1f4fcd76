"""Making a million small objects at once, without the collector searching them again and again.

Used where lists of psets, records or rows are built whole; never while the user's function runs.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def in_bulk() -> Iterator[None]:
    """Pause the cyclic garbage collector; it doubles the time of folding 1e5 rows."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
