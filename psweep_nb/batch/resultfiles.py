"""What a program has left as its results: ``result.json`` or ``result.pk`` in its directory."""

import json
from pathlib import Path
from typing import Any

from psweep_nb.trust import loads

RESULTS = ("result.json", "result.pk")


def results_in(folder: Path, trusted: bool) -> Any:
    """Return what is in the file of results; {} where there is none: other files may be all.

    Raises
    ------
    TrustError
        If ``result.pk`` holds what is only unpickled for a trusted study.
    ValueError, JournalError
        If a file is not what its name says.
    """
    as_json, as_pickle = (folder / name for name in RESULTS)
    for path in (as_json, as_pickle):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError(f"{path} is no file")
    if as_json.exists():
        try:
            return _some(json.loads(as_json.read_bytes()), as_json)
        except (ValueError, RecursionError) as exc:
            raise ValueError(f"{as_json} is not JSON: {exc}") from None
    return _some(loads(as_pickle.read_bytes(), trusted), as_pickle) if as_pickle.exists() else {}


def _some(results: Any, path: Path) -> Any:
    if results is None:
        raise TypeError(f"{path} holds no results; it should be a dict of them, {{}} for nothing")
    return results
