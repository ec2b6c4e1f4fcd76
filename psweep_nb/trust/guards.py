"""Looks at what an untrusted pickle wants to call or set, before it happens.

Two dangers: calls that do more than make a value, and numbers that compiled code uses as indices
or sizes without asking (a wrong one reads or writes foreign memory). Each guard takes what the
libraries write and refuses all else.
"""

import collections
import math
import re
from typing import TYPE_CHECKING, Any

from psweep_nb.errors import TrustError

if TYPE_CHECKING:
    import numpy as np

# Of dtypes: integers, floats, complex, bool, text, bytes, dates, objects; no structures, whose
# offsets are not checked by anybody.
_DTYPE = re.compile(r"([biufcSUOMm])(\d*)")
_ATTRIBUTES = frozenset(
    [
        *("categories", "ordered", "unit", "tz", "subtype", "closed", "storage", "_na_value"),
        *("_dtype", "_cache", "int", "is_safe"),
    ]
)
_KINDS = {"DatetimeArray": "M", "TimedeltaArray": "m", "Categorical": "i", "StringArray": "O"}
_TIME_UNITS = (7, 8, 9, 10)  # s, ms, us, ns as NumPy counts them


def refuse(what: str, wanted: str = "") -> TrustError:
    """The error for something that is not on the list."""
    return TrustError(
        f"`{what}` {wanted or 'is not on the list of harmless types'}, so it is only read from"
        " studies you trust; if you know where this one comes from, open it with trust=True"
    )


def _need(condition: object, what: str) -> None:
    if not condition:
        raise refuse(what, "is described in an unusual way")


# -- calls ---------------------------------------------------------------------------------------


def latin1(text: str, encoding: str) -> bytes:
    """How protocols below 3 write bytes."""
    _need(isinstance(text, str) and encoding == "latin1", "bytes")
    return text.encode("latin1")


def default_dict(factory: Any = None) -> dict[Any, Any]:
    """A defaultdict of a built-in type."""
    _need(
        factory is None or factory in (int, float, str, list, dict, bool, tuple, set), "defaultdict"
    )
    return collections.defaultdict(factory)


def dtype(code: str, align: bool = False, copy: bool = True) -> Any:
    """A dtype of its own: a state must not reach NumPy's shared ones."""
    import numpy as np

    _need(isinstance(code, str) and _DTYPE.fullmatch(code), "numpy.dtype")
    return np.dtype(code, False, True)


def empty_array(cls: Any, shape: Any, code: Any) -> Any:
    """An array that gets its content by a state."""
    import numpy as np

    _need(cls is np.ndarray and shape == (0,), "numpy.ndarray")
    return np.empty(0, np.int8)


def scalar(kind: Any, data: Any = None) -> Any:
    """A NumPy number, text or date."""
    import numpy as np

    _need(isinstance(kind, np.dtype) and kind.kind in "biufcSUMm", "numpy.generic")
    _need(isinstance(data, bytes) and len(data) == kind.itemsize, "numpy.generic")
    return np.frombuffer(data, kind)[0] if data else np.zeros((), kind)[()]


def array_of_buffer(buffer: Any, kind: Any, shape: Any, order: Any, axis_order: Any = None) -> Any:
    """An array over bytes (protocol 5)."""
    import numpy as np

    _need(isinstance(buffer, bytes | bytearray) and isinstance(kind, np.dtype), "numpy.ndarray")
    array = np.frombuffer(buffer, kind)
    if order == "K" and axis_order is not None:
        return array.reshape(shape, order="C").transpose(axis_order)
    return array.reshape(shape, order=order)


def extension_array(cls: Any, checksum: Any, state: Any) -> Any:
    """An array of pandas over one of NumPy; compiled code relies on that being there."""
    import numpy as np
    from pandas._libs import arrays
    from pandas.api.extensions import ExtensionArray

    _need(_is_subclass(cls, ExtensionArray) and state is None, "pandas.arrays")
    return arrays.__pyx_unpickle_NDArrayBacked(  # type: ignore[attr-defined]
        cls, checksum, (None, np.empty(0, np.int64))
    )


def interval_array(cls: Any, checksum: Any, state: Any) -> Any:
    """An IntervalArray that gets its content by a state."""
    import pandas as pd
    from pandas._libs import interval

    _need(cls is pd.arrays.IntervalArray and state is None, "pandas.arrays.IntervalArray")
    return interval.__pyx_unpickle_IntervalMixin(  # type: ignore[attr-defined]
        cls, checksum, None
    )


def block(values: Any, placement: Any, ndim: Any) -> Any:
    """Columns of a frame."""
    import numpy as np
    from pandas._libs.internals import _unpickle_block  # type: ignore[import-not-found]
    from pandas.api.extensions import ExtensionArray

    _need(isinstance(values, np.ndarray | ExtensionArray) and ndim == 2, "pandas block")
    columns = len(values) if values.ndim == 2 else 1
    if isinstance(placement, slice):
        steps = (placement.start, placement.stop, placement.step)
        _need(all(type(n) is int and n >= 0 for n in steps) and placement.step, "pandas block")
        _need(len(range(*steps)) == columns, "pandas block")
    else:
        _need(isinstance(placement, np.ndarray) and placement.dtype.kind == "i", "pandas block")
        _need(placement.shape == (columns,), "pandas block")
    return _unpickle_block(values, placement, ndim)


def block_manager(blocks: Any, axes: Any) -> Any:
    """The inside of a DataFrame; each column has its place exactly once."""
    import numpy as np
    import pandas as pd
    from pandas.core.internals.blocks import Block  # type: ignore[import-not-found]
    from pandas.core.internals.managers import BlockManager  # type: ignore[import-not-found]

    what = "pandas.DataFrame"
    _need(isinstance(blocks, tuple) and all(isinstance(b, Block) for b in blocks), what)
    _need(isinstance(axes, list) and len(axes) == 2, what)
    _need(all(isinstance(axis, pd.Index) for axis in axes), what)
    places = [b.mgr_locs.as_array for b in blocks]
    found = np.sort(np.concatenate(places)) if places else np.arange(0)
    _need(np.array_equal(found, np.arange(len(axes[0]))), what)
    return BlockManager(blocks, axes)


def index(cls: Any, state: Any) -> Any:
    """A pandas Index."""
    import pandas as pd
    from pandas.core.indexes import base, datetimes, interval, timedeltas

    _need(_is_subclass(cls, pd.Index) and isinstance(state, dict), "pandas.Index")
    if cls is pd.MultiIndex:
        for codes, level in zip(state["codes"], state["levels"], strict=True):
            _check_codes(codes, len(level), "pandas.MultiIndex")
        _need(len({codes.shape for codes in state["codes"]}) <= 1, "pandas.MultiIndex")
    elif cls is pd.DatetimeIndex:
        _need(isinstance(state.get("data"), pd.arrays.DatetimeArray), "pandas.DatetimeIndex")
        return datetimes._new_DatetimeIndex(cls, state)  # type: ignore[attr-defined]
    elif cls is pd.IntervalIndex:
        return interval._new_IntervalIndex(cls, state)  # type: ignore[attr-defined]
    elif cls is pd.TimedeltaIndex:
        _need(isinstance(state.get("data"), pd.arrays.TimedeltaArray), "pandas.TimedeltaIndex")
        if hasattr(timedeltas, "_new_TimedeltaIndex"):  # pandas 3
            return timedeltas._new_TimedeltaIndex(cls, state)
    return base._new_Index(cls, state)  # type: ignore[attr-defined]


def not_a_time(*args: Any) -> Any:
    """NaT."""
    import pandas as pd

    return pd.NaT


def timedelta(value: Any, unit: Any) -> Any:
    """A pandas Timedelta."""
    from pandas._libs.tslibs import timedeltas

    _need(type(value) is int and unit in _TIME_UNITS, "pandas.Timedelta")
    return timedeltas._timedelta_unpickle(value, unit)  # type: ignore[attr-defined]


def timestamp(value: Any, freq: Any, zone: Any, unit: Any = 10) -> Any:
    """A pandas Timestamp."""
    from pandas._libs.tslibs import timestamps

    _need(type(value) is int and freq is None and unit in _TIME_UNITS, "pandas.Timestamp")
    return timestamps._unpickle_timestamp(  # type: ignore[attr-defined]
        value, None, zone, unit
    )


def time_zone(*args: Any) -> Any:
    """A time zone of pytz, which pandas 2 uses."""
    import pytz  # type: ignore[import-untyped]

    _need(all(isinstance(arg, str | int) for arg in args), "pytz")
    return pytz._p(*args)


def zone_info(key: Any, from_cache: Any) -> Any:
    """A time zone by its name."""
    from zoneinfo import ZoneInfo

    _need(isinstance(key, str), "zoneinfo.ZoneInfo")
    return ZoneInfo(key)


def decode_text(data: Any, encoding: Any, errors: Any) -> str:
    """The text of bytes."""
    _need(type(data) is bytes and (encoding, errors) == ("utf-8", "surrogatepass"), "bytes.decode")
    text: str = data.decode(encoding, errors)
    return text


def split_text(text: Any, separator: Any) -> list[str]:
    """The texts that were joined to one."""
    _need(type(text) is str and type(separator) is str, "str.split")
    parts: list[str] = text.split(separator)
    return parts


def arrow_type(alias: Any) -> Any:
    """The text types of Arrow: pandas 3 keeps text in it where it is installed."""
    import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    _need(alias in ("string", "large_string"), "pyarrow.DataType")
    return pyarrow.type_for_alias(alias)


def arrow_buffer(data: Any) -> Any:
    """Bytes of an Arrow array."""
    import pyarrow

    _need(isinstance(data, bytes | bytearray), "pyarrow.Buffer")
    return pyarrow.py_buffer(data)


def arrow_array(data: Any) -> Any:
    """An array of text of Arrow, which checks its own offsets when asked to."""
    import pyarrow

    what = "pyarrow.Array"
    _need(
        isinstance(data, tuple) and len(data) == 7 and isinstance(data[0], pyarrow.DataType), what
    )
    _need(all(type(n) is int for n in data[1:4]) and not data[5] and data[6] is None, what)
    _need(all(b is None or isinstance(b, pyarrow.Buffer) for b in data[4]), what)
    array = pyarrow.lib._restore_array(data)
    array.validate(full=True)
    return array


# -- states --------------------------------------------------------------------------------------


def check_attributes(inst: Any, state: Any) -> None:
    """The attributes of a dtype or a UUID, and no others: one could stand before a method."""
    import numpy as np
    import pandas as pd

    what = f"{type(inst).__module__}.{type(inst).__name__}"
    _need(isinstance(state, dict) and _ATTRIBUTES.issuperset(state), what)
    _need(isinstance(state.get("categories"), pd.Index | None), what)
    _need(isinstance(state.get("_dtype"), np.dtype | None), what)


def check_frame(inst: Any, state: Any) -> None:
    """A DataFrame or Series over a manager, both checked before."""
    from pandas.core.internals.managers import BlockManager, SingleBlockManager

    what = f"pandas.{type(inst).__name__}"
    _need(isinstance(state, dict), what)
    manager = SingleBlockManager if what == "pandas.Series" else BlockManager
    _need(type(state.get("_mgr")) is manager, what)
    # Any other attribute could stand before a method.
    usual = {"_mgr", "_typ", "_metadata", "attrs", "_flags", "_name", "name", "_item_cache"}
    _need(usual.issuperset(state), what)


def check_single_block(inst: Any, state: Any) -> None:
    """The inside of a Series."""
    what = "pandas.Series"
    _need(isinstance(state, tuple) and len(state) == 4 and "0.14.1" in state[3], what)
    inside = state[3]["0.14.1"]
    (axis,), (only,) = inside["axes"], inside["blocks"]
    _need(len(axis) == len(only["values"]), what)
    _need(only["mgr_locs"] == slice(0, len(axis), 1), what)


def check_backed_array(inst: Any, state: Any) -> None:
    """An array of pandas over one of NumPy."""
    import numpy as np

    what = f"pandas.arrays.{type(inst).__name__}"
    _need(isinstance(state, tuple) and len(state) in (2, 3), what)
    _need(type(state[1]) is np.ndarray, what)
    # Compiled code takes the one for the other.
    kind = _KINDS.get(type(inst).__name__)
    _need(kind is None or state[1].dtype.kind == kind, what)
    more = state[2] if len(state) == 3 else {}
    _need(isinstance(more, dict) and {"_freq", "_cache", "_readonly"}.issuperset(more), what)


def check_categorical(inst: Any, state: Any) -> None:
    """A Categorical: codes point into the categories."""
    import pandas as pd

    check_backed_array(inst, state)
    _need(isinstance(state[0], pd.CategoricalDtype), "pandas.Categorical")
    _check_codes(state[1], len(state[0].categories), "pandas.Categorical")


def check_arrow_array(inst: Any, state: Any) -> None:
    """Text of pandas over an array of Arrow."""
    import pyarrow

    what = "pandas.arrays.ArrowStringArray"
    usual = {"_pa_array", "_dtype", "_cache", "_readonly"}
    _need(isinstance(state, dict) and usual.issuperset(state), what)
    _need(isinstance(state.get("_pa_array"), pyarrow.Array), what)


def check_masked_array(inst: Any, state: Any) -> None:
    """Values and a mask of the same length."""
    import numpy as np

    what = f"pandas.arrays.{type(inst).__name__}"
    _need(isinstance(state, dict), what)
    data, mask = state.get("_data"), state.get("_mask")
    _need(isinstance(data, np.ndarray) and data.dtype.kind in "biuf", what)
    _need(isinstance(mask, np.ndarray) and mask.dtype.kind == "b", what)
    _need(data.shape == mask.shape, what)
    _need({"_data", "_mask", "_dtype", "_cache", "_readonly"}.issuperset(state), what)


def check_interval_array(inst: Any, state: Any) -> None:
    """Two arrays of the same length."""
    what = "pandas.arrays.IntervalArray"
    _need(isinstance(state, tuple) and len(state) == 1 and isinstance(state[0], dict), what)
    _need({"_left", "_right", "_dtype", "_readonly"}.issuperset(state[0]), what)
    _need(len(state[0]["_left"]) == len(state[0]["_right"]), what)


def check_array(inst: Any, state: Any) -> None:
    """The content of an array; NumPy itself compares its length with the shape."""
    import numpy as np

    what = "numpy.ndarray"
    _need(isinstance(state, tuple) and len(state) == 5, what)
    _, shape, kind, _, data = state
    _need(isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape), what)
    _need(isinstance(kind, np.dtype), what)
    _need(isinstance(data, list if kind.kind == "O" else bytes), what)
    _need(len(data) == math.prod(shape) * (1 if kind.kind == "O" else kind.itemsize), what)


def check_dtype(inst: "np.dtype[Any]", state: Any) -> None:
    """The state that NumPy itself writes for this dtype, up to byte order and unit of time."""
    import numpy as np

    _need(isinstance(state, tuple) and len(state) in (8, 9), "numpy.dtype")
    expected = inst
    if inst.kind in "Mm":
        metadata, (unit, step, *_) = state[8]
        _need(not metadata and type(step) is int, "numpy.dtype")
        name = unit.decode("ascii") if isinstance(unit, bytes) else "?"
        expected = np.dtype(f"{inst.kind}8[{step}{name}]" if name != "generic" else f"{inst.kind}8")
    if state[1] in ("<", ">"):
        expected = expected.newbyteorder(state[1])
    reduced: Any = expected.__reduce__()
    _need(state[1:8] == reduced[2][1:8], "numpy.dtype")


def _check_codes(codes: Any, count: int, what: str) -> None:
    import numpy as np

    _need(isinstance(codes, np.ndarray) and codes.dtype.kind == "i", what)
    _need(not codes.size or (codes.min() >= -1 and codes.max() < count), what)


def _is_subclass(cls: Any, of: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, of)
