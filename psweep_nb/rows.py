"""From journal records to rows of the table.

Used by the database alone. Many records are turned at once: columns are made of whole lists,
since a frame from single rows costs a hundred times as much.
"""

from collections.abc import Callable, Sequence
from pickle import dumps
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import TrustError
from psweep_nb.frames import ABSENT
from psweep_nb.journal import DONE, FAILED, HEAD, PREPARED, Bulk
from psweep_nb.rundir import RunDir
from psweep_nb.storedpsets import Psets

Load = Callable[[bytes], Any]

# What a row takes from `journal.HEAD`.
_HEADS = np.dtype(
    {
        "names": ["kind", "attempt", "pset", "start", "runtime"],
        "formats": ["<u1", "<u2", "<u4", "<i8", "<i8"],
        "offsets": [4, 6, 8, 12, 20],
        "itemsize": HEAD.size,
    }
)


def frame_of(
    run: RunDir,
    records: Bulk,
    host: str,
    load: Load,
    psets: Sequence[dict[str, Any]] | None = None,
    replaced: set[str] | None = None,
) -> pd.DataFrame:
    """Return one row for each pset that ended, or was prepared, of its last attempt.

    Parameters
    ----------
    run : RunDir
        Gives psets, ids and hashes.
    records : Bulk
        In any order; what is not the end of a pset is passed over.
    host : str
        Where they were executed, unless a record itself says so.
    load : callable
        Unpickles, see `trust.loader`.
    psets : sequence of dict, optional
        The run's psets by number, where they are at hand.
    replaced : set of str, optional
        Gets the names of parameters that results of these names have replaced by other values.
    """
    heads = np.frombuffer(records.heads, dtype=_HEADS)
    chosen = _last_attempts(heads, run.info["n"])
    if not len(chosen):
        return pd.DataFrame()
    heads, n = heads[chosen], len(chosen)
    index = heads["pset"].astype(np.int64)
    numbers = index.tolist()
    span = numbers[0], numbers[-1] + 1
    bodies = [records.bodies[i] for i in chosen.tolist()]
    waiting = heads["kind"] == PREPARED
    results, errors = _read_bodies(bodies, waiting | (heads["kind"] == DONE), load)
    if psets is None:
        params = _read_psets(run.psets, numbers, errors, load)
    else:
        params = [psets[number] for number in numbers]
    failed = np.array([error is not ABSENT for error in errors], dtype=bool)
    columns: dict[str, Any] = {
        "_run_id": _repeated(run.info["run_id"], n),
        "_pset_id": _texts(run.psets.ids(*span), index),
        "_run_seq": np.full(n, run.info["run_seq"], dtype=np.int64),
        "_pset_seq": run.info["pset_seq"] + index,
        "_pset_sha1": _texts(run.psets.sha1s(*span), index),
        "_calc_dir": _repeated(run.info["calc_dir"], n),
        "_pset_runtime": heads["runtime"] / 1e9,
        "_exec_host": _repeated(host, n),
        "_failed": failed,
        "_exc_txt": errors if failed.any() else np.full(n, pd.NA, dtype=object),
        "_attempt": heads["attempt"].astype(np.int64),
    }
    if run.is_batch:
        columns.update(_of_jobs(columns, waiting, results))
    columns.update(_joined(params, results, set() if replaced is None else replaced))
    return frames.build(columns, heads["start"].astype("datetime64[ns]"))


def _of_jobs(
    columns: dict[str, Any], waiting: np.ndarray, results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the columns in which a batch run differs: jobs that wait, and hosts of their own."""
    hosts = [result.pop("_exec_host", ABSENT) for result in results]
    runtime = pd.array(columns["_pset_runtime"], dtype="Float64")
    failed = pd.array(columns["_failed"], dtype="boolean")
    runtime[waiting] = pd.NA
    failed[waiting & ~columns["_failed"]] = pd.NA  # its parameters may be unreadable
    return {"_exec_host": hosts, "_pset_runtime": runtime, "_failed": failed}


def _joined(
    params: list[dict[str, Any]], results: list[dict[str, Any]], replaced: set[str]
) -> dict[str, list[Any]]:
    """Return the columns of parameters and results; a result stands for a parameter of its name."""
    columns, more = frames.columns_of(params), frames.columns_of(results)
    both = columns.keys() & more.keys()
    if not both:
        return {**columns, **more}
    for name in both - replaced:
        pairs = zip(columns[name], more[name], strict=True)
        if any(result is not ABSENT and not _same(param, result) for param, result in pairs):
            replaced.add(name)
    return frames.columns_of([{**p, **r} for p, r in zip(params, results, strict=True)])


def _same(one: Any, two: Any) -> bool:
    if type(one) is not type(two):
        return False
    if isinstance(one, int | float | str):
        return bool(one == two or (one != one and two != two))
    try:
        return dumps(one, 5) == dumps(two, 5)  # arrays and such: what == gives can be anything
    except Exception:
        return False


def _last_attempts(heads: np.ndarray, n: int) -> np.ndarray:
    """Return where the records are that make rows, in the order of the psets."""
    kinds = heads["kind"]
    ended = (kinds == DONE) | (kinds == FAILED) | (kinds == PREPARED)
    ended &= heads["pset"] < n
    # Backwards: of two that say the same the first counts, and the sort keeps their order.
    places = np.flatnonzero(ended)[::-1]
    psets = heads["pset"][places]
    order = np.argsort(psets, kind="stable")
    if not (np.diff(psets[order].astype(np.int64)) > 0).all():
        order = np.lexsort((heads["kind"][places] == DONE, heads["attempt"][places], psets))
        last = np.append(np.diff(psets[order].astype(np.int64)) > 0, True)
        order = order[last]
    found: np.ndarray = places[order]
    return found


def _repeated(value: str, n: int) -> np.ndarray:
    column = np.empty(n, dtype=object)
    column[:] = value
    return column


def _texts(values: list[Any], index: np.ndarray) -> np.ndarray:
    """Return a column of texts, given those from the first to the last number in `index`."""
    if None in values:
        values = [pd.NA if value is None else value for value in values]
    column: np.ndarray = np.array(values, dtype=object)[index - index[0]]
    return column


def _read_psets(
    stored: Psets, numbers: Sequence[int], errors: list[Any], load: Load
) -> list[dict[str, Any]]:
    """Return psets; for one that cannot be read back, an empty one and the reason in `errors`."""
    try:
        return stored.psets(numbers, load)
    except TrustError:  # for the user to decide, nothing to write into the table
        raise
    except (Exception, SystemExit):
        pass  # one by one, to see which
    psets: list[dict[str, Any]] = []
    for i, number in enumerate(numbers):
        try:
            psets.append(stored.pset(number, load))
        except (Exception, SystemExit) as exc:
            psets.append({})
            errors[i] = f"its parameters cannot be read back: {type(exc).__name__}: {exc}"
    return psets


def _read_bodies(
    bodies: list[bytes | dict[str, Any]], done: np.ndarray, load: Load
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return results and tracebacks (ABSENT for a done pset) of each record."""
    try:
        if done.all():
            found = [load(body) if isinstance(body, bytes) else body for body in bodies]
            return found, [ABSENT] * len(bodies)
    except TrustError:  # for the user to decide, nothing to write into the table
        raise
    except (Exception, SystemExit):  # unpickling runs code of the user's classes
        pass  # some body cannot be read: one by one, to see which
    results: list[dict[str, Any]] = []
    errors: list[Any] = []
    for body, is_done in zip(bodies, done.tolist(), strict=True):
        try:
            content = load(body) if isinstance(body, bytes) else body
            error = ABSENT if is_done else content["traceback"]
            results.append(content if is_done else _left_by_failed(content, load))
        except TrustError:
            raise
        except (Exception, SystemExit) as exc:  # a class of the user's that has changed or is gone
            results.append({})
            error = f"its results cannot be read back: {type(exc).__name__}: {exc}"
        errors.append(error)
    return results, errors


def _left_by_failed(body: dict[str, Any], load: Load) -> dict[str, Any]:
    """Return what a failed pset had reported and printed, as columns."""
    values: dict[str, Any] = load(body["values"]) if body.get("values") else {}
    if body.get("host") is not None:
        values = {**values, "_exec_host": body["host"]}
    return values if body.get("logs") is None else {**values, "_logs": body["logs"]}
