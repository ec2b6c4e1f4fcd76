"""What an untrusted pickle may hold comes back; what it may not is refused and nothing runs."""

import collections
import contextlib
import datetime as dt
import decimal
import fractions
import pathlib
import pickle
import resource
import subprocess
import sys
import uuid
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psweep_nb.errors import JournalError, TrustError
from psweep_nb.trust import loader, loads, read_table

PROTOCOLS = range(2, 6)

VALUES = [
    *(None, True, 3, 2**80, 2.5, 1j, "text", b"\xff", bytearray(b"a"), ..., slice(1, 2), range(3)),
    *([1, [2]], (1, ()), {"a": {1: 2}}, {1, "a"}, frozenset([(1, 2)]), {(1, 2): [None]}),
    *(decimal.Decimal("1.50"), fractions.Fraction(-1, 3), uuid.UUID(int=5)),
    *(dt.date(2020, 1, 2), dt.time(1, 2), dt.timedelta(1), dt.datetime(2020, 1, 1, 3)),
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    *(pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("a"), pathlib.Path("x")),
    *(collections.OrderedDict(b=1, a=2), collections.Counter("aab"), collections.deque([1], 5)),
    collections.defaultdict(list, a=[1]),
    *(np.float64(1.5), np.int8(3), np.bool_(True), np.complex64(1j), np.str_("ab"), np.bytes_(b"")),
    *(
        np.datetime64("2020-01-01"),
        np.timedelta64(3, "s"),
        np.datetime64("NaT", "s"),
        np.float16(1),
    ),
    *(np.dtype("f8"), np.dtype(">i4"), np.dtype("M8[ns]"), np.dtype("U3")),
    *(pd.Timestamp("2020-01-01 12:00"), pd.Timestamp("2020", tz="Europe/Berlin")),
    *(pd.Timedelta("1s"), pd.NaT, pd.NA, pd.Interval(0, 1)),
]

ARRAYS = [
    *(np.arange(3.0), np.asfortranarray(np.ones((2, 3))), np.empty(0), np.array(5)),
    *(np.arange(6).reshape(2, 3).T, np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2)),
    *(np.arange(3, dtype="u2"), np.arange(4)[::2], np.zeros((0, 3)), np.array([True, False])),
    *(np.array([1, "a", None, [2]], dtype=object), np.array(["a", "bc"]), np.array([b"a"])),
    *(np.array(["2020-01-01", "NaT"], "M8[ns]"), np.array([1, 2], "m8[5m]"), np.array([1j])),
]

INDEXES = [
    *(pd.Index([1, 2]), pd.Index([1.5]), pd.Index(["a", None], dtype=object), pd.RangeIndex(3)),
    *(pd.Index(["a", "b"]), pd.DatetimeIndex(["2020", "2020"]), pd.Index([True])),
    *(pd.date_range("2020", periods=3), pd.date_range("2020", periods=2, tz="UTC")),
    *(pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["x", None]), pd.Index([], name="n")),
    *(
        pd.CategoricalIndex(["a", "b"]),
        pd.interval_range(0, 3),
        pd.timedelta_range("1s", periods=2),
    ),
]

COLUMNS: dict[str, Any] = {
    "int64": np.arange(3),
    "int32": np.arange(3, dtype="i4"),
    "float64": np.array([1.0, np.nan, np.inf]),
    "bool": np.array([True, False, True]),
    "complex": np.ones(3) * 1j,
    "Int64": pd.array([1, 2, None], dtype="Int64"),
    "UInt8": pd.array([1, 2, None], dtype="UInt8"),
    "Float64": pd.array([1.0, 2, None], dtype="Float64"),
    "boolean": pd.array([True, False, None], dtype="boolean"),
    "object": pd.Series([1, "a", None], dtype=object),
    "arrays": pd.Series([np.arange(2), {"a": [1]}, (1, 2)], dtype=object),
    "text": pd.Series(["a", "b", "c"], dtype=object),
    "str": ["a", "b", "c"],
    "string": pd.array(["a", None, "c"], dtype=pd.StringDtype("python")),
    "ns": np.array(["2020", "2021", "NaT"], "M8[ns]"),
    "s": np.array(["2020", "2021", "2022"], "M8[s]"),
    "utc": pd.to_datetime(["2020", "2021", "2022"], utc=True),
    "timedelta": pd.to_timedelta([1, 2, 3]),
    "category": pd.Categorical(["a", "b", "a"]),
    "interval": pd.interval_range(0, 3),
}


def same(one: Any, two: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype != two.dtype or one.shape != two.shape:
            return False
        return (
            all(map(same, one.ravel(), two.ravel()))
            if one.dtype == object
            else bool(np.array_equal(one, two, equal_nan=one.dtype.kind in "fcmM"))
        )
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two)
        return True
    if isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, two)
        return True
    if isinstance(one, pd.Index):
        pd.testing.assert_index_equal(one, two, exact=True)
        return True
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(map(same, one.values(), two.values()))
    return bool(one is two or one == two or repr(one) == repr(two))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [*VALUES, *ARRAYS, *INDEXES], ids=lambda v: f"{v!r:.40}")
def test_harmless_values_come_back(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol=protocol)
    # NumPy itself turns other byte orders into the machine's own.
    assert same(pickle.loads(data), loads(data, trusted=False))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back(name: str, protocol: int) -> None:
    frame = pd.DataFrame({"x": COLUMNS[name]})
    assert same(frame, loads(pickle.dumps(frame, protocol=protocol), trusted=False))
    assert same(frame["x"], loads(pickle.dumps(frame["x"], protocol=protocol), trusted=False))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_table_of_all_columns_comes_back(protocol: int, tmp_path: Path) -> None:
    frame = pd.DataFrame(COLUMNS)
    frame.index = pd.DatetimeIndex(["2020"] * 3)
    frame.attrs["note"] = "x"
    path = tmp_path / "database.pk"
    for each in (frame, frame.iloc[::2], frame[["int64", "text"]], frame.iloc[:0], pd.DataFrame()):
        each.to_pickle(path, protocol=protocol)
        assert same(each, read_table(path, trusted=False))
        assert same(each, read_table(path, trusted=True))
    made = read_table(path, trusted=False)
    made["new"] = 1  # a frame like any other


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_frame_of_allowed_values_comes_back(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 4))
    values = st.one_of(
        st.sampled_from([*VALUES, *ARRAYS]),
        st.text(),
        st.integers(),
        st.floats(),
        st.binary(),
        st.datetimes(),
        st.decimals(allow_nan=False),
        st.recursive(
            st.none() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner, inner)
        ),
    )
    names = data.draw(st.lists(st.text(min_size=1), unique=True, max_size=4))
    columns: dict[str, Any] = {}
    for name in names:
        kind: Any = data.draw(
            st.sampled_from(["object", "i8", "f8", "Int64", "Float64", "boolean", "M8"])
        )
        if kind == "object":
            cells = np.empty(rows, dtype=object)
            for i in range(rows):
                cells[i] = data.draw(values)
            columns[name] = pd.Series(cells, dtype=object)
        elif kind == "M8":
            columns[name] = np.array(
                [data.draw(st.integers(0, 10**9)) for _ in range(rows)], "M8[s]"
            )
        else:
            integers = [data.draw(st.integers(0, 1)) for _ in range(rows)]
            columns[name] = pd.array(integers, dtype=kind)
    frame = pd.DataFrame(columns)
    frame.columns = pd.Index(list(frame.columns), dtype=object)
    made = loads(pickle.dumps(frame, protocol=data.draw(st.sampled_from(PROTOCOLS))), trusted=False)
    assert isinstance(made, pd.DataFrame)
    assert list(made.dtypes) == list(frame.dtypes) and list(made.columns) == list(frame.columns)
    for name in names:
        assert all(map(same, frame[name], made[name]))


def test_what_was_shared_stays_shared_and_cycles_close() -> None:
    shared = [decimal.Decimal(1)]
    cycle: list[object] = [shared, shared, (shared,), decimal.Decimal(2)]
    cycle.append(cycle)
    made: Any = loads(pickle.dumps(cycle), trusted=False)
    assert made[0] is made[1] is made[2][0] and made[4] is made
    assert made[0] == [decimal.Decimal(1)] and made[3] == decimal.Decimal(2)


# -- damage --------------------------------------------------------------------------------------


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """No more than 2 GB on top: a flipped byte can ask for 64 GB, which Linux would give."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_pickles_give_an_error_of_ours_or_an_object(data: st.DataObject) -> None:
    whole = pickle.dumps(
        data.draw(st.sampled_from([VALUES, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), ARRAYS])),
        protocol=data.draw(st.sampled_from(PROTOCOLS)),
    )
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["cut", "zeros", "flip"]))
    if change == "cut":
        damaged = whole[:place]
    elif change == "zeros":
        damaged = whole[:place] + b"\0" * (len(whole) - place)
    else:
        flipped = whole[place] ^ data.draw(st.integers(1, 255))
        damaged = whole[:place] + bytes([flipped]) + whole[place + 1 :]
    with little_memory(), contextlib.suppress(JournalError, TrustError):
        loads(damaged, trusted=False)
    if change == "cut":
        with pytest.raises(JournalError, match="cannot be read back"):
            loads(damaged, trusted=False)
        with pytest.raises(JournalError, match="cannot be read back"):
            loads(damaged, trusted=True)


def test_a_damaged_pickle_that_asks_for_too_much_memory_is_an_error_of_ours() -> None:
    asks_for_64_gb = b"\x80\x02Nr\xff\xff\xff\xff."
    with little_memory(), pytest.raises(JournalError, match="MemoryError"):
        loads(asks_for_64_gb, trusted=False)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("data", [b"", b"garbage", b"\x80\x05N", b"\x80\x7f.", b"N" * 1000])
def test_garbage_is_an_error_of_ours(data: bytes, trusted: bool, tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        loads(data, trusted)
    path = tmp_path / "database.pk"
    path.write_bytes(data)
    with pytest.raises(JournalError):
        read_table(path, trusted)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_table_is_a_frame(trusted: bool, tmp_path: Path) -> None:
    path = tmp_path / "database.pk"
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(JournalError, match="DataFrame, found a list"):
        read_table(path, trusted)
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "missing", trusted)


def test_a_trusted_loader_is_pickle_itself() -> None:
    assert loader(trusted=True) is pickle.loads
    assert loader(trusted=False)(pickle.dumps([np.float64(1)])) == [1.0]


def test_nothing_heavy_is_imported_for_plain_values() -> None:
    code = (
        "import pickle, sys; from psweep_nb.trust import loads;"
        "loads(pickle.dumps({'a': 1}), False); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
