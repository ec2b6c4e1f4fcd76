"""Values to take along an axis, and points of a space of several axes.

Called by users to make what `params` combines. NumPy is loaded on use: workers import the package.
"""

import sys
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from psweep_nb.errors import OptionError, ParamsError
from psweep_nb.inputs import say, whole
from psweep_nb.psets import Pset, check_params

if TYPE_CHECKING:
    import numpy as np

_METHODS = ("random", "lhs", "sobol")
_MOST = 10**9
_WIDEST = sys.float_info.max


def logspace(
    start: float,
    stop: float,
    num: int = 50,
    offset: float = 0,
    log_func: "Callable[[Any], Any] | None" = None,
    **kwds: Any,
) -> "np.ndarray[Any, Any]":
    """Numbers spaced evenly on a log scale, given their bounds (not the exponents).

    Parameters
    ----------
    start, stop : float
        The first and the last number.
    num : int
        How many.
    offset : float
        Added before the logarithm is taken and subtracted afterwards: the larger, the more evenly
        spaced; it also allows a `start` of 0.
    log_func : callable, optional
        The logarithm to the base that `kwds` says; ``numpy.log10`` by default.
    **kwds
        For ``numpy.logspace``, such as ``base``.

    Raises
    ------
    ParamsError
        If a bound has no logarithm.

    Examples
    --------
    >>> logspace(1, 100, 3).tolist()
    [1.0, 10.0, 100.0]
    >>> logspace(0, 9, 2, offset=1).tolist()
    [0.0, 9.0]
    """
    import numpy as np

    _check_numbers("logspace", start=start, stop=stop, offset=offset)
    _check_count("logspace", num)
    if log_func is not None and not callable(log_func):
        raise ParamsError(f"logspace: log_func is {say(log_func)}; it should be a function")
    for name, value in (("start", start), ("stop", stop)):
        if not value + offset > 0:
            raise ParamsError(
                f"logspace: {name} + offset is {value + offset!r}, which has no logarithm; "
                "it should be more than 0"
            )
    log = np.log10 if log_func is None else log_func
    values = np.logspace(log(start + offset), log(stop + offset), num, **kwds) - offset
    return np.asarray(values)


def intspace(
    start: float, stop: float, num: int = 50, *, dtype: Any = None, **kwds: Any
) -> "np.ndarray[Any, Any]":
    """Like ``numpy.linspace``, rounded to integers, each once.

    Parameters
    ----------
    start, stop, num, **kwds
        As for ``numpy.linspace``.
    dtype : type
        Of the result; int64 by default.

    Raises
    ------
    ParamsError
        If a bound is no number, or `num` no whole one.

    Examples
    --------
    >>> intspace(0, 10, 4).tolist()
    [0, 3, 7, 10]
    >>> intspace(0, 3, 10).tolist()
    [0, 1, 2, 3]
    """
    import numpy as np

    _check_numbers("intspace", start=start, stop=stop)
    _check_count("intspace", num)
    values = np.round(np.linspace(start, stop, num, **kwds))
    values = values.astype(np.int64 if dtype is None else dtype)
    _, first = np.unique(values, return_index=True)
    return np.asarray(values[np.sort(first)])


def _check_numbers(who: str, **bounds: Any) -> None:
    for name, value in bounds.items():
        try:
            good = isfinite(float(value)) and not isinstance(value, str | bytes)
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good:
            raise ParamsError(f"{who}: {name} is {say(value)}; it should be a finite number")


def _check_count(who: str, num: Any) -> None:
    count = whole(num)
    if count is None or not 0 <= count < _MOST:
        raise ParamsError(f"{who}: num is {say(num)}; it should be a whole number: how many")


def sample(axes: Mapping[str, Any], n: int, method: str = "random", seed: int = 0) -> list[Pset]:
    """Points of a space of parameters, instead of a whole grid.

    Parameters
    ----------
    axes : dict
        For each parameter a pair ``(low, high)`` (two ints: whole numbers, both included; else
        floats from low on, below high), a list of choices, or a constant.
    n : int
        How many.
    method : "random", "lhs" or "sobol"
        Independent, a Latin hypercube, or a scrambled Sobol sequence, which is best with a
        power of 2 (both by ``scipy.stats.qmc``: ``pip install "psweep_nb[sample]"``).
    seed : int
        The same seed gives the same points.

    Returns
    -------
    list of dict

    Raises
    ------
    ParamsError, OptionError
        Naming the parameter or option and what would be right.

    Examples
    --------
    >>> params = sample({"a": (0.0, 1.0), "b": [1, 2], "c": "const"}, n=3)
    >>> [sorted(pset) for pset in params] == 3 * [["a", "b", "c"]]
    True
    """
    if not isinstance(axes, Mapping) or not axes:
        raise ParamsError(f'sample: axes is {say(axes)}; write sample({{"a": (0.0, 1.0)}}, n=10)')
    if method not in _METHODS:
        raise OptionError(f"sample: method is {say(method)}; it should be one of {_METHODS}")
    number, first = whole(n), whole(seed)
    if number is None or number < 1:
        raise OptionError(f"sample: n is {say(n)}; it should be a whole number from 1 on")
    if first is None or first < 0:
        raise OptionError(f"sample: seed is {say(seed)}; it should be a whole number from 0 on")
    check_params([dict.fromkeys(axes)])
    at = [_axis(name, axis) for name, axis in axes.items()]
    try:
        points = _points(len(at), number, method, first)
    except OptionError:  # a ValueError, too
        raise
    except (ValueError, MemoryError) as exc:
        raise OptionError(f"sample: {say(n)} points cannot be made: {exc}") from exc
    return [{k: f(u) for k, f, u in zip(axes, at, p, strict=True)} for p in points]


def _points(dimensions: int, n: int, method: str, seed: int) -> list[list[float]]:
    import numpy as np

    rng = np.random.default_rng(seed)
    if method == "random":
        found: list[list[float]] = rng.random((n, dimensions)).tolist()
        return found
    try:
        from scipy.stats import qmc
    except ImportError:
        raise OptionError(
            f'sample: method={method!r} needs scipy: pip install "psweep_nb[sample]"'
        ) from None
    make = qmc.LatinHypercube if method == "lhs" else qmc.Sobol
    found = make(dimensions, rng=rng).random(n).tolist()
    return found


def _axis(name: str, axis: Any) -> Callable[[float], Any]:
    """Return what gives the axis's value at a place from 0 on, below 1."""
    if isinstance(axis, tuple):
        return _between(name, axis)
    if hasattr(axis, "tolist") and getattr(axis, "ndim", 0) == 1:  # an array
        axis = axis.tolist()
    if isinstance(axis, list | range):
        if not len(axis):
            raise ParamsError(f"sample: {name!r} has no choices")
        return lambda u: axis[int(u * len(axis))]
    return lambda u: axis


def _between(name: str, axis: tuple[Any, ...]) -> Callable[[float], Any]:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in axis)
    if len(axis) != 2 or not numbers or not axis[0] < axis[1] or not axis[1] - axis[0] < _WIDEST:
        raise ParamsError(
            f"sample: {name!r} is {say(axis)}; a range is a pair (low, high), low below "
            "high; choices are a list"
        )
    low, high = axis
    if isinstance(low, int) and isinstance(high, int):
        return lambda u: low + int(u * (high - low + 1))
    return lambda u: min(float(low + u * (high - low)), float(high))
