"""How long a run will still take, from what its psets took so far. Used by `runview`."""

import heapq
from collections.abc import Sequence

QUICK_S = 1.0  # of quicker psets the rate tells more: it has what starting them costs in it
_ONE_BY_ONE = 1000


def time_left(
    waiting: int,
    running: Sequence[float],
    runtimes: Sequence[float],
    workers: int,
    rate: float | None = None,
) -> float | None:
    """Return the seconds until the last pset will have ended; None where nothing tells.

    Parameters
    ----------
    waiting : int
        Psets that have not begun.
    running : sequence of float
        For how long those run that have begun (s).
    runtimes : sequence of float
        What the newest ended psets took (s).
    workers : int
        Psets executed at a time.
    rate : float, optional
        Psets a second, recently.

    Examples
    --------
    Two workers and six psets of ten seconds, two of which are half way:

    >>> time_left(4, [5, 5], [10, 10, 10], workers=2)
    25.0

    Those that end first are the quick ones: they say little before each worker has ended one.

    >>> time_left(4, [5, 5], [1], workers=2) is None
    True
    """
    if not waiting and not running:
        return 0.0
    if workers < 1 or len(runtimes) < min(workers, waiting + len(running)):
        return None
    cost = sum(runtimes) / len(runtimes)
    if rate and cost < QUICK_S:
        cost = max(cost, workers / rate)
    free = [_rest(seconds, runtimes) for seconds in running]
    free += [0.0] * (workers - len(free))
    if waiting > _ONE_BY_ONE:
        return (sum(free) + waiting * cost) / len(free) + cost / 2
    heapq.heapify(free)
    for _ in range(waiting):
        heapq.heapreplace(free, free[0] + cost)
    return float(max(free))


def _rest(seconds: float, runtimes: Sequence[float]) -> float:
    """How long one will still run: as those did that took longer; else as long again."""
    longer = [runtime - seconds for runtime in runtimes if runtime > seconds]
    return sum(longer) / len(longer) if longer else seconds
