import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import hashlib
import json
import pathlib
import subprocess
import sys
import uuid
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psweep_nb.hashing import PREFIX, pset_sha1, sha1_digests
from tests.strategies import Color, json_psets, psets


def plain_sha1(pset):
    return hashlib.sha1(json.dumps(pset, sort_keys=True).encode()).hexdigest()


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.StrEnum):
    FAST = "fast"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Point:
    x: float
    y: float
    cache: object = dataclasses.field(default=None, compare=False)


# Published: a change of any of these makes every study forget what it has computed.
GOLDEN: list[tuple[dict[str, Any], str]] = [
    ({"a": 1}, "e4ad4daad53a2eec0313386ada88211e50d693bd"),
    ({}, "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"),
    ({"a": 1.0, "b": "x", "c": None, "d": True}, "1416002dcb0881fbacb565de32cd67261f9eb265"),
    ({"a": float("nan"), "b": float("-inf")}, "28c840fb4237baf7b49e3a1217bff80c092fa8b7"),
    ({"text": 'ä "quoted" \n \U0001f600'}, "cb9b25d10e36d75ef397d92706a810804753283c"),
    ({"nested": {"2": [1, (2, 3)], "1": {}}}, "dd5ed48bd56d5931ecb7d072b726259a2f00fb6a"),
    ({"keys": {10: 1, 9: 2}}, "7108ad33457d73a8ba4400def2b65d333d6cf758"),
    ({"big": 2**100, "small": 1e-300, "tenth": 0.1}, "5c4ec92bc37dc6ce7b99ff633ec4b500173f26bb"),
    ({"when": datetime.datetime(2024, 2, 29, 12, 30)}, "e2a4d0a8703b07a018aaf41f958a4a4f17e0a434"),
    (
        {"day": datetime.date(2024, 2, 29), "at": datetime.time(12, 30)},
        "d3623f94ca1e01f9de72084760a7f359cc7449e7",
    ),
    (
        {"span": datetime.timedelta(days=1, microseconds=1)},
        "72f64416c689f6329350bac46d78a68f7b9f47c9",
    ),
    ({"color": Color.RED}, "e8420838f40c2da2eb71f0da0a26f9141354c3c7"),
    ({"path": pathlib.PurePosixPath("a/b.txt")}, "0551f9cd75a71ccd4d4951c7f06f17aaaac7d31c"),
    ({"point": Point(1.0, 2.0)}, "7339c2cd463370bb80a9a8faf4af9028500c002d"),
    ({"raw": b"\x00\xff", "z": 1 + 2j}, "d19db2a8d5691501f8c1b7a51443f276ec41e469"),
    (
        {"d": decimal.Decimal("1.50"), "f": fractions.Fraction(1, 3)},
        "b77306ef336bcb2622d4b4c6707383064dff5a03",
    ),
    ({"set": {3, 1, 2}, "range": range(3)}, "57e20d56af0cabb5d5b34853ab50587b9cfa3a8b"),
    ({"mixed": {1: "a", "b": 2, (1, 2): 3}}, "e4b3020c17c39b7ccc7be1e68c999c150577c258"),
    ({"id": uuid.UUID(int=5)}, "bf0cc7a93e25d1c38eebc0f7a42cc75157178c70"),
]


@pytest.mark.parametrize(("pset", "sha1"), GOLDEN, ids=[",".join(p) or "-" for p, _ in GOLDEN])
def test_golden(pset, sha1):
    assert pset_sha1(pset) == sha1


def test_the_canonical_form_is_the_documented_text():
    text = PREFIX + '{"a": {"__type__": "path", "value": "x/y"}, "b": [{"__type__": "date", '
    text += '"value": "2024-01-02"}]}'
    pset = {"b": [datetime.date(2024, 1, 2)], "a": pathlib.PurePosixPath("x/y")}
    assert pset_sha1(pset) == hashlib.sha1(text.encode()).hexdigest()


class TestPlain:
    @given(json_psets)
    def test_is_sha1_of_json(self, pset):
        try:
            expected = plain_sha1(pset)
        except TypeError:  # keys that do not sort: canonical form
            return
        assert pset_sha1(pset) == expected

    @example({"a": {"__type__": None}})
    @given(json_psets)
    def test_bookkeeping_does_not_count(self, pset):
        assert pset_sha1({**pset, "_repeat": 1, "_vary": object()}) == pset_sha1(pset)
        assert pset_sha1({**pset, "_repeat": 1}) == pset_sha1(pset)

    def test_underscores_elsewhere_count(self):
        for pset in ({"a": "_b"}, {"a": {"_b": 1}}, {"a_": 1}, {"a": '"_'}):
            assert pset_sha1(pset) == plain_sha1(pset)

    def test_kinds_of_plain_values(self):
        assert pset_sha1({"a": Level.LOW, "b": Mode.FAST}) == pset_sha1({"a": 1, "b": "fast"})
        assert pset_sha1({"a": Pair(1, 2)}) == pset_sha1({"a": [1, 2]})
        assert pset_sha1(collections.OrderedDict(b=1, a=2)) == pset_sha1({"a": 2, "b": 1})
        assert pset_sha1({"a": 1}) != pset_sha1({"a": 1.0}) != pset_sha1({"a": True})


class TestNumpy:
    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            (np.float64(0.1), 0.1),
            (np.float32(0.5), 0.5),
            (np.int8(3), 3),
            (np.uint64(2**64 - 1), 2**64 - 1),
            (np.bool_(True), True),
            (np.str_("x"), "x"),
            (np.float64("nan"), float("nan")),
            (np.arange(3), [0, 1, 2]),
            (np.ones((2, 1)), [[1.0], [1.0]]),
            (np.array(5), 5),
            (np.array([1, "x", None], dtype=object), [1, "x", None]),
            (np.array(["a", "b"]), ["a", "b"]),
            (np.array([(1, 2.5)], dtype=[("x", "i4"), ("y", "f8")]), [[1, 2.5]]),
            ([np.int64(1), {"k": np.float64(2)}], [1, {"k": 2.0}]),
            ({np.int64(3): np.int64(4)}, {3: 4}),
            (np.bytes_(b"x"), b"x"),
            (np.complex128(1 + 2j), 1 + 2j),
            (np.datetime64("2024-01-02"), datetime.date(2024, 1, 2)),
            (np.datetime64("2024-01-02T03:04:05", "ns"), datetime.datetime(2024, 1, 2, 3, 4, 5)),
            (np.timedelta64(1500, "ms"), datetime.timedelta(seconds=1.5)),
            (np.timedelta64(1500, "ns"), pd.Timedelta(1500, "ns")),
            (np.array(["2024-01-02"], "M8[ns]"), [datetime.datetime(2024, 1, 2)]),
            (pd.Timestamp("2024-01-02"), datetime.datetime(2024, 1, 2)),
            (pd.Timedelta(2, "s"), datetime.timedelta(seconds=2)),
            (
                np.datetime64("2024-01-02T00:00:00.000000001"),
                pd.Timestamp("2024-01-02") + pd.Timedelta(1),
            ),
            (np.datetime64("NaT", "ns"), pd.NaT),
        ],
    )
    def test_equals_the_plain_value(self, value, plain):
        assert pset_sha1({"a": value}) == pset_sha1({"a": plain}) is not None

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(np.longdouble("0.1"), id="longdouble"),
            np.array([np.longdouble("0.1")]),
            np.datetime64("2024-01", "ps"),
            np.timedelta64(3, "M"),
        ],
    )
    def test_what_no_plain_value_holds_has_no_hash(self, value):
        with pytest.warns(UserWarning, match="'a'"):
            assert pset_sha1({"a": value}) is None

    def test_numpy_is_not_imported(self):
        code = (
            "import sys, psweep_nb.hashing as h; h.pset_sha1({'a': 1, 'b': 2j}); "
            "sys.exit('numpy' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class TestCanonicalForm:
    @given(psets, st.randoms())
    def test_order_of_keys_is_irrelevant(self, pset, random):
        keys = list(pset)
        random.shuffle(keys)
        assert pset_sha1({key: pset[key] for key in keys}) == pset_sha1(pset) is not None

    @given(st.lists(psets, max_size=5))
    def test_bulk_equals_single(self, params):
        digests = sha1_digests(params)
        assert [digest and digest.hex() for digest in digests] == [pset_sha1(p) for p in params]

    def test_kinds_differ_from_each_other_and_from_text(self):
        values = [
            "2024-01-02",
            datetime.date(2024, 1, 2),
            datetime.datetime(2024, 1, 2),
            datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
            {"__type__": "date", "value": "2024-01-02"},
            [{"__type__": "date", "value": "2024-01-02"}, b""],
            [datetime.date(2024, 1, 2), b""],
            pathlib.PurePosixPath("2024-01-02"),
            b"2024-01-02",
            Color.RED,
            Color.BLUE,
            Access.READ | Access.WRITE,
            Access(0),
            Point(1.0, 2.0),
            {"x": 1.0, "y": 2.0},
            1 + 0j,
            1,
            decimal.Decimal(1),
            fractions.Fraction(1),
            {1},
            [1],
            range(1, 2),
            uuid.UUID(int=1),
            datetime.timedelta(1),
            datetime.time(1),
            {1: 1, "1": 1},
            {None: 1, "1": 1},
            {(1,): 1},
        ]
        hashes = [pset_sha1({"a": value}) for value in values]
        assert None not in hashes
        assert len(set(hashes)) == len(values)

    def test_equal_values(self):
        assert pset_sha1({"a": {1, 2}}) == pset_sha1({"a": frozenset([2, 1])})
        assert pset_sha1({"a": b"x"}) == pset_sha1({"a": bytearray(b"x")})
        assert pset_sha1({"a": Point(1, 2, "c")}) == pset_sha1({"a": Point(1, 2)})
        assert pset_sha1({"a": {1: 2, "b": 3}}) == pset_sha1({"a": {"b": 3, 1: 2}})


class TestNoForm:
    def test_one_warning_names_key_and_type(self):
        params: list[dict[str, Any]] = [{"a": 1}, {"a": 2, "f": len}, {"f": [object()]}]
        with pytest.warns(UserWarning) as caught:
            digests = sha1_digests(params)
        assert [digest is None for digest in digests] == [False, True, True]
        [warning] = caught
        assert "pset 1" in str(warning.message)
        assert "'f'" in str(warning.message)
        assert "builtin_function_or_method" in str(warning.message)
        assert "2 psets" in str(warning.message)

    def test_endless_and_deep_values(self):
        endless: list = []
        endless.append(endless)
        loop: dict = {}
        loop["x"] = {"y": [loop]}
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert sha1_digests([{"a": endless}, {"a": loop}, {"a": deep}]) == [None] * 3
            assert pset_sha1({"a": {1, 2}, "b": endless}) is None

    def test_values_that_raise(self):
        @dataclasses.dataclass
        class Broken:
            x: int = 0

            def __getattribute__(self, name):
                if name == "x":
                    raise RuntimeError("no")
                return super().__getattribute__(name)

        with pytest.warns(UserWarning, match="'a'"):
            assert pset_sha1({"a": Broken()}) is None

    def test_names_that_are_not_text(self):
        with pytest.warns(UserWarning, match="not a string"):
            assert sha1_digests([{(1, 2): 3}]) == [None]  # type: ignore[dict-item]

    def test_classes_and_huge_numbers(self):
        for value in (Point, Color, 10**5000):
            with pytest.warns(UserWarning, match="'a'"):
                assert pset_sha1({"a": value}) is None


tricky = st.sampled_from(["}, {", '"}, {"', "\n", '"_', "_a", ""])


@given(st.lists(json_psets | st.dictionaries(tricky, tricky | st.just([{}, {}])), max_size=8))
def test_many_at_once_hash_as_one_by_one(params):
    assert sha1_digests(params) == [sha1_digests([pset])[0] for pset in params]
    public = [{k: v for k, v in pset.items() if not k.startswith("_")} for pset in params]
    assert [d and d.hex() for d in sha1_digests(params)] == list(map(plain_sha1, public))
