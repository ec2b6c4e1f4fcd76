"""Calling the user's function on one pset: what it gets, what it returns, how long it took.

Owns the meaning of a call; every executor calls this, in whatever process or thread it is in.
Whatever the function does, the outcome is bytes and text: user objects go no further.
"""

import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain
from operator import is_
from pickle import dumps
from time import perf_counter_ns, time_ns
from typing import Any, NamedTuple, Protocol

import cloudpickle

from psweep_nb.functions import Call
from psweep_nb.journal import DONE, FAILED
from psweep_nb.rundir import Session
from psweep_nb.trust import loader
from psweep_nb.wording import is_text

MAX_TEXT = 100_000  # characters of a traceback; a recursion can make one of many megabytes

_OURS = __name__.rpartition(".")[0] + "."
_N_FIELDS, _LAST_FIELD = 6, "_pset_seq"
_FIELDS_AT_ONCE = 64

_load = loader(trusted=True)  # the psets this very user submitted
_PLAIN: set[type] = {bool, int, float, str, bytes, type(None), complex}


# How one pset ended: kind, start (ns since the epoch), runtime (ns), body, and for callers in the
# same process the exception, and the results where all their values are immutable. The body is a
# pickle: the results of a done pset, `failure` of a failed one.
Outcome = tuple[int, int, int, bytes, BaseException | None, dict[str, Any] | None]


class Brought(NamedTuple):
    """What a pset brings besides its results: what it reported, and what it printed."""

    values: dict[str, Any]
    logs: str | None  # None: not asked for

    def of_failed(self) -> dict[str, Any]:
        """As the body of a failed pset's record has it: readable whatever the values are."""
        return {"values": encode(self.values) if self.values else b"", "logs": self.logs}


class Place(Protocol):
    """What a `Caller` asks of the place it works at, see `within`."""

    used: bool  # whether the pset may have brought something

    def take(self) -> Brought:
        """Give what the pset has brought, once it has ended."""


class Caller:
    """Calls one function on one pset after another.

    Parameters
    ----------
    func : callable
        The user's function.
    call : Call
        Whether it takes the pset, or its parameters by name.
    load : callable
        Gives the pset of that number: a new copy, or the same again if its values are immutable.
    fill : callable
        Returns a copy of a pset of that number with its book-keeping fields, for the function.
    place : Place
        Where it works.
    plain : bool
        All values of all psets are known to be immutable.
    keep_error : bool
        Pickle exceptions where they survive it, to be raised again by the caller.
    interrupts : bool
        Let KeyboardInterrupt through: where the function runs in the user's own thread, it is
        the user who presses Ctrl-C.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        call: Call,
        load: Callable[[int], dict[str, Any]],
        fill: Callable[[dict[str, Any], int], dict[str, Any]],
        place: Place,
        *,
        plain: bool = False,
        keep_error: bool = False,
        interrupts: bool = False,
    ) -> None:
        self._func = func
        self._by_pset = call.style == "pset"
        self._names = call.names
        self._name_set = frozenset(call.names or ())
        self._load = load
        self._fill = fill
        self._place = place
        self._plain = plain
        self._keep_error = keep_error
        self._interrupts = interrupts
        self._good_keys: set[str] = set()

    def __call__(self, number: int) -> Outcome:
        """Call the function on a private copy of the pset of that number."""
        start = time_ns()
        begin = end = 0
        brought = None
        try:
            pset = self._load(number)
            if self._by_pset:
                given = self._fill(pset, number)
                begin = perf_counter_ns()
                value = self._func(given)
                end = perf_counter_ns()
                results = value if type(value) is dict else as_results(value)
                # `given` began with the pset's items and ended with the last field: a key that was
                # added would come behind that, one that was removed would shift the rest.
                if not (
                    (self._plain or _is_plain_dict(pset))
                    and len(given) - len(pset) == _N_FIELDS
                    and next(reversed(given)) == _LAST_FIELD
                    and all(map(is_, pset.values(), given.values()))
                ):
                    results = {**self._changed(number, pset, given), **results}
            else:
                keywords = self._keywords(pset)
                begin = perf_counter_ns()
                value = self._func(**keywords)
                end = perf_counter_ns()
                results = value if type(value) is dict else as_results(value)
            if self._place.used:
                brought = self._place.take()
                return DONE, start, end - begin, self._encode(results, brought), None, None
            good = self._good_keys
            for key, value in results.items():
                if key not in good or type(value) not in _PLAIN:
                    self._check_keys(results)
                    return DONE, start, end - begin, encode(results), None, None
            return DONE, start, end - begin, dumps(results, 5), None, results
        except BaseException as exc:
            if self._interrupts and isinstance(exc, KeyboardInterrupt):
                raise
            if not end and begin:
                end = perf_counter_ns()
            kept = _dump_error(exc) if self._keep_error else None
            if brought is None and self._place.used:
                brought = self._place.take()
            more = {} if brought is None else brought.of_failed()
            return FAILED, start, end - begin, failure(exc, kept, **more), exc, None

    def _encode(self, results: dict[str, Any], brought: Brought) -> bytes:
        self._check_keys(results)
        results = {**brought.values, **results}
        return encode(results if brought.logs is None else {**results, "_logs": brought.logs})

    def _keywords(self, pset: dict[str, Any]) -> dict[str, Any]:
        if self._names is None:
            return {k: v for k, v in pset.items() if k[0] != "_"}
        if pset.keys() == self._name_set:
            return pset
        return {k: pset[k] for k in self._names if k in pset}

    def _changed(self, number: int, pset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Return what the function changed in its copy of the pset, book-keeping aside."""
        changed = {
            k: v for k, v in given.items() if (k not in pset or pset[k] is not v) and k[:1] != "_"
        }
        if not _is_plain_dict(pset):
            # A list may have been changed in place: then `pset` shows the change as well.
            for key, value in self._load(number).items():
                if key in given and type(value) not in _PLAIN and not _same(value, given[key]):
                    changed[key] = given[key]
        return changed

    def _check_keys(self, results: dict[str, Any]) -> None:
        check_names(results)
        self._good_keys.update(results)


def check_names(results: Mapping[Any, Any]) -> None:
    """Raise TypeError or ValueError if these cannot be the names of results."""
    for key in results:
        if not isinstance(key, str):
            raise TypeError(
                f"the function returned a dict with the key {key!r}; "
                "results need names: keys must be strings"
            )
        if key.startswith("_"):
            raise ValueError(
                f"the function returned a result named {key!r}; names that begin with an "
                "underscore are psweep_nb's own book-keeping"
            )
        if not is_text(key):
            raise ValueError(f"the function returned a result named {key!r}, which is no text")


_forks: list[None] = []
os.register_at_fork(after_in_child=lambda: _forks.append(None))
#: Counts how often this process was forked off: `os.getpid`, asked after each pset, takes 0.2 µs.
forks = _forks.__len__


def stored_psets(session: Session) -> Callable[[int], dict[str, Any]]:
    """Return the function that reads a pset of the session's run, each time a new copy."""
    read = session.run.psets.pset

    def pset(number: int) -> dict[str, Any]:
        return read(number, _load)

    return pset


def fields_of(session: Session) -> Callable[[dict[str, Any], int], dict[str, Any]]:
    """Return the function that copies a pset and adds its book-keeping, `_LAST_FIELD` last."""
    info, psets = session.run.info, session.run.psets
    first = info["pset_seq"]
    # Made some at a time, which takes a fifth of the time.
    start, stop, ids, sha1s = 0, 0, list[str](), list[str | None]()
    fixed = {
        "_run_id": info["run_id"],
        "_run_seq": info["run_seq"],
        "_calc_dir": info["calc_dir"],
    }

    def fill(pset: dict[str, Any], number: int) -> dict[str, Any]:
        nonlocal start, stop, ids, sha1s
        if not start <= number < stop:
            start, stop = number, number + _FIELDS_AT_ONCE
            ids, sha1s = psets.ids(start, stop), psets.sha1s(start, stop)
        given = {**pset, **fixed}
        given["_pset_id"] = ids[number - start]
        given["_pset_sha1"] = sha1s[number - start]
        given[_LAST_FIELD] = first + number
        return given

    return fill


def failure(
    error: BaseException | str, kept: bytes | None = None, *, log: str = "", **more: Any
) -> bytes:
    """Return the body of a failed pset's record.

    Parameters
    ----------
    error : BaseException or str
        What happened; a text where no exception tells it (a worker that died).
    kept : bytes, optional
        The pickled exception.
    log : str
        The log's file name, where it is not the one that belongs to the journal.
    **more
        What else is to be known of it.
    """
    if isinstance(error, str):
        text, line = error, error.splitlines()[0]
    else:
        text, line = _traceback_text(error), _one_line(error)
    body = {"error": line, "traceback": text, "exception": kept, "log": log, **more}
    return pickle.dumps(body, 5)


def with_setup(func: Callable[..., Any], setup: Callable[[], Any] | None) -> Callable[..., Any]:
    """Call `setup`, if there is one, and return `func` with what it gave."""
    return func if setup is None else partial(func, setup=setup())


def not_ready(what: str, error: BaseException) -> str:
    """Say why nothing can be executed, with the traceback."""
    return f"{what}: {_one_line(error)}\n{_traceback_text(error)}"


def as_results(value: Any) -> dict[str, Any]:
    """Return what a function has returned as results: a mapping, or one value."""
    if value is None:
        raise TypeError("the function returned None; return a dict of results, {} for nothing")
    return dict(value) if isinstance(value, Mapping) else {"result": value}


def _is_plain_dict(values: dict[str, Any]) -> bool:
    return _PLAIN.issuperset(map(type, values.values()))


def _same(a: Any, b: Any) -> bool:
    return bool(cloudpickle.dumps(a, 5) == cloudpickle.dumps(b, 5))


def are_plain(psets: Iterable[dict[str, Any]]) -> bool:
    """Return whether all values are numbers, texts and such: immutable, and safe to pickle."""
    return _PLAIN.issuperset(map(type, chain.from_iterable(map(dict.values, psets))))


def encode(results: dict[str, Any]) -> bytes:
    """Pickle results or a pset, making sure that they can be read back."""
    _learn_numpy()
    if all(map(_is_plain, results.values())):
        return pickle.dumps(results, 5)
    data: bytes = cloudpickle.dumps(results, 5)
    # What cannot be read back must fail here, in its own pset, and not whoever reads it later; what
    # can be written but once, here and not when the table with all other rows is written.
    cloudpickle.dumps(_load(data), 5)
    return data


def _learn_numpy() -> None:
    numpy = sys.modules.get("numpy")
    if numpy is not None and getattr(numpy, "float64", float) not in _PLAIN:
        kinds = {t for t in numpy.sctypeDict.values() if issubclass(t, (numpy.number, numpy.bool_))}
        _PLAIN.update(kinds)


def _is_plain(value: Any) -> bool:
    if type(value) in _PLAIN:
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def _one_line(exc: BaseException) -> str:
    try:
        text = str(exc)
    except BaseException:  # a __str__ of the user's: anything can happen in it
        text = "(its message could not be made)"
    first = text.strip().splitlines()[0] if text.strip() else ""
    return f"{type(exc).__name__}: {first}"[:500] if first else type(exc).__name__


def _traceback_text(exc: BaseException) -> str:
    frames = exc.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        frames = frames.tb_next  # ours say nothing to the user
    try:
        text = "".join(traceback.format_exception(type(exc), exc, frames))
    except BaseException:
        text = f"{_one_line(exc)}\n(its traceback could not be made)"
    if len(text) > MAX_TEXT:
        half = MAX_TEXT // 2
        text = f"{text[:half]}\n... {len(text) - MAX_TEXT} characters left out ...\n{text[-half:]}"
    return text


def _dump_error(exc: BaseException) -> bytes | None:
    try:
        data: bytes = cloudpickle.dumps(exc, 5)
        _load(data)  # exceptions with an odd __init__ pickle well and then cannot be made again
        return data
    except BaseException:
        return None
