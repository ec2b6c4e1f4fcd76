"""How psets are executed: the options for it, checked, and the order they come in.

Used by `submission` and the study. What the options mean at work is in the engine and the
executors; they read it from the session.
"""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from psweep_nb.errors import OptionError
from psweep_nb.executors.pools import size_of
from psweep_nb.functions import check_setup
from psweep_nb.inputs import whole

ORDER = ("given", "shuffle", "repeats-last")
CAPTURE_LOGS = (None, "db", "file", "db+file")
MAX_RETRIES = 100  # each is a block of the todo list
MAX_TIMEOUT_S = 1e9
MAX_WORKERS = 4096
SKIP = (None, "done", "done+failed")
ON_ERROR = ("raise", "record", "stop")


@dataclass(frozen=True, kw_only=True)
class Running:
    """The options that only the engine and its workers act on.

    Attributes
    ----------
    setup : callable, optional
        Called once in each worker, without arguments; the function gets what it returns as the
        keyword ``setup``.
    retries : int
        How often a pset that failed is tried again, after all others.
    order : "given", "shuffle" or "repeats-last"
        In which order the psets begin; the table has them as they were given.
    fresh : bool
        A new process for each pset.
    slots : sequence of dict, optional
        Environment variables, one dict a worker.
    capture_logs : None, "db", "file" or "db+file"
        Put what a pset prints into the column `_logs`, into ``logs.txt`` in its directory.
    """

    setup: Callable[[], Any] | None = None
    retries: int = 0
    order: str = "given"
    fresh: bool = False
    slots: Sequence[Mapping[str, str]] | None = None
    capture_logs: str | None = None

    def check_running(self, workers: int, processes: bool) -> None:
        """Raise `OptionError` or `FunctionError`, naming option, value and what would be right."""
        if self.setup is not None:
            check_setup(self.setup)
        retries = self.retries
        if isinstance(retries, bool) or not isinstance(retries, int):
            raise OptionError(f"retries is {retries!r}; it should be a number, such as 2")
        if not 0 <= retries <= MAX_RETRIES:
            raise OptionError(f"retries is {retries}; it should be from 0 to {MAX_RETRIES}")
        check_choice("order", self.order, ORDER)
        check_choice("capture_logs", self.capture_logs, CAPTURE_LOGS)
        if not isinstance(self.fresh, bool):
            raise OptionError(f"fresh is {self.fresh!r}; it should be True or False")
        check_slots(self.slots)
        for name, given in (("fresh", self.fresh), ("slots", self.slots)):
            if given and not processes:
                raise OptionError(
                    f"{name} needs worker processes: add workers=1 (or more), and leave executor= "
                    "and in-kernel running out"
                )
        if self.slots is not None and len(self.slots) != workers:
            raise _other_workers(workers, self.slots)


@dataclass(frozen=True)
class Options(Running):
    """How a run is executed; checked when made.

    Raises
    ------
    OptionError
        Naming the option, its value and what would be right.
    """

    mode: str  # "inline", "thread", "process" or "batch"
    workers: int = 1
    processes: bool = False  # worker processes, else the engine's own thread or an executor
    travels: bool = False  # the function goes to other processes
    on_error: str = "record"
    timeout: float | None = None
    skip: str | None = None
    stale: bool = False
    label: str = ""

    def __post_init__(self) -> None:
        for name in ("workers", "retries"):  # NumPy's numbers are as good
            number = whole(getattr(self, name))
            object.__setattr__(self, name, getattr(self, name) if number is None else number)
        if whole(self.workers) is None or not 1 <= self.workers <= MAX_WORKERS:
            raise OptionError(
                f"workers is {self.workers!r:.50}; it should be a number from 1 to {MAX_WORKERS}"
            )
        check_choice("on_error", self.on_error, ON_ERROR)
        check_choice("skip", self.skip, SKIP)
        if not isinstance(self.stale, bool):
            raise OptionError(f"stale is {self.stale!r}; it should be True or False")
        if self.stale and self.skip is None:
            raise OptionError(
                "stale=True runs those again that other code did, and with skip=None all are run; "
                "give skip='done' or skip='done+failed' too"
            )
        if not isinstance(self.label, str):
            raise OptionError(f"label is {self.label!r}; it should be a text")
        if self.label.lstrip("-").isdigit():
            raise OptionError(
                f"label is {self.label!r}; a number would be taken for a run's number"
            )
        if self.timeout is not None:
            if isinstance(self.timeout, bool) or not isinstance(self.timeout, int | float):
                raise OptionError(f"timeout is {self.timeout!r}; it should be seconds, such as 30")
            if not 0 < self.timeout <= MAX_TIMEOUT_S:
                raise OptionError(
                    f"timeout is {self.timeout!r}; it should be more than 0 seconds and at most "
                    f"{MAX_TIMEOUT_S:.0e}, or None for no limit"
                )
            if not self.processes:
                raise OptionError(
                    "timeout needs worker processes, which can be killed: add workers=1 (or more), "
                    "and leave executor= and in-kernel running out"
                )
        self.check_running(self.workers, self.processes)

    @property
    def can(self) -> tuple[str, ...]:
        """What the executor declares."""
        if self.processes:
            return ("capture", "isolate", "kill")
        return ("abandon",) if self.travels else ()


def check_choice(name: str, value: object, known: Sequence[str | None]) -> None:
    """Raise `OptionError` if the value is none of those known."""
    if not isinstance(value, str | None) or value not in known:  # an array is equal to none
        raise OptionError(f"{name} is {value!r:.100}; it should be one of {known}")


def check_slots(slots: object) -> None:
    """Raise `OptionError` if these are no environments of workers; None is fine."""
    if slots is None:
        return
    example = 'such as [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]'
    if not isinstance(slots, Sequence) or isinstance(slots, str | bytes) or not slots:
        raise OptionError(f"slots is {slots!r}; it should be a list of dicts, {example}")
    for number, slot in enumerate(slots):
        if not isinstance(slot, Mapping):
            raise OptionError(f"slots[{number}] is {slot!r}; it should be a dict, {example}")
        for name, value in slot.items():
            if not isinstance(name, str) or not name or "=" in name or "\0" in name:
                raise OptionError(
                    f"slots[{number}] has the name {name!r}; environment variables have names "
                    "such as 'CUDA_VISIBLE_DEVICES'"
                )
            if not isinstance(value, str) or "\0" in value:
                raise OptionError(
                    f"slots[{number}][{name!r}] is {value!r}; the value of an environment "
                    f"variable is a text: {str(value)!r}"
                )


def workers_of(workers: int | None, slots: Sequence[Mapping[str, str]] | None) -> int:
    """Return how many workers there are, given their number, their environments, or neither.

    Raises
    ------
    OptionError
        If both are given and differ.
    """
    check_slots(slots)
    if slots is None:
        return 1 if workers is None else workers
    if workers not in (None, len(slots)):
        raise _other_workers(workers, slots)
    return len(slots)


def workers_in(executor: Executor | None, otherwise: int) -> int:
    """Return how many workers a pool has just now; `otherwise` where it does not tell."""
    size = None if executor is None else size_of(executor)
    return otherwise if size is None else max(1, min(size, MAX_WORKERS))


def _other_workers(workers: int | None, slots: Sequence[object]) -> OptionError:
    return OptionError(
        f"workers is {workers!r}, but slots has the environments of {len(slots)}; leave workers "
        "out, or give as many slots"
    )


def arrange(order: str, psets: Sequence[Mapping[str, Any]]) -> tuple[Sequence[int], int]:
    """Return the places of psets in the order they are to begin, and the seed of a shuffle.

    Examples
    --------
    >>> arrange("repeats-last", [{"_repeat": 0}, {"_repeat": 1}, {"a": 1}, {"_repeat": 0}])
    ([0, 2, 3, 1], 0)
    """
    places = range(len(psets))
    if order == "repeats-last":
        return sorted(places, key=lambda i: psets[i].get("_repeat", 0)), 0
    if order == "shuffle":
        seed, shuffled = int.from_bytes(os.urandom(4)), list(places)
        random.Random(seed).shuffle(shuffled)
        return shuffled, seed
    return places, 0
