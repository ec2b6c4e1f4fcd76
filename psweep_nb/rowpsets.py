"""The psets that rows of a table stand for, for who has only the table.

psweep's `df_extract_params` and its kin. A study knows its psets exactly, from the records of its
runs; a table has lost which column was a parameter, and whether 1.0 was 1. What the row's
hash confirms is right; where there is none, psweep's convention counts: a name with a trailing
underscore is a result.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import OptionError
from psweep_nb.hashing import ALLOWED_KEYS, sha1_digests

_TRIES = 64  # ways to read whole floats as integers, in a row


def df_extract_params(df: pd.DataFrame, py_types: bool = False) -> list[dict[str, Any]]:
    """Return the pset of each row.

    Parameters
    ----------
    df : DataFrame
        A study's table, or some of its rows.
    py_types : bool
        Turn NumPy's numbers and arrays into Python's numbers and lists.

    Returns
    -------
    list of dict
        What a row does not have is left out of its pset.

    Warns
    -----
    UserWarning
        If rows have a hash that fits no choice of their columns, because they were edited, say, or
        results have replaced parameters. Their parameters are then told by name.

    Examples
    --------
    >>> from psweep_nb import run_local
    >>> df = run_local(lambda a, b=0: {"loss": a / 2}, [{"a": 1}, {"a": 2.5, "b": 3}], save=False)
    >>> df_extract_params(df)
    [{'a': 1}, {'a': 2.5, 'b': 3}]
    """
    frames.check_frame(df)
    rows = _Rows(df)
    psets = [rows.pset(number) for number in range(len(df))]
    if rows.uncertain:
        warnings.warn(
            f"{rows.uncertain} rows have a hash that fits none of their columns (were they "
            "edited, or replaced by results of the same names?); their parameters are told by "
            "name: those without a trailing underscore. Study.params has the psets of runs exactly",
            UserWarning,
            stacklevel=2,
        )
    return [{k: _python(v) for k, v in pset.items()} for pset in psets] if py_types else psets


def df_extract_pset(df: pd.DataFrame, pset_id: str, py_types: bool = False) -> dict[str, Any]:
    """Return the pset of the row with this id; see `df_extract_params`.

    Raises
    ------
    OptionError
        If not exactly one row has it.
    """
    frames.check_frame(df)
    ids = df["_pset_id"].tolist() if "_pset_id" in df else []
    places = [place for place, found in enumerate(ids) if found is not pd.NA and found == pset_id]
    if len(places) != 1:
        raise OptionError(f"{len(places) or 'no'} rows have the _pset_id {pset_id!r}; one should")
    [pset] = df_extract_params(df.iloc[places], py_types)
    return pset


def df_update_pset_hash(
    df: pd.DataFrame, copy: bool = False, params: Sequence[str] | None = None
) -> pd.DataFrame:
    """Compute `_pset_sha1` anew, after parameters were edited, added or dropped.

    Parameters
    ----------
    df : DataFrame
        Changed in place, unless `copy`.
    copy : bool
        Leave `df` as it is.
    params : sequence of str, optional
        The columns that are parameters; by default those without a leading or trailing
        underscore, if the hashes there are agree.

    Returns
    -------
    DataFrame
        `df`, or the copy.

    Raises
    ------
    OptionError
        If there is no such column, or it takes `params` to tell parameters from results; nothing
        is changed then.

    Examples
    --------
    >>> df = df_update_pset_hash(pd.DataFrame({"a": [1, 2], "loss_": [0.5, 1.0]}))
    >>> df["_pset_sha1"].iloc[0]
    'e4ad4daad53a2eec0313386ada88211e50d693bd'
    """
    frames.check_frame(df)
    rows = _Rows(df)
    if params is None:
        params = [name for name in rows.names if not name.endswith("_")]
        rows.check_agree(params)
    else:
        for name in (params := frames.columns_given(params, "params", df.columns)):
            if name not in rows.names:
                raise OptionError(
                    f"params has {name!r}, which is no column of parameters; "
                    f"there are {', '.join(rows.names) or 'none'}"
                )
    hashes: list[Any] = []
    for number in range(len(df)):
        known = [name for name, _ in rows.present(number) if name in params]
        hashes.append(rows.sha1(number) if rows.reading(number, known) is not None else None)
    open_rows = [number for number, found in enumerate(hashes) if found is None]
    psets = [{k: v for k, v in rows.present(n) if k in params} for n in open_rows]
    for number, digest in zip(open_rows, sha1_digests(psets), strict=True):
        hashes[number] = pd.NA if digest is None else digest.hex()
    df = df.copy() if copy else df
    df["_pset_sha1"] = pd.Series(hashes, index=df.index, dtype=object)
    return df


@dataclass
class _Rows:
    """The rows of a table, read one by one."""

    df: pd.DataFrame
    uncertain: int = 0  # rows whose hash fits nothing
    _told: dict[tuple[str, ...], list[str]] = field(default_factory=dict)  # present -> parameters

    def __post_init__(self) -> None:
        self.names = [
            name for name in self.df.columns if isinstance(name, str) and not name.startswith("_")
        ]
        extra = [name for name in self.df.columns if name in ALLOWED_KEYS]
        there = frames.retyped(self.df[[*self.names, *extra]])
        self._columns = {name: there[name].tolist() for name in there.columns}
        self._extra = extra
        self._sha1s = self.df["_pset_sha1"].tolist() if "_pset_sha1" in self.df else None

    def sha1(self, number: int) -> str | None:
        """The hash a row has."""
        found = self._sha1s[number] if self._sha1s is not None else None
        return found if isinstance(found, str) else None

    def present(self, number: int) -> list[tuple[str, Any]]:
        """What the row has in columns that may be parameters."""
        values = ((name, self._columns[name][number]) for name in self.names)
        return [(name, value) for name, value in values if value is not pd.NA]

    def pset(self, number: int) -> dict[str, Any]:
        """The row's pset, as far as can be told."""
        row = self.present(number)
        there = tuple(name for name, _ in row)
        found = None
        if self.sha1(number) is not None:
            for names in self._candidates(there):
                found = self.reading(number, names)
                if found is not None:
                    self._told[there] = names
                    break
            self.uncertain += found is None
        if found is None:
            chosen = self._told.get(there, _by_convention(there))
            found = {name: value for name, value in row if name in chosen}
        for name in self._extra:
            if self._columns[name][number] is not pd.NA:
                found[name] = self._columns[name][number]
        return found

    def _candidates(self, there: tuple[str, ...]) -> Iterator[list[str]]:
        """Choices of parameters: in tables, they come before the results of the same run."""
        if there in self._told:
            yield self._told[there]
        yield _by_convention(there)
        for stop in range(len(there), -1, -1):
            yield list(there[:stop])

    def reading(self, number: int, names: Iterable[str]) -> dict[str, Any] | None:
        """These columns of a row, if with whole floats read one way or other they fit its hash."""
        sha1, pset = self.sha1(number), {}
        if sha1 is None:
            return None
        for name in names:
            pset[name] = self._columns[name][number]
        whole = [name for name, value in pset.items() if _is_whole(value)]
        all_as_int = [(True,) * len(whole)]
        for way in chain(all_as_int, islice(product((False, True), repeat=len(whole)), _TRIES)):
            for name, as_int in zip(whole, way, strict=True):
                value = self._columns[name][number]
                pset[name] = int(value) if as_int else value
            with warnings.catch_warnings(action="ignore"):
                [digest] = sha1_digests([pset])
            if digest is not None and digest.hex() == sha1:
                return pset
        return None

    def check_agree(self, params: Sequence[str]) -> None:
        """Raise `OptionError` if hashes say that some of `params` were none when they were made."""
        for number in range(len(self.df)):
            there = tuple(name for name, _ in self.present(number))
            chosen = [name for name in there if name in params]
            if self.sha1(number) is None or self.reading(number, chosen) is not None:
                continue
            self.pset(number)
            others = set(chosen) - set(self._told.get(there, chosen))
            if others:
                raise OptionError(
                    f"{', '.join(map(repr, sorted(others)))}: results, or parameters that are new? "
                    f"Say which columns are parameters, such as params={self._told[there]}"
                )


def _by_convention(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.endswith("_")]


def _is_whole(value: Any) -> bool:
    return (
        isinstance(value, float | np.floating) and bool(np.isfinite(value)) and value == int(value)
    )


def _python(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
