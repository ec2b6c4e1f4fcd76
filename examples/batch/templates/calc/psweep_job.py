"""For Python programs that run as jobs: their parameters in, their results out.

Only the standard library is needed: as a file beside the program, it works where psweep_nb is not
installed (new_templates writes it there; or copy this file into templates/calc).
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from typing import Any


def read_pset(folder: str | os.PathLike[str] = ".") -> dict[str, Any]:
    """Return the parameters of a job, psweep_nb's own fields with them, from ``pset.json``.

    Parameters
    ----------
    folder : path
        The pset's directory, in which jobs begin.
    """
    with open(os.path.join(folder, "pset.json"), encoding="utf-8") as file:
        pset: dict[str, Any] = json.load(file)
    return pset


def write_result(results: dict[str, Any], folder: str | os.PathLike[str] = ".") -> None:
    """Write the results of a job where they are collected from.

    That is ``result.json``, or ``result.pk`` where JSON cannot say them (arrays, dates): what is
    in such a file must then be installed where it is collected, too.

    Parameters
    ----------
    results : dict
        Each becomes a column; names are texts that begin with no underscore.
    folder : path
        The pset's directory, in which jobs begin.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> write_result({"energy": 1.5}, folder)
    >>> with open(os.path.join(folder, "result.json")) as file:
    ...     print(file.read())
    {"energy": 1.5}
    """
    if not isinstance(results, dict):
        raise TypeError(f"write_result() takes a dict of results, not a {type(results).__name__}")
    _write(results, folder, lambda value: pickle.dumps(value, 4))


def _write(
    results: dict[str, Any],
    folder: str | os.PathLike[str],
    dumps: Callable[[dict[str, Any]], bytes],
) -> None:
    for key in results:
        if not isinstance(key, str) or key.startswith("_"):
            raise ValueError(f"{key!r} cannot name a result: a text, with no underscore first")
    name, data = "result.pk", dumps(results)
    if _is_json(results):
        name, data = "result.json", json.dumps(results).encode()
    # Whole or not there, whatever kills the job; and only one of the two.
    beside = os.path.join(folder, f".{name}.new")
    with open(beside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, os.path.join(folder, name))
    for other in {"result.json", "result.pk"} - {name}:
        if os.path.exists(os.path.join(folder, other)):
            os.remove(os.path.join(folder, other))


def _is_json(value: Any) -> bool:
    """Whether JSON gives it back as it is."""
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_json, value.values()))
    if type(value) is list:
        return all(map(_is_json, value))
    return value is None or type(value) in (bool, int, float, str)
