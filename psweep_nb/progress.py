"""A progress bar on a terminal, for what lasts; for runs that block and `psweep-nb follow`."""

import contextlib
import sys
from collections.abc import Callable, Iterator

_DELAY_S = 1.0


@contextlib.contextmanager
def progress_bar(total: int, begin: int = 0) -> Iterator[Callable[[int], object] | None]:
    """Give the function that advances a bar from `begin` on; None where stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=begin, delay=_DELAY_S, unit="pset", dynamic_ncols=True) as bar:
        yield bar.update
