"""Rows of a grid as arrays over its axes, in an xarray Dataset: `Study.to_xarray` is this."""

import contextlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import OptionError

if TYPE_CHECKING:
    import xarray

_MOST_CELLS = 1_000_000  # of a result, if they are more than so many times its rows:
_SPARSE = 100


@dataclass(frozen=True)
class Axis:
    """A parameter: its different values in order, and the place of each row among them."""

    values: list[Any]
    codes: np.ndarray[Any, Any]

    @property
    def coordinate(self) -> np.ndarray[Any, Any]:
        """The values as an array."""
        return _as_array(self.values)


def to_dataset(
    rows: pd.DataFrame,
    params: Sequence[str],
    cols: Sequence[str] | None,
    dims: Sequence[str] | None,
) -> "xarray.Dataset":
    """Return rows of psets that are done as a Dataset; see `Study.to_xarray`."""
    module = _xarray()
    names = [name for name in params if name in rows]
    names += [name for name in ("_repeat",) if name in rows and name not in names]
    results = [n for n in rows.columns if n not in params and not n.startswith("_")]
    if cols is not None:
        results = frames.columns_given(cols, "cols", results)
    axes = {name: _axis(rows[name].tolist()) for name in names}
    varied = {name: axis for name, axis in axes.items() if len(axis.values) > 1}
    if dims is not None:
        chosen = frames.columns_given(dims, "dims", names)
        along = {name: _one_of(name, varied, chosen, axes) for name in varied if name not in chosen}
    else:
        along = _along(varied)
        chosen = [name for name in varied if name not in along]
    _check_size([len(axes[name].values) for name in chosen], chosen, len(rows))
    where = tuple(axes[name].codes for name in chosen)
    shape = tuple(len(axes[name].values) for name in chosen)
    coords = {name: ((name,), axes[name].coordinate) for name in chosen}
    for name, dim in along.items():
        coords[name] = ((dim,), _along_values(axes[name], axes[dim]))
    data = {}
    for name in results:
        array, more = _on_grid(rows[name], name, where, shape, {*names, *results})
        data[name] = ((*chosen, *more), array)
    constants = {n: axis.values[0] for n, axis in axes.items() if len(axis.values) == 1}
    constants = {n: value for n, value in constants.items() if n not in chosen}
    attributes = {n: value for n, value in constants.items() if value is not pd.NA}
    dataset: xarray.Dataset = module.Dataset(data, coords, attributes)
    return dataset


def _xarray() -> Any:
    try:
        import xarray
    except ImportError:
        raise OptionError('to_xarray needs xarray: pip install "psweep_nb[xarray]"') from None
    return xarray


def _axis(values: list[Any]) -> Axis:
    try:
        first = {_label(value): value for value in reversed(values)}
    except TypeError:  # lists and such: their text stands for them
        values = [repr(value) for value in values]
        first = {value: value for value in values}
    different = [first[label] for label in dict.fromkeys(map(_label, values))]
    with contextlib.suppress(TypeError):  # of several kinds, or absent: as they came
        different.sort(key=lambda value: (value != value, value))  # NaN last
    place = {_label(value): number for number, value in enumerate(different)}
    return Axis(different, np.array([place[_label(v)] for v in values], dtype=np.intp))


def _label(value: Any) -> Hashable:
    """What is equal where values are: NaN is NaN, True is not 1."""
    if isinstance(value, float) and value != value:
        return (float, "nan")
    label: Hashable = (bool, value) if isinstance(value, bool) else value
    hash(label)
    return label


def _along(axes: Mapping[str, Axis]) -> dict[str, str]:
    """Parameters that are fixed by another one: they are no axes, but coordinates along it.

    Of ties, as ``zip(a, b)`` makes them, the first is the axis.
    """
    found: dict[str, str] = {}
    order = sorted(axes, key=lambda name: -len(axes[name].values))
    for place, name in enumerate(order):
        for dim in order[:place]:
            if dim not in found and _fixes(axes[dim], axes[name]):
                found[name] = dim
                break
    return found


def _fixes(dim: Axis, other: Axis) -> bool:
    pairs = set(zip(dim.codes.tolist(), other.codes.tolist(), strict=True))
    return len(pairs) == len(dim.values)


def _one_of(name: str, axes: Mapping[str, Axis], dims: Sequence[str], known: Any) -> str:
    for dim in dims:
        if _fixes(known[dim], axes[name]):
            return dim
    raise OptionError(
        f"{name!r} has several values at one place of the grid of {', '.join(map(repr, dims))}: "
        f"add it to dims, or choose rows ({name}={axes[name].values[0]!r:.40})"
    )


def _along_values(axis: Axis, dim: Axis) -> np.ndarray[Any, Any]:
    values: list[Any] = [None] * len(dim.values)
    for place, code in zip(dim.codes, axis.codes, strict=True):
        values[place] = axis.values[code]
    return _as_array(values)


def _as_array(values: list[Any]) -> np.ndarray[Any, Any]:
    array = frames.typed([frames.ABSENT if value is pd.NA else value for value in values])
    if not isinstance(array, np.ndarray):  # numbers, some of them absent
        return np.asarray(array.to_numpy("float64", na_value=np.nan))
    if array.dtype != object:
        return array
    found = np.full(len(values), None, dtype=object)
    for place, value in enumerate(values):  # at once, arrays among them would become one array
        found[place] = None if value is pd.NA else value
    return found


def _check_size(lengths: list[int], dims: Sequence[str], rows: int) -> None:
    cells = prod(lengths)
    if cells > _MOST_CELLS and cells > _SPARSE * rows:
        axes = ", ".join(f"{name} ({n})" for name, n in zip(dims, lengths, strict=True))
        raise OptionError(
            f"these {rows} rows are no grid: {axes} would make {cells} cells. Choose rows, or the "
            "axes: dims=[...]"
        )


def _on_grid(
    column: "pd.Series[Any]",
    name: str,
    where: tuple[Any, ...],
    shape: tuple[int, ...],
    taken: Collection[str],
) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """A result on the grid, and names of dimensions of its own; of a place the last row counts."""
    values = column.tolist()
    places = list(zip(*(codes.tolist() for codes in where), strict=True)) or [()] * len(values)
    found = {place: v for place, v in zip(places, values, strict=True) if v is not pd.NA}
    whole = len(found) == prod(shape)
    arrays = [v for v in found.values() if isinstance(v, np.ndarray) and v.dtype.kind in "biufc"]
    inner: tuple[int, ...] = ()
    if arrays and len(arrays) == len(found) and len({v.shape for v in arrays}) == 1:
        inner, kind = arrays[0].shape, np.result_type(*arrays)
    else:
        kind = _as_array(list(found.values())).dtype
    if kind.kind not in "biufc":
        grid = np.full(shape, None, dtype=object)
    elif whole:
        grid = np.empty(shape + inner, dtype=kind)
    else:
        grid = np.full(shape + inner, np.nan, dtype=np.result_type(float, kind))
    for place, value in found.items():
        grid[place] = value
    return grid, tuple(_free(f"{name}_dim_{n}", taken) for n in range(len(inner)))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
