"""What a pset is, a dict of parameters, and how a list of them is checked.

Whatever takes params takes what `check_params` does; each run calls it before it starts.
"""

from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.hashing import ALLOWED_KEYS
from psweep_nb.holders import psets_in
from psweep_nb.inputs import is_seq, say
from psweep_nb.wording import is_text

Pset = dict[str, Any]


def check_params(params: Any) -> list[Pset]:
    """See that `params` are psets, and return them as a list.

    Everything that takes params takes what this function does.

    Parameters
    ----------
    params
        Any iterable of dicts, which are not copied; or a DataFrame, the path of a CSV file, a
        study, a run (see `holders.psets_in`).

    Returns
    -------
    list of dict

    Raises
    ------
    ParamsError
        Naming the pset and the parameter, if a pset is no dict, or a key is no string or a
        book-keeping name (begins with ``_``; only ``_repeat``, ``_seed`` and ``_vary`` may).

    Examples
    --------
    >>> check_params({"a": i} for i in range(2))
    [{'a': 0}, {'a': 1}]
    """
    if isinstance(params, dict):
        raise ParamsError("params is one dict, not a list of psets. Write [pset] for a single one.")
    given = params if type(params) is list else psets_in(params)
    if not is_seq(given):
        raise ParamsError(
            f"params is {say(given)}, not a list of psets (dicts), nor a DataFrame, a study, or "
            "the path of a CSV file (which ends in .csv)."
        )
    psets = given if type(given) is list else list(given)
    # Most psets have the same keys in the same order: look at each such tuple only once.
    known: set[tuple[str, ...]] = set()
    for number, pset in enumerate(psets):
        if not isinstance(pset, dict):
            raise ParamsError(
                f"pset {number} (counting from 0) is {say(pset)}, not a dict {{parameter: value}}."
            )
        keys = tuple(pset)
        if keys not in known:
            for key in keys:
                if problem := key_problem(key):
                    raise ParamsError(f"pset {number} (counting from 0): {problem}")
            known.add(keys)
    return psets


def key_problem(key: Any) -> str:
    """Why `key` cannot name a parameter; empty if it can."""
    if not isinstance(key, str):
        return f"the name {say(key)} is not a string. Names of parameters are strings."
    if not is_text(key):
        return f"the name {key!r} is no text: it has half a character. Give it another one."
    if not key:
        return "the name '' is empty. Give the parameter a name."
    if key.startswith("_") and key not in ALLOWED_KEYS:
        return (
            f"the name {key!r} begins with '_', which marks book-keeping columns. "
            f"Call the parameter {key.lstrip('_') or 'a'!r} or leave it out."
        )
    return ""
