"""The list: which names an untrusted pickle may mention, and what it may do with each.

Found by pickling frames, indexes, arrays and values of all kinds with pandas 2.2 to 3.1, NumPy
1.26 to 2.4 and protocols 2 to 5. Exact names only, never a whole module. Left out on purpose: what
imports, calls or looks up something else (getattr, partial, operator, copyreg), classes of users,
and what hands unchecked indices to compiled code (sparse arrays, periods).
"""

from collections.abc import Callable
from typing import Any

from psweep_nb.trust import guards

_ARRAYS = {
    "ArrowStringArray": "pandas.core.arrays.string_arrow",
    "BooleanArray": "pandas.core.arrays.boolean",
    "Categorical": "pandas.core.arrays.categorical",
    "DatetimeArray": "pandas.core.arrays.datetimes",
    "FloatingArray": "pandas.core.arrays.floating",
    "IntegerArray": "pandas.core.arrays.integer",
    "IntervalArray": "pandas.core.arrays.interval",
    "NumpyExtensionArray": "pandas.core.arrays.numpy_",
    "StringArray": "pandas.core.arrays.string_",
    "TimedeltaArray": "pandas.core.arrays.timedeltas",
}
_INDEXES = {
    "CategoricalIndex": "pandas.core.indexes.category",
    "DatetimeIndex": "pandas.core.indexes.datetimes",
    "Index": "pandas.core.indexes.base",
    "IntervalIndex": "pandas.core.indexes.interval",
    "MultiIndex": "pandas.core.indexes.multi",
    "RangeIndex": "pandas.core.indexes.range",
    "TimedeltaIndex": "pandas.core.indexes.timedeltas",
}
_DTYPES = {
    "BooleanDtype": "pandas.core.arrays.boolean",
    "CategoricalDtype": "pandas.core.dtypes.dtypes",
    "DatetimeTZDtype": "pandas.core.dtypes.dtypes",
    "Float32Dtype": "pandas.core.arrays.floating",
    "Float64Dtype": "pandas.core.arrays.floating",
    "IntervalDtype": "pandas.core.dtypes.dtypes",
    "StringDtype": "pandas.core.arrays.string_",
    **{f"{u}Int{n}Dtype": "pandas.core.arrays.integer" for u in ("", "U") for n in (8, 16, 32, 64)},
}
_FRAMES = {"DataFrame": "pandas.core.frame", "Series": "pandas.core.series"}


def _both(names: dict[str, str], public: str) -> list[str]:
    """Names as pandas 2 and as pandas 3 writes them."""
    return [f"{place}:{name}" for name, old in names.items() for place in (old, public)]


_OFFSETS = ("Day", "Hour", "Minute", "Second", "Milli", "Micro", "Nano")

# Called with the arguments of the pickle: immutable values, or containers of them.
CALLED = frozenset(
    [
        *(f"builtins:{n}" for n in ("bytearray", "bytes", "complex", "frozenset")),
        *("builtins:range", "builtins:set", "builtins:slice"),
        *("collections:Counter", "collections:OrderedDict", "collections:deque"),
        *(f"datetime:{n}" for n in ("date", "datetime", "time", "timedelta", "timezone")),
        *("decimal:Decimal", "fractions:Fraction"),
        *(f"pathlib:{n}" for n in ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")),
        *("pandas:Interval", "pandas._libs.interval:Interval"),
        *("pandas:StringDtype", "pandas.core.arrays.string_:StringDtype"),
        *(f"pandas._libs.tslibs.offsets:{name}" for name in _OFFSETS),
    ]
)

# Made empty, without arguments, and then given a state that was checked.
MADE = frozenset(
    [
        *_both(_FRAMES, "pandas"),
        *_both(_DTYPES, "pandas"),
        *_both(_ARRAYS, "pandas.arrays"),
        "pandas.core.dtypes.dtypes:NumpyEADtype",
        "pandas.core.internals.managers:SingleBlockManager",
        "uuid:UUID",
    ]
)

# Only ever arguments or values.
HANDED = frozenset(
    [
        *_both(_INDEXES, "pandas"),
        "pandas:Categorical",
        "pandas:NA",
        "pandas._libs.missing:NA",
        "numpy:ndarray",
        "pytz:_UTC",
        *("builtins:getattr", "zoneinfo:ZoneInfo"),  # for ZoneInfo._unpickle, see careful.py
        *(f"builtins:{n}" for n in ("int", "float", "str", "list", "dict", "bool", "tuple")),
        *("builtins:Ellipsis", "builtins:NotImplemented"),
    ]
)

# Called through a function that looks at the arguments first.
GUARDED: dict[str, Callable[..., Any]] = {
    "_codecs:encode": guards.latin1,
    "collections:defaultdict": guards.default_dict,
    "numpy:dtype": guards.dtype,
    "numpy._core.multiarray:_reconstruct": guards.empty_array,
    "numpy._core.multiarray:scalar": guards.scalar,
    "numpy._core.numeric:_frombuffer": guards.array_of_buffer,
    "pandas._libs.arrays:__pyx_unpickle_NDArrayBacked": guards.extension_array,
    "pandas._libs.interval:__pyx_unpickle_IntervalMixin": guards.interval_array,
    "pandas._libs.internals:_unpickle_block": guards.block,
    "pandas._libs.tslibs.nattype:__nat_unpickle": guards.not_a_time,
    "pandas._libs.tslibs.nattype:_nat_unpickle": guards.not_a_time,
    "pandas._libs.tslibs.timedeltas:_timedelta_unpickle": guards.timedelta,
    "pandas._libs.tslibs.timestamps:_unpickle_timestamp": guards.timestamp,
    "pandas.core.indexes.base:_new_Index": guards.index,
    "pandas.core.indexes.datetimes:_new_DatetimeIndex": guards.index,
    "pandas.core.indexes.interval:_new_IntervalIndex": guards.index,
    "pandas.core.indexes.timedeltas:_new_TimedeltaIndex": guards.index,
    "pandas.core.internals.managers:BlockManager": guards.block_manager,
    "pyarrow.lib:_restore_array": guards.arrow_array,
    "pyarrow.lib:py_buffer": guards.arrow_buffer,
    "pyarrow.lib:type_for_alias": guards.arrow_type,
    "pytz:_p": guards.time_zone,
}

# One thing under several names: of Python 2 (protocols below 3), NumPy 1, pathlib in Python 3.13.
MOVED = {
    **{f"__builtin__:{key[9:]}": key for key in CALLED | HANDED if key.startswith("builtins:")},
    "__builtin__:xrange": "builtins:range",
    "__builtin__:long": "builtins:int",
    **{key.replace("_core", "core"): key for key in GUARDED if key.startswith("numpy._core")},
    **{
        key.replace("pathlib", "pathlib._local"): key
        for key in CALLED
        if key.startswith("pathlib:")
    },
}

# Which instances may be given a state, and what looks at it first.
STATEFUL: dict[str, Callable[[Any, Any], None]] = {
    **dict.fromkeys(_both(_FRAMES, "pandas"), guards.check_frame),
    **dict.fromkeys(_both(_DTYPES, "pandas"), guards.check_attributes),
    **dict.fromkeys(_both(_ARRAYS, "pandas.arrays"), guards.check_backed_array),
    **dict.fromkeys(
        _both(
            {
                k: v
                for k, v in _ARRAYS.items()
                if k in ("BooleanArray", "FloatingArray", "IntegerArray")
            },
            "pandas.arrays",
        ),
        guards.check_masked_array,
    ),
    **dict.fromkeys(
        _both({"ArrowStringArray": "pandas.core.arrays.string_arrow"}, "pandas.arrays"),
        guards.check_arrow_array,
    ),
    "pandas:Categorical": guards.check_categorical,
    "pandas.core.arrays.categorical:Categorical": guards.check_categorical,
    "pandas.arrays:IntervalArray": guards.check_interval_array,
    "pandas.core.arrays.interval:IntervalArray": guards.check_interval_array,
    "pandas.core.dtypes.dtypes:NumpyEADtype": guards.check_attributes,
    "pandas.core.internals.managers:SingleBlockManager": guards.check_single_block,
    "uuid:UUID": guards.check_attributes,
    "numpy:ndarray": guards.check_array,
    "numpy:dtype": guards.check_dtype,
}
