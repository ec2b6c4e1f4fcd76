import functools
import io
import itertools
import os
import pickle
import pickletools
import subprocess
import sys
import tracemalloc
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as a_numpy
from pandas.arrays import FloatingArray

from psweep_nb.errors import StudyError
from psweep_nb.frames import ABSENT, BOOKKEEPING, build, columns_of, dump, merge, snapshot
from psweep_nb.trust import loads
from tests import strategies

NAN = float("nan")
DTYPES = st.sampled_from(["?", "i2", ">i4", "u8", "f4", "f8", "c16", "M8[ns]", "m8[s]", "U3", "S2"])

cells = st.one_of(
    strategies.scalars,
    st.just(ABSENT),
    strategies.any_floats.map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(-128, 127).map(np.int8),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.booleans().map(np.bool_),
    st.just(np.longdouble("0.1")),
    st.just(np.datetime64("2024-01-02", "ns")),
    st.just(pd.Timestamp("2024-01-02")),
    st.lists(st.integers(), max_size=2),
    st.lists(st.floats(), min_size=2, max_size=2).map(np.array),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
numbers = strategies.integers | strategies.any_floats | st.booleans() | st.just(ABSENT)
columns = st.one_of(
    st.lists(cells, max_size=6),
    st.lists(numbers, max_size=6),
    st.lists(strategies.integers | st.just(ABSENT), max_size=6),
    st.lists(strategies.any_floats | st.just(ABSENT), max_size=6),
)


def same(given: Any, read: Any) -> bool:
    """Whether a value read back is the one put in."""
    if given is ABSENT or given is pd.NA:
        return read is pd.NA
    if read is pd.NA:
        return False
    if isinstance(given, np.ndarray):
        return isinstance(read, np.ndarray) and np.array_equal(given, read, equal_nan=True)
    if isinstance(given, float | np.floating) and given != given:
        return isinstance(read, float | np.floating) and read != read
    if isinstance(given, bool | np.bool_) != isinstance(read, bool | np.bool_):
        return False
    if isinstance(given, list | dict | str) or given is None:
        return type(given) is type(read) and repr(given) == repr(read)
    return bool(given == read)


def assert_same(given: list, read: list) -> None:
    assert len(given) == len(read)
    for one, other in zip(given, read, strict=True):
        assert same(one, other), (one, other)


def dtype_of(values: list) -> str:
    return build({"v": values}, np.arange(len(values)))["v"].dtype.name


class TestTyped:
    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            ([1, 2], "int64"),
            ([1.5, 2.5], "float64"),
            ([True, False], "bool"),
            ([1, ABSENT], "Int64"),
            ([1.5, NAN, ABSENT], "Float64"),
            ([True, ABSENT], "boolean"),
            ([1, 2.5], "float64"),
            ([2**60, 2.5], "float64"),
            ([2**53 + 1, 2.5], "object"),
            ([10**400, 2.5], "object"),
            ([2**63 - 1, -(2**63)], "int64"),
            ([2**63], "object"),
            ([2**70, 0.5], "float64"),
            ([2**63, ABSENT], "object"),
            ([True, 1], "object"),
            ([True, 1.0], "object"),
            (["x", "y"], "object"),
            (["x", ABSENT], "object"),
            ([None, 1], "object"),
            ([ABSENT, ABSENT], "object"),
            ([], "object"),
            ([[1, 2], [3, 4]], "object"),
            ([np.int8(1), 2], "int64"),
            ([np.uint64(2**64 - 1)], "object"),
            ([np.float32(0.1), 1], "float64"),
            ([np.float16(0.5)], "float64"),
            ([np.bool_(True)], "bool"),
            ([np.longdouble(1)], "object"),
            ([1j], "object"),
            ([np.datetime64("2024-01-01")], "object"),
            ([np.timedelta64(1, "s")], "object"),
            ([pd.Timestamp("2024-01-01")], "object"),
            ([np.str_("x")], "object"),
            ([strategies.Color.RED], "object"),
        ],
    )
    def test_types(self, values, dtype):
        assert dtype_of(values) == dtype

    def test_absent_is_not_nan_and_not_none(self):
        column = build({"v": [1.5, NAN, ABSENT]}, np.arange(3))["v"]
        assert_same([1.5, NAN, ABSENT], column.tolist())
        assert column.isna().tolist() == [False, False, True]
        assert_same([None, ABSENT], build({"v": [None, ABSENT]}, np.arange(2))["v"].tolist())

    @given(columns)
    def test_reads_back_what_was_put_in(self, values):
        df = build({"v": values}, np.arange(len(values)))
        assert_same(values, df["v"].tolist())
        assert_same(values, pickle.loads(pickle.dumps(df))["v"].tolist())
        if any(value is not ABSENT for value in values):  # pandas 2 makes these NaN
            assert_same(values + values, pd.concat([df, df])["v"].tolist())

    @given(columns, columns)
    @example([2**53 + 1], [0.5])
    @example([2**60, ABSENT], [0.5])
    @example([-(2**63)], [0.5])
    @example([True], [ABSENT])
    @example([2**70], [0.5])
    def test_type_does_not_depend_on_how_values_came(self, first, second):
        both = rows(range(len(first + second)), v=first + second)
        old = rows(range(len(first)), v=first)
        new = rows(range(len(first), len(first + second)), v=second)
        merged = merge(old, new)
        assert_same(first + second, values_of(merged, "v", len(first + second)))
        if "v" in merged:
            assert merged["v"].dtype == both["v"].dtype


class TestColumnsOf:
    @given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3), max_size=5))
    def test_holds_every_value_once(self, dicts):
        found = columns_of(dicts)
        for row, dct in enumerate(dicts):
            assert {k: v[row] for k, v in found.items() if v[row] is not ABSENT} == dct

    def test_order_and_absence(self):
        found = columns_of([{"b": 1, "a": 2}, {"a": 3, "c": 4}])
        assert found == {"b": [1, ABSENT], "a": [2, 3], "c": [ABSENT, 4]}
        assert list(found) == ["b", "a", "c"]
        assert columns_of([]) == {}

    def test_absent_is_one_object(self):
        assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT


class TestBuild:
    def test_columns_and_index(self):
        df = build({"a": [1], "_failed": [False], "_pset_id": ["x"]}, np.array([10**18]))
        assert list(df.columns) == ["_pset_id", "_time_utc", "_failed", "a"]
        assert df["_time_utc"].dtype == "datetime64[ns]"
        assert isinstance(df.index, pd.DatetimeIndex)
        assert df.index.name is None
        assert df.index[0] == df["_time_utc"].iloc[0] == pd.Timestamp("2001-09-09 01:46:40")

    def test_arrays_stay_as_they_are(self):
        values = np.array([1, 2], dtype=np.int16)
        text = np.array(["x", "y"], dtype=object)
        df = build({"a": values, "b": text}, np.array(["2024-01-01"] * 2, "M8[s]"))
        assert df.dtypes[["a", "b"]].tolist() == [np.int16, object]

    def test_writing_the_times_leaves_the_index(self):
        df = build({"a": [1]}, np.array([0]))
        df.loc[df["a"] == 1, "_time_utc"] = pd.Timestamp("2024-01-01")
        assert df.index[0] == pd.Timestamp(0)

    def test_holds_no_string_type_of_pandas_3(self):
        table = build({"t": ["x", ABSENT]}, np.arange(2)).assign(mine=["a", "b"])
        for df in (table.drop(columns="mine"), merge(table, rows([1], t=["y"]))):
            assert df.columns.dtype == object
            assert all(df[name].dtype == object for name in ("t", "mine") if name in df)


class TestDump:
    def dumped(self, table):
        file = io.BytesIO()
        dump(table, file)
        return file.getvalue()

    @given(columns)
    def test_reads_back(self, values):
        df = build({"v": values}, np.arange(len(values)))
        read = pd.read_pickle(io.BytesIO(self.dumped(df)))
        assert_same(values, read["v"].tolist())
        assert (read.index == df.index).all()

    @given(st.lists(st.text() | st.sampled_from(["a\nb", "\ud800", ""]), min_size=2))
    def test_many_texts_read_back(self, texts):
        df = build({"t": texts, "n": [1.5] * len(texts)}, np.arange(len(texts)))
        with patch.object(sys.modules[dump.__module__], "_MANY", 2):
            data = self.dumped(df)
        assert pd.read_pickle(io.BytesIO(data))["t"].tolist() == texts
        read: Any = loads(data, trusted=False)
        assert read["t"].tolist() == texts

    def test_arrays_are_written_without_a_copy_of_them_all(self):
        n = 200_000
        texts = [f"{i:040d}" for i in range(n)]
        numbers = {name: np.arange(n) for name in "abcdef"}
        df = build({"t": texts, "u": texts[::-1], **numbers}, np.arange(n))
        tracemalloc.start()
        try:
            with open(os.devnull, "wb") as file:
                dump(df, file)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1.5 * sum(map(len, texts))

    @given(a_numpy.arrays(DTYPES, a_numpy.array_shapes(min_dims=0, min_side=0), fill=st.nothing()))
    def test_arrays_in_cells_read_back(self, array):
        array = array[..., ::2] if array.ndim > 2 else np.asarray(array, order="F")
        df = pd.DataFrame({"a": pd.Series([array, None], dtype=object)})
        for read in (pickle.loads, functools.partial(loads, trusted=False)):
            back: Any = read(self.dumped(df))
            back = back["a"].iloc[0]
            assert back.dtype == array.dtype.newbyteorder("=")  # as NumPy does
            assert back.shape == array.shape
            np.testing.assert_array_equal(back, array)
            assert back.flags.writeable

    @pytest.mark.parametrize("kind", [[("n", "i4"), ("o", "O")], "V0", []])
    def test_arrays_of_odd_types_in_cells_read_back(self, kind):
        array = np.zeros(2, dtype=kind)
        df = pd.DataFrame({"a": pd.Series([array, None], dtype=object)})
        back = pickle.loads(self.dumped(df))["a"].iloc[0]
        assert back.dtype == array.dtype
        assert back.tolist() == array.tolist()

    def test_many_texts_are_one_in_the_file(self):
        def opcodes(texts):
            data = self.dumped(build({"t": texts}, np.arange(len(texts))))
            return sum(1 for _ in pickletools.genops(data))

        different = [str(i) for i in range(10_000)]
        assert opcodes(different) < 1000
        assert len(self.dumped(build({"t": ["x" * 100] * 10_000}, np.arange(10_000)))) < 200_000
        assert opcodes([*different, "two\nlines"]) > 10_000
        assert opcodes([*different, None]) > 10_000

    def test_opens_without_us(self, tmp_path):
        df = build({"a": [1.5, NAN, ABSENT], "b": ["x", ABSENT, None]}, np.arange(3))
        (tmp_path / "database.pk").write_bytes(self.dumped(df))
        code = "import pandas, sys; pandas.read_pickle('database.pk'); "
        code += "print('psweep_nb' in sys.modules)"
        assert python(code, tmp_path) == "False\n"

    @pytest.mark.parametrize("by_value", [False, True])
    def test_opens_with_older_libraries(self, by_value):
        # As tried with pandas 2.2.0, 2.3.3 and NumPy 1.26: these refuse states of two parts,
        # and what names these types or modules.
        table = build({"a": [1, ABSENT], "t": ["x", [1]], "n": [np.ones(3), None]}, np.arange(2))
        table["day"] = pd.to_datetime(["2024-01-01"] * 2)
        table["span"] = pd.to_timedelta([1, 2], unit="s")
        if by_value:
            table["kind"] = pd.Series(
                [type("Mine", (), {"__module__": "__main__"})] * 2, dtype=object
            )
        data = self.dumped(merge(table, rows([1], a=[1])))
        names = {arg for _, arg, _ in pickletools.genops(data) if isinstance(arg, str)}
        assert not names & {"StringDtype", "numpy._core.numeric"}
        assert data[1] <= 5

        states = states_of(data, pd.arrays.DatetimeArray)
        assert states
        assert all(len(state) == 3 for state in states)

    def test_classes_of_main_go_by_value(self, tmp_path):
        make = (
            "import pandas, psweep_nb.frames as f\n"
            "class Mine:\n    x = 5\n"
            "f.dump(pandas.DataFrame({'a': [1], 'b': [Mine()]}, dtype=object), open('t.pk', 'wb'))"
        )
        python(make, tmp_path)
        read = "import pandas; print(pandas.read_pickle('t.pk')['b'].iloc[0].x)"
        assert python(read, tmp_path) == "5\n"

    def test_what_cannot_be_pickled_says_so(self):
        with pytest.raises(TypeError, match="pickle"):
            self.dumped(pd.DataFrame({"a": [sys._getframe()]}, dtype=object))


def states_of(data, kind):
    """What a pickle hands to the arrays of this type."""
    states = []

    unpickler: Any = pickle._Unpickler(io.BytesIO(data))
    load_build = unpickler.dispatch[pickle.BUILD[0]]

    def watch(unpickler):
        if isinstance(unpickler.stack[-2], kind):
            states.append(unpickler.stack[-1])
        load_build(unpickler)

    unpickler.dispatch = {**unpickler.dispatch, pickle.BUILD[0]: watch}
    unpickler.load()
    return states


def python(code, cwd):
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- merging


def rows(seqs, attempt=0, failed: Any = False, **columns):
    """A table as a fold would build it, with these psets."""
    seqs = list(seqs)
    attempts = attempt if isinstance(attempt, list) else [attempt] * len(seqs)
    book = {
        "_pset_id": [f"id-{seq}" for seq in seqs],
        "_pset_seq": seqs,
        "_failed": failed if isinstance(failed, list) else [failed] * len(seqs),
        "_attempt": attempts,
    }
    times = [seq * 1000 + attempt for seq, attempt in zip(seqs, attempts, strict=True)]
    return build(book | columns, np.array(times, dtype=np.int64))


def values_of(df, name, size):
    return df[name].tolist() if name in df else [pd.NA] * size


def content(df):
    """What the rows hold, whatever the columns' types and order."""
    found = {}
    for row in range(len(df)):
        named = {str(name): df[name].iloc[row] for name in df.columns}
        found[named["_pset_id"]] = {k: v for k, v in named.items() if v is not pd.NA}
    return found


def assert_same_content(one, other):
    one, other = content(one), content(other)
    assert list(one) == list(other)
    for pset_id in one:
        assert one[pset_id].keys() == other[pset_id].keys()
        for name, value in one[pset_id].items():
            assert same(value, other[pset_id][name]), (pset_id, name)


RESULTS = ("r", "s")


@st.composite
def records(draw, attempts=2):
    """What a journal may hold: attempts of some psets, each with results or without."""
    found = []
    for seq in draw(st.sets(st.integers(0, 8), min_size=1, max_size=5)):
        param = draw(cells.filter(lambda value: value is not ABSENT))
        for attempt in range(draw(st.integers(1, attempts))):
            results = draw(st.dictionaries(st.sampled_from(RESULTS), cells, max_size=2))
            found.append((seq, attempt, {"p": param} | results))
    return found


def batch(part):
    dicts = [row for _, _, row in part]
    return rows(
        [seq for seq, _, _ in part], [attempt for _, attempt, _ in part], **columns_of(dicts)
    )


def fold(parts, start=None):
    start = pd.DataFrame() if start is None else start
    return functools.reduce(lambda table, part: merge(table, batch(part), RESULTS), parts, start)


def split(items, cuts):
    edges = [0, *sorted(cut % (len(items) + 1) for cut in cuts), len(items)]
    return [items[a:b] for a, b in itertools.pairwise(edges)]


class TestMergeLaws:
    @given(records(), st.randoms(), st.lists(st.integers(0, 20), max_size=3))
    def test_order_and_partition_do_not_matter(self, found, random, cuts):
        expected = fold([[record] for record in found])
        shuffled = list(found)
        random.shuffle(shuffled)
        merged = fold(split(shuffled, cuts))
        assert_same_content(expected, merged)
        assert merged["_pset_seq"].tolist() == sorted({seq for seq, _, _ in found})
        assert (merged.index == merged["_time_utc"]).all()

    @given(records(attempts=1), st.randoms(), st.lists(st.integers(0, 20), max_size=3))
    def test_nor_do_they_for_types(self, found, random, cuts):
        expected = fold([sorted(found, key=lambda record: record[0])])
        random.shuffle(found)
        merged = fold(split(found, cuts))
        assert (
            merged[sorted(merged)].dtypes.to_dict() == expected[sorted(expected)].dtypes.to_dict()
        )

    @given(records(), st.lists(st.integers(0, 20), max_size=3))
    def test_again_changes_nothing(self, found, cuts):
        merged = fold([found])
        for part in split(found, cuts):
            pd.testing.assert_frame_equal(merge(merged, batch(part), RESULTS), merged)

    @given(records(), records())
    def test_inputs_are_not_changed(self, one, two):
        table, new = fold([one]), batch(two)
        before = pickle.dumps((content(table), content(new)))
        dtypes = table.dtypes.to_dict(), new.dtypes.to_dict()
        merged = merge(table, new, RESULTS)
        for name in merged.columns:
            for source in (table, new):
                if name in source and isinstance(merged[name].dtype, np.dtype):
                    assert not np.shares_memory(merged[name].to_numpy(), source[name].to_numpy())
        assert pickle.dumps((content(table), content(new))) == before
        assert dtypes == (table.dtypes.to_dict(), new.dtypes.to_dict())


class TestReplacing:
    def test_only_a_greater_attempt_replaces(self):
        table = rows([0, 1], attempt=1, r=[10, 11])
        assert merge(table, rows([0], attempt=0, r=[5]))["r"].tolist() == [10, 11]
        assert merge(table, rows([0], attempt=1, r=[5]))["r"].tolist() == [10, 11]
        assert merge(table, rows([0], attempt=2, r=[5]))["r"].tolist() == [5, 11]

    def test_a_prepared_row_gives_way_to_one_that_ended(self):
        prepared = rows([0, 1], failed=ABSENT, a=[1, 2])
        merged = merge(prepared, rows([1], failed=True, a=[2], r=[5]))
        assert_same([ABSENT, True], merged["_failed"].tolist())
        assert_same([ABSENT, 5], merged["r"].tolist())
        assert_same([ABSENT, True], merge(merged, prepared)["_failed"].tolist())

    def test_a_retry_leaves_no_stale_result(self):
        table = rows([0, 1], failed=[True, False], r=[7, 8], _exc_txt=["Oops", ABSENT])
        retried = rows([0], attempt=1, failed=True)
        merged = merge(table, retried, results=["r"])
        assert_same([ABSENT, 8], merged["r"].tolist())
        assert_same([ABSENT, ABSENT], merged["_exc_txt"].tolist())

    def test_a_complete_column_gets_its_simple_type_back(self):
        table = rows([0, 1, 2], failed=[True, False, False], r=[ABSENT, 1.5, 2.5])
        assert table["r"].dtype == "Float64"
        assert merge(table, rows([0], attempt=1, r=[0.5]))["r"].dtype == "float64"
        mixed = rows([0, 1], r=["bad", 1])
        assert merge(mixed, rows([0], attempt=1, r=[2]))["r"].dtype == "int64"

    def test_many_columns_take_their_number_of_steps_and_not_its_square(self):
        def steps(n):
            names = {f"r{i}": [0.5, 1.5] for i in range(n)}
            table, new, count = rows([0, 1], **names), rows([1, 2], attempt=1, **names), [0]

            def step(*_):
                count[0] += 1

            sys.setprofile(step)
            try:
                merge(table, new)
            finally:
                sys.setprofile(None)
            return count[0]

        steps(10)
        assert steps(400) < 6 * steps(100)

    def test_two_attempts_in_one_batch(self):
        new = rows([3, 3, 1], attempt=[0, 1, 0], r=[1, 2, 3])
        merged = merge(pd.DataFrame(), new)
        assert merged["_pset_id"].tolist() == ["id-1", "id-3"]
        assert merged["r"].tolist() == [3, 2]


class TestUsersTables:
    def test_columns_and_edits_stay(self):
        table = rows([0, 1], a=[1, 2], r=[1.0, 2.0])
        table["note"] = pd.Categorical(["good", "bad"])
        table["day"] = pd.to_datetime(["2024-01-01", "2024-01-02"])
        table["small"] = np.array([1, 2], dtype=np.int32)
        table["text"] = pd.Series(["x", "y"], index=table.index, dtype="string")
        table.loc[table["a"] == 1, "r"] = -1.0
        table = table.drop(columns="_attempt")
        merged = merge(table, rows([0, 1, 2], a=[1, 2, 3], r=[1.0, 2.0, 3.0]), ["r"])
        # Without an attempt the user's rows count as older than any.
        kept = rows([0, 1], a=[1, 2], r=[1.0, 2.0]).assign(note=["good", "bad"], r=[-1.0, 2.0])
        again = merge(kept, rows([0, 1, 2], a=[1, 2, 3], r=[1.0, 2.0, 3.0]), ["r"])
        assert again["r"].tolist() == [-1.0, 2.0, 3.0]
        assert_same(["good", "bad", ABSENT], again["note"].tolist())
        assert merged["note"].dtype == table["note"].dtype
        assert merged["note"].tolist()[:2] == ["good", "bad"]
        assert merged["day"].dtype == table["day"].dtype
        assert pd.isna(merged["day"].iloc[2])
        assert_same([1, 2, ABSENT], merged["small"].tolist())
        assert merged["text"].tolist()[:2] == ["x", "y"]
        assert list(merged.columns[-4:]) == ["note", "day", "small", "text"]

    def test_deleted_rows_and_columns(self):
        table = rows([0, 1, 2], a=[1, 2, 3], r=[1, 2, 3]).drop(columns="r").iloc[[2, 0]]
        merged = merge(table, rows([0], a=[1], r=[1]))
        assert merged["_pset_id"].tolist() == ["id-0", "id-2"]
        assert "r" not in merged

    @pytest.mark.parametrize("change", ["shuffle", "reset", "named", "duplicates", "strings"])
    def test_any_index_and_order(self, change):
        table = rows(range(5), a=[0, 1, 2, 3, 4])
        if change == "shuffle":
            table = table.iloc[[3, 0, 4, 1, 2]]
        elif change == "reset":
            table = table.reset_index(drop=True)
        elif change == "named":
            table = table.set_index("a")
        elif change == "duplicates":
            table.index = pd.Index([0] * 5)
        else:
            table.index = pd.Index(list("abcde"))
        merged = merge(table, rows([2, 6], attempt=1, a=[20, 60]))
        assert merged["a"].tolist() == [0, 1, 20, 3, 4, 60]
        assert merged["_pset_seq"].tolist() == [0, 1, 2, 3, 4, 6]
        assert merged.index.name is None
        assert merged.index[0] == pd.Timestamp(0)

    def test_psweeps_own_table(self):
        foreign = pd.DataFrame(
            {
                "a": [1, 2],
                "_pset_hash": ["h1", "h2"],
                "_pset_id": ["p-0", "p-1"],
                "_run_seq": [0, 0],
                "_pset_seq": [0, 1],
                "_run_id": ["r", "r"],
                "_time_utc": [pd.Timestamp("2024-01-02 03:04:05.123456789")] * 2,
                "r_": [1.5, pd.NA],
                "l": [[1, 2], None],
            },
            dtype=object,
        )
        merged = merge(foreign, rows([2], a=[3], r_=[0.5]))
        assert merged["a"].tolist() == [1, 2, 3]
        assert merged["a"].dtype == merged["_pset_seq"].dtype == "int64"
        assert_same([1.5, ABSENT, 0.5], merged["r_"].tolist())
        assert_same(["h1", "h2", ABSENT], merged["_pset_hash"].tolist())
        assert_same([[1, 2], None, ABSENT], merged["l"].tolist())
        assert_same([ABSENT, ABSENT, False], merged["_failed"].tolist())
        assert merged["_time_utc"].iloc[0] == foreign["_time_utc"].iloc[0]
        assert merged["_time_utc"].dtype == "datetime64[ns]"
        pd.testing.assert_frame_equal(merge(merged, rows([2], a=[3], r_=[0.5])), merged)

    def test_a_table_that_is_not_ours(self):
        merged = merge(pd.DataFrame({"x": [1, 2]}), rows([0], a=[5]))
        assert_same([ABSENT, 1, 2], merged["x"].tolist())
        assert_same(["id-0", ABSENT, ABSENT], merged["_pset_id"].tolist())
        assert merge(merged, rows([0], a=[5]))["_pset_seq"].tolist()[0] == 0
        assert len(merge(merged, rows([0], a=[5]))) == 3

    def test_times_of_other_kinds(self):
        new = rows([1])
        for times in (
            ["2024-01-02 03:04:05"],
            pd.to_datetime(["2024-01-02 03:04:05"]).astype("M8[s]"),
            pd.to_datetime(["2024-01-02 04:04:05+01:00"]),
            ["nonsense"],
        ):
            table = rows([0])
            table["_time_utc"] = pd.Series(list(times), index=table.index)
            found = merge(table, new)["_time_utc"].iloc[0]
            assert (
                pd.isna(found)
                if list(times) == ["nonsense"]
                else found == pd.Timestamp("2024-01-02 03:04:05")
            )

    def test_a_column_twice_is_an_error(self):
        table = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(StudyError, match="'a'"):
            merge(table, rows([0]))

    def test_empty_sides(self):
        table = rows([0, 1], a=[1, ABSENT])
        pd.testing.assert_frame_equal(merge(table, rows([])), table)
        pd.testing.assert_frame_equal(merge(pd.DataFrame(), table), table)
        assert len(merge(pd.DataFrame(), rows([]))) == 0

    def test_bookkeeping_columns_come_first(self):
        table = rows([0], a=[1]).reset_index(drop=True)[["a", "_failed", "_pset_id", "_pset_seq"]]
        merged = merge(table, rows([1], b=[1], a=[2], _logs=["text"]))
        names = [name for name in merged.columns if name in BOOKKEEPING]
        assert names == [name for name in BOOKKEEPING if name in names]
        assert list(merged.columns) == [*names, "a", "b"]


class TestSnapshot:
    def test_writing_does_not_reach_the_table(self):
        table = rows([0, 1, 2], a=[1, 2, 3], f=[1.5, NAN, ABSENT], t=["x", "y", ABSENT])
        before = content(table)
        taken = snapshot(table)
        taken.loc[taken["a"] == 1, "f"] = 9.0
        taken["t"] = "z"
        taken.iat[0, 1] = 100
        del taken["f"]
        taken["extra"] = 1
        taken.index = pd.RangeIndex(3)
        assert table["_pset_seq"].tolist() == [0, 1, 2]
        assert_same([1, 2, 3], table["a"].tolist())
        assert list(content(table)) == list(before)
        assert_same([1.5, NAN, ABSENT], table["f"].tolist())
        assert isinstance(table["f"].array, FloatingArray)
        assert_same(["x", "y", ABSENT], table["t"].tolist())
