"""What a pool tells of itself: how many psets it executes at a time, and whether it is at an end.

`concurrent.futures.Executor` has words for neither. Used by `launching` before a run, by `futures`
in it. No pool's library is imported: whoever has such a pool has loaded it.
"""

import sys
from concurrent.futures import Executor
from typing import Any

_ALIVE = ("running", "connecting")


def size_of(executor: Executor) -> int | None:
    """How many psets it executes at a time, as of now; None if it does not tell.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> size_of(ThreadPoolExecutor(3))
    3
    """
    client = _dask_client(executor)
    if client is not None:  # workers come and go
        try:
            threads: dict[str, int] = client.nthreads()
        except Exception:  # it is just being closed, or its scheduler does not answer
            return None
        return sum(threads.values())
    size = getattr(executor, "_max_workers", None)  # of most pools, the standard library's first
    return size if isinstance(size, int) else None


def end_of(executor: Executor) -> str:
    """Why it is at an end, as far as it tells; empty while it is not.

    Dask takes tasks even then, and they never end.
    """
    client = _dask_client(executor)
    if client is None or client.status in _ALIVE:
        return ""
    return f"its Dask client is {client.status}"


def is_asynchronous(executor: Executor) -> bool:
    """Whether it belongs to an event loop, and threads can not wait for it."""
    client = _dask_client(executor)
    return client is not None and bool(client.asynchronous)


def _dask_client(executor: Executor) -> Any:
    module = sys.modules.get("distributed.cfexecutor")
    if module is None or not isinstance(executor, module.ClientExecutor):
        return None
    return executor._client
