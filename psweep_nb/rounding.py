"""Psets that differ from others by the rounding of a number only, such as 0.3 and 0.1 + 0.2.

Their hashes differ, so nothing takes them for the same: a plan points them out. Pure.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psweep_nb.hashing import pset_keys, sha1_digests

_EXACT = 2**53  # up to here every integer is a float
NEAR = 1e-12  # of the number: thousands of times the rounding of one operation

Pset = Mapping[str, Any]


@dataclass(frozen=True)
class Near:
    """A pset that equals another but for rounding.

    Attributes
    ----------
    number
        Its number in the list.
    differs
        By parameter, its own value and the other's.
    other
        The number of the earlier one in the list; None where the other is a known one.
    """

    number: int
    differs: dict[str, tuple[Any, Any]]
    other: int | None = None

    def __str__(self) -> str:
        values = (
            f"{name}={mine!r}, there {other!r}" for name, (mine, other) in self.differs.items()
        )
        where = "one with a row" if self.other is None else f"pset {self.other}"
        return f"pset {self.number} and {where}: {'; '.join(values)}"


def near_duplicates(
    params: Sequence[Pset], numbers: Iterable[int], known: Iterable[Pset] = ()
) -> list[Near]:
    """Find psets that equal a known one, or an earlier one of the list, but for rounding.

    An integer and a float of the same value count as that, too: 1 and 1.0.

    Parameters
    ----------
    params
        The psets.
    numbers
        Which of them to look at.
    known
        Other psets.

    Examples
    --------
    >>> [near] = near_duplicates([{"a": 0.1 + 0.2, "b": 1}], [0], known=[{"a": 0.3, "b": 1}])
    >>> print(near)
    pset 0 and one with a row: a=0.30000000000000004, there 0.3
    """
    wanted = [(number, params[number]) for number in numbers]
    others: list[tuple[int | None, Pset]] = [(None, pset) for pset in known]
    entries = others + wanted
    rounded = _rounded(pset for _, pset in entries)
    if not rounded:
        return []
    entries = [entry for entry in entries if _touches(entry[1], rounded)]
    found: list[Near] = []
    first: dict[bytes, tuple[int | None, Pset]] = {}
    for (number, pset), key in zip(entries, _keys(entries, rounded), strict=True):
        if key is None:
            continue
        other, its = first.setdefault(key, (number, pset))
        differs = {name: (pset[name], its[name]) for name in pset if _differ(pset[name], its[name])}
        if differs and number is not None:
            found.append(Near(number, differs, other))
    return found


def _rounded(psets: Iterable[Pset]) -> dict[str, dict[float, float]]:
    """For each parameter with numbers that are nearly the same: these, and what stands for them."""
    floats: dict[str, set[float]] = {}
    integers: dict[str, set[float]] = {}
    for pset in psets:
        for name, value in pset.items():
            number = _number(value)
            if number is not None:
                kind = floats if type(number) is float else integers
                kind.setdefault(name, set()).add(number)
    near = {name: _near(floats[name], integers.get(name, set())) for name in floats}
    return {name: values for name, values in near.items() if values}


def _near(floats: set[float], integers: set[float]) -> dict[float, float]:
    near = {value: value for value in floats & integers}
    before = stands = math.nan
    for value in sorted(floats | integers):
        if value - before <= NEAR * abs(value):
            near[before] = near[value] = stands
        else:
            stands = value
        before = value
    return near


def _number(value: Any) -> float | None:
    """A finite number as a plain int or float; None for all else."""
    kind = type(value)
    if kind is not float and kind is not int:
        if kind.__module__ != "numpy" or getattr(value, "shape", None) != ():
            return None
        value = value.item()
    if type(value) is int:
        return value if abs(value) <= _EXACT else None
    return value if type(value) is float and math.isfinite(value) else None


def _touches(pset: Pset, rounded: Mapping[str, Mapping[float, float]]) -> bool:
    return any(name in pset and _number(pset[name]) in near for name, near in rounded.items())


def _keys(
    entries: Sequence[tuple[int | None, Pset]], rounded: Mapping[str, Mapping[float, float]]
) -> list[bytes | None]:
    psets = []
    for _, pset in entries:
        same = dict(pset)
        for name, near in rounded.items():
            number = _number(pset.get(name))
            if number is not None:
                same[name] = float(near.get(number, number))
        psets.append(same)
    with warnings.catch_warnings(action="ignore"):  # what has no hash is nobody's duplicate
        return list(pset_keys(psets, sha1_digests(psets)))


def _differ(mine: Any, other: Any) -> bool:
    one, two = _number(mine), _number(other)
    return one is not None and two is not None and (type(one) is not type(two) or one != two)
