"""The user's pools: checked, and what they tell: how many psets at a time, whether at an end.

`concurrent.futures.Executor` has words for neither. Used by the study before a run, by `futures`
in it. No pool's library is imported: whoever has such a pool has loaded it.
"""

import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from psweep_nb.errors import OptionError

_ALIVE = ("running", "connecting")


def pool_of(executor: Executor | None, dask_client: Any) -> Executor | None:
    """Return the pool that was given: as it is, or by its Dask client.

    Raises
    ------
    OptionError
        If it is none, both are given, it is at an end, or belongs to an event loop.
    """
    if dask_client is not None:
        if executor is not None:
            raise OptionError("executor and dask_client were given; one of them is enough")
        if not hasattr(dask_client, "get_executor"):
            raise OptionError(
                f"dask_client is {dask_client!r:.80}; it should be a distributed.Client, such as "
                "Client(n_workers=2)"
            )
        executor = dask_client.get_executor(pure=False)
    if executor is not None and not isinstance(executor, Executor):
        raise OptionError(
            f"executor is {executor!r:.80}; it should be a concurrent.futures.Executor, such as "
            "ThreadPoolExecutor(4)"
        )
    if executor is None:
        return None
    client = _dask_client(executor)
    if client is not None and client.asynchronous:
        raise OptionError(
            "the Dask client belongs to an event loop, and a run could not wait for it; make one "
            "with asynchronous=False"
        )
    if end := end_of(executor):
        raise OptionError(f"the executor cannot be used: {end}; make a new one")
    return executor


def leaves(executor: Executor | None) -> bool:
    """Whether what it executes leaves this process."""
    return executor is not None and not isinstance(executor, ThreadPoolExecutor)


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


def _dask_client(executor: Executor) -> Any:
    module = sys.modules.get("distributed.cfexecutor")
    if module is None or not isinstance(executor, module.ClientExecutor):
        return None
    return executor._client
