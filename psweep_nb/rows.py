"""From journal records to rows of the table.

Used by the database alone. Many records are turned at once: columns are made of whole lists,
since a frame from single rows costs a hundred times as much.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import TrustError
from psweep_nb.frames import ABSENT
from psweep_nb.journal import DONE, FAILED, Record
from psweep_nb.rundir import Psets, RunDir

Load = Callable[[bytes], Any]


def frame_of(
    run: RunDir,
    records: Iterable[Record],
    host: str,
    load: Load,
    psets: Sequence[dict[str, Any]] | None = None,
) -> pd.DataFrame:
    """Return one row for each pset that ended, of its last attempt.

    Parameters
    ----------
    run : RunDir
        Gives psets, ids and hashes.
    records : iterable of Record
        In any order; what is not the end of a pset is passed over.
    host : str
        Where they were executed.
    load : callable
        Unpickles, see `trust.loader`.
    psets : sequence of dict, optional
        The run's psets by number, where they are at hand.
    """
    chosen = _last_attempts(records, run.info["n"])
    if not chosen:
        return pd.DataFrame()
    n = len(chosen)
    _, attempts, numbers, starts, runtimes, *_ = zip(*chosen, strict=True)
    index = np.array(numbers, dtype=np.int64)
    results, errors = _read_bodies(chosen, load)
    if psets is None:
        params = _read_psets(run.psets, numbers, errors, load)
    else:
        params = [psets[number] for number in numbers]
    columns: dict[str, Any] = {
        "_run_id": _repeated(run.info["run_id"], n),
        "_pset_id": _uuids(run.psets, index),
        "_run_seq": np.full(n, run.info["run_seq"], dtype=np.int64),
        "_pset_seq": run.info["pset_seq"] + index,
        "_pset_sha1": _hashes(run.psets, index),
        "_calc_dir": _repeated(run.info["calc_dir"], n),
        "_pset_runtime": np.array(runtimes, dtype=np.float64) / 1e9,
        "_exec_host": _repeated(host, n),
        "_failed": np.array([error is not ABSENT for error in errors], dtype=bool),
        "_exc_txt": errors,
        "_attempt": np.array(attempts, dtype=np.int64),
    }
    columns.update(_joined(params, results))
    return frames.build(columns, np.array(starts, dtype="datetime64[ns]"))


def _joined(params: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of parameters and results; a result stands for a parameter of its name."""
    columns, more = frames.columns_of(params), frames.columns_of(results)
    if columns.keys().isdisjoint(more):
        return {**columns, **more}
    return frames.columns_of([{**p, **r} for p, r in zip(params, results, strict=True)])


_HEX = np.array([ord(c) for b in range(256) for c in f"{b:02x}"], dtype=np.uint8).reshape(256, 2)
_DASHES = (8, 13, 18, 23)


def _hex(raw: bytes, width: int, index: np.ndarray) -> np.ndarray:
    """Return the rows `index` of `raw`, `width` bytes each, as characters of hex digits."""
    rows = np.frombuffer(raw, dtype=np.uint8).reshape(-1, width)[index]
    characters: np.ndarray = _HEX[rows].reshape(len(index), 2 * width)
    return characters


def _texts(characters: np.ndarray) -> list[str]:
    length = characters.shape[1]
    found: list[str] = characters.astype(np.uint32).view(f"U{length}").ravel().tolist()
    return found


def _uuids(psets: Psets, index: np.ndarray) -> list[str]:
    text = np.full((len(index), 36), ord("-"), dtype=np.uint8)
    places = [i for i in range(36) if i not in _DASHES]
    text[:, places] = _hex(psets.id_bytes(), 16, index)
    return _texts(text)


def _hashes(psets: Psets, index: np.ndarray) -> list[Any]:
    texts = _texts(_hex(psets.digest_bytes(), 20, index))
    return [ABSENT if text == _NO_HASH else text for text in texts]


_NO_HASH = "0" * 40


def _last_attempts(records: Iterable[Record], n: int) -> list[Record]:
    ended = [r for r in records if r.kind in (DONE, FAILED) and r.pset < n]
    if len({r.pset for r in ended}) == len(ended):
        return ended
    best: dict[int, Record] = {}
    for r in ended:
        old = best.get(r.pset)
        if old is None or (r.attempt, r.kind == DONE) > (old.attempt, old.kind == DONE):
            best[r.pset] = r
    return list(best.values())


def _repeated(value: str, n: int) -> np.ndarray:
    column = np.empty(n, dtype=object)
    column[:] = value
    return column


def _read_psets(
    stored: Psets, numbers: Sequence[int], errors: list[Any], load: Load
) -> list[dict[str, Any]]:
    """Return psets; for one that cannot be read back, an empty one and the reason in `errors`."""
    try:
        return [load(blob) for blob in stored.blobs(numbers)]
    except TrustError:  # for the user to decide, nothing to write into the table
        raise
    except (Exception, SystemExit):
        pass  # one by one, to see which
    psets: list[dict[str, Any]] = []
    for i, number in enumerate(numbers):
        try:
            psets.append(load(stored.blob(number)))
        except (Exception, SystemExit) as exc:
            psets.append({})
            errors[i] = f"its parameters cannot be read back: {type(exc).__name__}: {exc}"
    return psets


def _read_bodies(records: list[Record], load: Load) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return results and tracebacks (ABSENT for a done pset) of each record."""
    try:
        if all(r.kind == DONE for r in records):
            return [load(r.body) for r in records], [ABSENT] * len(records)
    except TrustError:  # for the user to decide, nothing to write into the table
        raise
    except (Exception, SystemExit):  # unpickling runs code of the user's classes
        pass  # some body cannot be read: one by one, to see which
    bodies: list[dict[str, Any]] = []
    errors: list[Any] = []
    for r in records:
        try:
            body = load(r.body)
            error = ABSENT if r.kind == DONE else body["traceback"]
            bodies.append(body if r.kind == DONE else {})
        except TrustError:
            raise
        except (Exception, SystemExit) as exc:  # a class of the user's that has changed or is gone
            bodies.append({})
            error = f"its results cannot be read back: {type(exc).__name__}: {exc}"
        errors.append(error)
    return bodies, errors
