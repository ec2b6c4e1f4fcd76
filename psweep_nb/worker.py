"""Calling the user's function on one pset: what it gets, what it returns, how long it took.

Owns the meaning of a call; every executor calls this, in whatever process or thread it is in.
Whatever the function does, the outcome is bytes and text: user objects go no further.
"""

import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from time import perf_counter_ns, time_ns
from typing import Any, NamedTuple

import cloudpickle

from psweep_nb.functions import Call
from psweep_nb.journal import DONE, FAILED
from psweep_nb.rundir import Session
from psweep_nb.trust import loader

MAX_TEXT = 100_000  # characters of a traceback; a recursion can make one of many megabytes

_load = loader(trusted=True)  # the psets this very user submitted
_PLAIN: set[type] = {bool, int, float, str, bytes, type(None), complex}


class Outcome(NamedTuple):
    """How one pset ended: a journal record but for its place in the run.

    `body` is a pickle: the results of a done pset, :func:`failure` of a failed one. `error` is
    the exception itself, for callers in the same process.
    """

    kind: int
    start_ns: int
    runtime_ns: int
    body: bytes
    error: BaseException | None


class Caller:
    """Calls one function on one pset after another.

    Parameters
    ----------
    func : callable
        The user's function.
    call : Call
        Whether it takes the pset, or its parameters by name.
    fields : callable
        Gives the book-keeping fields of the pset of that number; the function sees them.
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
        fields: Callable[[int], dict[str, Any]],
        *,
        keep_error: bool = False,
        interrupts: bool = False,
    ) -> None:
        self._func = func
        self._by_pset = call.style == "pset"
        self._names = call.names
        self._name_set = frozenset(call.names or ())
        self._fields = fields
        self._keep_error = keep_error
        self._interrupts = interrupts
        self._good_keys: set[str] = set()

    def __call__(self, number: int, blob: bytes) -> Outcome:
        """Call the function on a private copy of the pset."""
        start = time_ns()
        begin = end = perf_counter_ns()
        try:
            pset: dict[str, Any] = _load(blob)  # type: ignore[assignment]
            if self._by_pset:
                given = {**pset, **self._fields(number)}
                begin = perf_counter_ns()
                value = self._func(given)
                end = perf_counter_ns()
                results = _changed(pset, given, blob)
                results.update(_as_results(value))
            else:
                keywords = self._keywords(pset)
                begin = perf_counter_ns()
                value = self._func(**keywords)
                end = perf_counter_ns()
                results = _as_results(value)
            if not self._good_keys.issuperset(results):
                self._check_keys(results)
            return Outcome(DONE, start, end - begin, encode(results), None)
        except BaseException as exc:
            if self._interrupts and isinstance(exc, KeyboardInterrupt):
                raise
            end = end if end > begin else perf_counter_ns()
            kept = _dump_error(exc) if self._keep_error else None
            return Outcome(FAILED, start, end - begin, failure(exc, kept), exc)

    def _keywords(self, pset: dict[str, Any]) -> dict[str, Any]:
        if self._names is None:
            return {k: v for k, v in pset.items() if k[0] != "_"}
        if pset.keys() == self._name_set:
            return pset
        return {k: pset[k] for k in self._names if k in pset}

    def _check_keys(self, results: dict[str, Any]) -> None:
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
        self._good_keys.update(results)


def fields_of(session: Session) -> Callable[[int], dict[str, Any]]:
    """Return the function that gives a pset's book-keeping fields."""
    info, psets = session.run.info, session.run.psets
    fixed = {
        "_run_id": info["run_id"],
        "_run_seq": info["run_seq"],
        "_calc_dir": info["calc_dir"],
    }
    first = info["pset_seq"]

    def fields(number: int) -> dict[str, Any]:
        digest = psets.digest(number)
        return {
            **fixed,
            "_pset_id": psets.id(number),
            "_pset_seq": first + number,
            "_pset_sha1": None if digest is None else digest.hex(),
        }

    return fields


def failure(error: BaseException | str, kept: bytes | None = None, *, log: str = "") -> bytes:
    """Return the body of a failed pset's record.

    Parameters
    ----------
    error : BaseException or str
        What happened; a text where no exception tells it (a worker that died).
    kept : bytes, optional
        The pickled exception.
    log : str
        The log's file name, where it is not the one that belongs to the journal.
    """
    if isinstance(error, str):
        text, line = error, error.splitlines()[0]
    else:
        text, line = _traceback_text(error), _one_line(error)
    body = {"error": line, "traceback": text, "exception": kept, "log": log}
    return pickle.dumps(body, 5)


def _as_results(value: Any) -> dict[str, Any]:
    if type(value) is dict:
        return value
    if value is None:
        raise TypeError("the function returned None; return a dict of results, {} for nothing")
    return dict(value) if isinstance(value, Mapping) else {"result": value}


def _changed(pset: dict[str, Any], given: dict[str, Any], blob: bytes) -> dict[str, Any]:
    """Return what the function changed in its copy of the pset, book-keeping aside."""
    changed = {
        k: v for k, v in given.items() if (k not in pset or pset[k] is not v) and k[:1] != "_"
    }
    if not _PLAIN.issuperset(map(type, pset.values())):
        # A list may have been changed in place: then `pset` shows the change as well.
        before: dict[str, Any] = _load(blob)  # type: ignore[assignment]
        for key, value in before.items():
            if key in given and type(value) not in _PLAIN and not _same(value, given[key]):
                changed[key] = given[key]
    return changed


def _same(a: Any, b: Any) -> bool:
    return bool(cloudpickle.dumps(a, 5) == cloudpickle.dumps(b, 5))


def encode(results: dict[str, Any]) -> bytes:
    """Pickle results or a pset, making sure that they can be read back."""
    if _PLAIN.issuperset(map(type, results.values())):
        return pickle.dumps(results, 5)
    _learn_numpy()
    if all(map(_is_plain, results.values())):
        return pickle.dumps(results, 5)
    data: bytes = cloudpickle.dumps(results, 5)
    # What cannot be read back must fail here, in its own pset, and not whoever reads it later.
    _load(data)
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
    while frames is not None and frames.tb_frame.f_globals.get("__name__") == __name__:
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
