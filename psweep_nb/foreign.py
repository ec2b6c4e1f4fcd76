"""Which psets rows stand for that psweep itself wrote, so that runs recognise them.

Such rows have another hash, or none, and no `_attempt`, which every row of ours has. Their psets
are read off the table by psweep's convention (a name with a leading underscore is book-keeping, one
with a trailing underscore a result), and only as well as its table kept them: integers may have
become floats, None and NaN absent. So these psets have a hash of their own, blind to that; whoever
judges what is new compares `foreign_digests` of the rows with `digests_as_foreign` of the psets.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb.hashing import sha1_digests


def foreign_digests(frame: pd.DataFrame) -> list[bytes | None]:
    """Hashes of the psets in rows that psweep wrote.

    Parameters
    ----------
    frame : DataFrame
        A study's table, with rows of any origin.

    Returns
    -------
    list of bytes or None
        For each row 20 bytes, to be compared with `digests_as_foreign`; None for a row that has
        `_pset_sha1`, for one of ours without it (its pset has no hash), and where the row tells
        of no parameter.

    Examples
    --------
    >>> row = {"_pset_id": "b1a58c13", "_pset_hash": "64846e12", "a": 0.0, "b": None, "loss_": 2.5}
    >>> foreign_digests(pd.DataFrame([row])) == digests_as_foreign([{"a": 0}], ["a", "b"])
    True
    """
    digests: list[bytes | None] = [None] * len(frame)
    hashes = frame["_pset_sha1"].tolist() if "_pset_sha1" in frame else digests
    psets = {row: pset for row, pset in foreign_psets(frame).items() if not _is(hashes[row])}
    for row, digest in zip(psets, _hash(list(psets.values())), strict=True):
        digests[row] = digest
    return digests


def foreign_psets(frame: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """What the table tells for certain of the psets that psweep ran, by number of the row."""
    rows = [row for row, foreign in enumerate(are_foreign(frame)) if foreign]
    there = frame.iloc[rows]
    names = _parameters(frame.columns)
    values = [there[name].tolist() for name in names]
    psets = zip(*values, strict=True) if names else [()] * len(rows)
    return {
        row: _as_kept(zip(names, pset, strict=True)) for row, pset in zip(rows, psets, strict=True)
    }


def failed_flags(frame: pd.DataFrame) -> list[bool | None]:
    """Whether the pset of each row failed, by `_failed`; None where that is not known (yet).

    psweep's rows say nothing of the kind: they are done, but for simulated ones.
    """
    flags = frame["_failed"].tolist() if "_failed" in frame else [None] * len(frame)
    places = frame["_calc_dir"].tolist() if "_calc_dir" in frame else [""] * len(frame)
    if all(flag is True or flag is False for flag in flags):
        return flags
    return [
        flag if flag is True or flag is False else _ran(place) if foreign else None
        for flag, place, foreign in zip(flags, places, are_foreign(frame), strict=True)
    ]


def _ran(calc_dir: object) -> bool | None:
    return None if str(calc_dir).endswith(".simulate") else False


def digests_as_foreign(
    params: Iterable[Mapping[str, Any]], columns: Iterable[Any]
) -> list[bytes | None]:
    """The hashes psets would have, had psweep kept them in a table with these columns.

    Parameters
    ----------
    params : iterable of dict
        The psets.
    columns : iterable
        The table's columns. They tell a parameter that is None from one that nobody had yet.

    Returns
    -------
    list of bytes or None
        None where no such row can be this pset: it has a parameter that is no column, or one with
        a trailing underscore (in these rows a result), or is a repeat.
    """
    known = set(_parameters(columns))
    psets = [
        _as_kept((name, value) for name, value in pset.items() if name in known)
        if known.issuperset(name for name in pset if not name.startswith("_"))
        and "_repeat" not in pset
        else {}
        for pset in params
    ]
    return _hash(psets)


def _parameters(columns: Iterable[Any]) -> list[str]:
    """The columns that psweep's convention takes for parameters."""
    return [
        name
        for name in columns
        if isinstance(name, str) and not name.startswith("_") and not name.endswith("_")
    ]


def are_foreign(frame: pd.DataFrame) -> list[bool]:
    """Which rows psweep wrote."""
    if "_pset_id" not in frame:
        return [False] * len(frame)
    ids = frame["_pset_id"].tolist()
    no_attempt = frame["_attempt"].isna().tolist() if "_attempt" in frame else [True] * len(frame)
    return [_is(pset_id) and without for pset_id, without in zip(ids, no_attempt, strict=True)]


def _is(text: object) -> bool:
    return isinstance(text, str)


def _as_kept(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """What psweep's table tells for certain of a pset."""
    return {name: kept for name, value in items if (kept := _kept(value)) is not _ABSENT}


def _kept(value: Any) -> Any:
    kind = type(value)
    if kind is int or kind is str:  # nearly always, and quickly told
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return _ABSENT
    if not isinstance(value, float | np.floating):
        return value
    if value.is_integer():
        return int(value)
    return value if value == value else _ABSENT


_ABSENT = object()


def _hash(psets: list[dict[str, Any]]) -> list[bytes | None]:
    # What has no hash is new, here as everywhere; nobody need be warned of it twice.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        digests = sha1_digests(psets)
    return [digest if pset else None for digest, pset in zip(digests, psets, strict=True)]
