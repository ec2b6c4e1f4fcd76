"""Build lists of psets: psweep's small language of loops, and ``grid`` as the short form."""

import copy
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.holders import psets_in
from psweep_nb.inputs import is_seq, say
from psweep_nb.psets import Pset, check_params, key_problem

_MOST = 10**8


def plist(name: str, seq: Iterable[Any]) -> list[Pset]:
    """The values of one parameter, each as a pset of its own.

    Parameters
    ----------
    name
        Name of the parameter.
    seq
        Its values, kept as they are. A constant is a list of length one.

    Returns
    -------
    list of dict
        One dict with one key for each value.

    Raises
    ------
    ParamsError
        If `name` cannot be a parameter's name or `seq` is not a sequence of values.

    Examples
    --------
    >>> plist("a", [1, 2, 3])
    [{'a': 1}, {'a': 2}, {'a': 3}]
    """
    if problem := key_problem(name):
        raise ParamsError(f"plist: {problem}")
    if problem := _axis_problem(name, seq):
        raise ParamsError(f"plist: {problem}")
    return [{name: value} for value in seq]


def grid(*given: Any, **axes: Any) -> list[Pset]:
    """All combinations of some values for each parameter; the last one varies fastest.

    Parameters
    ----------
    *given
        Nothing: who writes ``grid(axes)`` is told what to write.
    **axes
        Lists, tuples, ranges, arrays, Series and other iterables hold the values of a
        parameter; a string or a scalar is a constant. Arrays give plain Python values.

    Returns
    -------
    list of dict
        As many psets as the product of the axes' lengths.

    Raises
    ------
    ParamsError
        If an axis is empty, has no order (a set), or is a dict.

    See Also
    --------
    pgrid : for tied parameters, as in ``pgrid(zip(a, b), c)``.

    Examples
    --------
    >>> grid(a=[1, 2], b=["x", "y"], c=0.5)  # doctest: +NORMALIZE_WHITESPACE
    [{'a': 1, 'b': 'x', 'c': 0.5}, {'a': 1, 'b': 'y', 'c': 0.5},
     {'a': 2, 'b': 'x', 'c': 0.5}, {'a': 2, 'b': 'y', 'c': 0.5}]
    """
    if given:
        raise ParamsError(
            f"grid: got {say(given[0])}, but parameters are given by name: grid(a=[1, 2]); of a "
            "dict of axes write grid(**axes)."
        )
    if not axes:
        raise ParamsError("grid: no parameters given. Write for instance grid(a=[1, 2], b=[3, 4]).")
    names = list(axes)
    for name in names:
        if problem := key_problem(name):
            raise ParamsError(f"grid: {problem}")
    values = [_axis(name, axis) for name, axis in axes.items()]
    _check_number(math.prod(map(len, values)))
    return [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]


def pgrid(*plists: Any) -> list[Pset]:
    """All combinations of some plists: ``itr2params(itertools.product(a, b, ...))``.

    Parameters
    ----------
    *plists
        Results of `plist`, of ``zip`` over several (these vary together), or of another
        `pgrid`; a DataFrame and whatever else holds psets; as arguments or as one list of them.
        The last one varies fastest.

    Returns
    -------
    list of dict

    Raises
    ------
    ParamsError
        If two plists have a parameter in common, if one is empty or no plist, or if tied
        lists differ in length (as far as that can be seen without using them up).

    Examples
    --------
    >>> a = plist("a", [1, 2])
    >>> b = plist("b", [77, 88])
    >>> c = plist("c", ["const"])
    >>> pgrid(a, b)
    [{'a': 1, 'b': 77}, {'a': 1, 'b': 88}, {'a': 2, 'b': 77}, {'a': 2, 'b': 88}]
    >>> pgrid(zip(a, b), c)
    [{'a': 1, 'b': 77, 'c': 'const'}, {'a': 2, 'b': 88, 'c': 'const'}]
    >>> pgrid([a])
    [{'a': 1}, {'a': 2}]
    """
    loops = _loops(plists)
    psets = []
    for number, loop in enumerate(map(psets_in, loops)):
        if not is_seq(loop, dict):
            raise ParamsError(
                f"pgrid: argument {number} (counting from 0) is {say(loop)}, not a plist. "
                "A constant c is plist('c', [value])."
            )
        _check_tie(loop, f"pgrid: in argument {number} (counting from 0)")
        entries = list(loop)
        if not entries:
            raise ParamsError(
                f"pgrid: argument {number} (counting from 0) is empty, so there are no psets. "
                "Give it at least one value (a zip or a generator can be looped over only once)."
            )
        psets.append(entries)
    return itr2params(itertools.product(*psets))


def itr2params(loops: Iterable[Any]) -> list[Pset]:
    """Turn what a loop over plists gives, however nested, into a list of psets.

    Parameters
    ----------
    loops
        For instance ``itertools.product(zip(a, b), c)``: dicts or nested sequences of
        dicts; those of one entry are merged into one pset.

    Returns
    -------
    list of dict

    Raises
    ------
    ParamsError
        If the loop is empty, a parameter comes twice in a pset, an entry holds something
        other than dicts, or psets have different numbers of parameters.

    Examples
    --------
    >>> from itertools import product
    >>> a = plist("a", [1, 2])
    >>> b = plist("b", [77, 88])
    >>> c = plist("c", ["const"])
    >>> itr2params(product(zip(a, b), c))
    [{'a': 1, 'b': 77, 'c': 'const'}, {'a': 2, 'b': 88, 'c': 'const'}]
    """
    if not is_seq(loops, dict):
        raise ParamsError(
            f"itr2params: got {say(loops)}. It takes a loop over plists, "
            "for instance itertools.product(a, b)."
        )
    _check_tie(loops, "itr2params:")
    params = [_merged(entry, number) for number, entry in enumerate(loops)]
    if not params:
        raise ParamsError(
            "itr2params: the loop is empty, so there are no psets. Either a list in it is empty, "
            "or it was used up before: zip, product and generators can be looped over only once."
        )
    _check_same_length(params)
    return check_params(params)


def merge_dicts(*args: Any, allow_dup_keys: bool = True) -> dict[Any, Any]:
    """Merge dicts from left to right into a new one.

    Parameters
    ----------
    *args
        The dicts, as arguments or as one sequence of them.
    allow_dup_keys
        Whether a later dict may overwrite a key of an earlier one.

    Raises
    ------
    ParamsError
        If something is no dict, or if a key comes twice and may not.

    Examples
    --------
    >>> merge_dicts({"a": 1}, {"b": 2}, {"a": 3})
    {'a': 3, 'b': 2}
    """
    dicts = list(args[0]) if len(args) == 1 and is_seq(args[0], dict) else list(args)
    merged: dict[Any, Any] = {}
    for number, dct in enumerate(dicts):
        if not isinstance(dct, dict):
            raise ParamsError(
                f"merge_dicts: argument {number} (counting from 0) is {say(dct)}, not a dict."
            )
        if not allow_dup_keys and (twice := [key for key in dct if key in merged]):
            raise ParamsError(f"merge_dicts: {twice[0]!r} is a key of more than one dict.")
        merged.update(dct)
    return merged


def _axis_problem(name: str, seq: Any) -> str:
    """Why `seq` is not the values of parameter `name`; empty if it is."""
    if isinstance(seq, (set, frozenset)):
        return f"{name!r} is a set, which has no order. Write sorted(...) or list(...) around it."
    if hasattr(seq, "keys") and not hasattr(seq, "tolist"):  # a Series has both and is fine
        return (
            f"{name!r} is {say(seq)}; it is not clear which values it should take. "
            "Write list(...) around it for its keys, [...] for itself as a constant."
        )
    if not is_seq(seq):
        return f"{name!r} is {say(seq)}, not a sequence. A constant is a list: [{seq!r:.40}]."
    return ""


def _axis(name: str, axis: Any) -> list[Any]:
    """The values of one axis of `grid`."""
    if not is_seq(axis):
        return [axis.item() if _is_numpy(axis) else axis]
    if problem := _axis_problem(name, axis):
        raise ParamsError(f"grid: {problem}")
    if hasattr(axis, "__len__"):
        _check_number(len(axis))
    tolist: Callable[[], list[Any]] | None = getattr(axis, "tolist", None)
    values = tolist() if tolist is not None else list(axis)
    if not values:
        raise ParamsError(f"grid: {name!r} is empty, so there are no psets. Give it values.")
    if all(isinstance(value, dict) and list(value) == [name] for value in values):
        raise ParamsError(
            f"grid: {name!r} is a plist, but grid takes the values themselves: "
            f"grid({name}=[...]). Plists go to pgrid(...)."
        )
    return values


def _check_number(number: int) -> None:
    if number > _MOST:
        raise ParamsError(
            f"grid: there would be {number:,} psets, more than memory holds; take fewer values, or "
            "sample({...}, n=1000), which draws points of the same space"
        )


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "item")


def _loops(plists: tuple[Any, ...]) -> Sequence[Any]:
    """The loops `pgrid` was given, as arguments or as one list of them."""
    if not plists:
        raise ParamsError("pgrid: no plists given. Write for instance pgrid(a, b).")
    if len(plists) > 1:
        return plists
    only = psets_in(plists[0])
    if isinstance(only, zip):
        raise ParamsError("pgrid: got a single zip. Write pgrid([zip(a, b)]).")
    if not is_seq(only, dict):
        raise ParamsError(f"pgrid: got {say(only)}, not plists. Write pgrid(a, b).")
    loops = list(only)
    if not loops:
        raise ParamsError("pgrid: no plists given. Write for instance pgrid(a, b).")
    if all(isinstance(loop, dict) for loop in loops):
        names = ", ".join(repr(name) for name in loops[0])
        raise ParamsError(
            f"pgrid: got a single plist (of {names}). Write pgrid([a]), or use the plist as it is: "
            "it is a list of psets already."
        )
    return loops


def _check_tie(loop: Any, where: str) -> None:
    """Refuse a zip over lists of different length, which would silently drop the rest."""
    if not isinstance(loop, zip):
        return
    lengths = []
    try:
        # What a zip reduces to are its iterators; those over lists know how much is left.
        iterators: Any = loop.__reduce__()[1]
        for iterator in iterators:
            if hasattr(iterator, "__length_hint__"):
                lengths.append((operator.length_hint(iterator), _first_names(iterator)))
    except Exception:  # only an early warning: some iterators reduce to nothing
        return
    if len({length for length, _ in lengths}) > 1:
        listed = ", ".join(f"{names or 'a list'} has {length}" for length, names in lengths)
        raise ParamsError(
            f"{where} zip ties lists of different length: {listed}. "
            "Tied parameters need one value each for every pset."
        )


def _first_names(iterator: Iterator[Any]) -> str:
    """The parameters in the next item of `iterator`, which is not moved."""
    first = next(copy.copy(iterator), None)
    return ", ".join(map(repr, first)) if isinstance(first, dict) else ""


def _merged(entry: Any, number: int) -> Pset:
    """One pset out of the nested dicts of `entry`."""
    dicts: list[Pset] = []
    _collect(entry, dicts, number)
    merged: Pset = {}
    for dct in dicts:
        merged.update(dct)
    if len(merged) != sum(map(len, dicts)):
        names = [name for dct in dicts for name in dct]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParamsError(
            f"pset {number} (counting from 0): the parameter {twice!r} comes twice. "
            "Each parameter can be in only one of the lists that are combined."
        )
    return merged


def _collect(entry: Any, dicts: list[Pset], number: int) -> None:
    if isinstance(entry, dict):
        dicts.append(entry)
    elif is_seq(entry):
        for item in entry:
            _collect(item, dicts, number)
    else:
        raise ParamsError(
            f"pset {number} (counting from 0) is made of {say(entry)}, but only dicts "
            "{parameter: value} can be merged. Use plist(name, values) for each parameter."
        )


def _check_same_length(params: list[Pset]) -> None:
    first = params[0]
    for number, pset in enumerate(params):
        if len(pset) != len(first):
            differ = sorted(map(repr, set(first).symmetric_difference(pset)))
            raise ParamsError(
                f"pset {number} (counting from 0) has {len(pset)} parameters, pset 0 has "
                f"{len(first)}: only one of them has {', '.join(differ)}. Psets of one loop have "
                "the same parameters; for others join the lists with +."
            )
