"""Awaiting what another process or thread brings about: a condition, looked at until a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float = 30.0, every: float = 0.005) -> T:
    """Return what `condition` gives as soon as it is true; fail after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < end, f"still not so after {timeout:g} s: {condition}"
        time.sleep(every)
    return found
