"""Values that code reads: other values, other texts; of whatever type."""

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psweep_nb.functions.identity import code_of
from tests.functions.notebook import cell, versions

IMPORTS = """
import argparse, array, collections, enum, functools, math, operator, re, string, threading, types
import numpy as np, pandas as pd, scipy

class Dict(collections.UserDict): pass
class Flags(enum.Flag): A = 1; B = 2
class Space(types.SimpleNamespace): pass
class Deque(collections.deque): pass
class Array(np.ndarray): pass
class Table(pd.DataFrame):
    def first(self): return self.iloc[0]
class Error(Exception): pass
class Settings(dict):
    def named(self, name):
        self.name = name
        return self
class Hidden:
    __slots__ = ("__x",)
    def __init__(self, x): self.__x = x
class Locked:
    def __init__(self, x): self.lock, self.x = threading.Lock(), x
"""
EXPRESSIONS = [
    "types.SimpleNamespace(a=«1|2»)",
    "types.SimpleNamespace(a=lambda a: «1|2»)",
    "argparse.Namespace(a=«1|2»)",
    "types.MappingProxyType({'a': «1|2»})",
    "collections.defaultdict(«int|list»)",
    "collections.defaultdict(lambda: «1|2»)",
    "collections.UserDict(a=«1|2»)",
    "collections.ChainMap({'a': «1|2»})",
    "array.array('d', [«1|2»])",
    "memoryview(b'«1|2»')",
    "re.compile(300 * 'x' + '«a|b»')",
    "string.Template('«a|b»')",
    "list[«int|str»]",
    "int | «str|float»",
    "10**5000 + «1|2»",
    "2_100_000 * 'x' + '«y|z»'",
    "math.«sin|cos»",
    "str.«upper|lower»",
    "'«a|b»{}'.format",
    "{1: «2|3»}.get",
    "operator.itemgetter(«1|2»)",
    "operator.methodcaller('x', «1|2»)",
    "np.«sin|cos»",
    "np.«mean|median»",
    "np.dtype('«f8|f4»')",
    "np.dtype([('«a|b»', float)])",
    "np.array([[1]]).view(«np.ndarray|np.matrix»)",
    "np.ma.array([1, 2], mask=«[0, 1]|[1, 0]»)",
    "np.array([(«1|2», 1.0)], dtype=[('a', int), ('b', float)])",
    "np.datetime64(5, '«ns|ps»')",
    "np.poly1d([«1|2»])",
    "np.polynomial.Polynomial([«1|2»])",
    "np.vectorize(lambda a: a, otypes=['«f8|f4»'])",
    "functools.partial(np.«sin|cos»)",
    "pd.Timestamp('2020-01-0«1|2»')",
    "pd.Timedelta('«1|2»s')",
    "pd.Interval(0, «1|2»)",
    "pd.Categorical(['«a|b»'])",
    "pd.array([1, «2|None»])",
    "pd.Series([1], index=pd.Index([1], name='«a|b»'))",
    "pd.Series([«1|2»]).add",
    "scipy.sparse.csr_array([[1, «1|2»]])",
    "scipy.stats.norm(0, «1|2»)",
    "scipy.interpolate.CubicSpline([0, 1, 2], [1, 2, «3|4»])",
    "Dict(a=«1|2»)",
    "Space(a=«1|2»)",
    "Deque([«1|2»])",
    "np.arange(«1|2»).view(Array)",
    "Table({'a': [«1|2»]})",
    "Error(«1|2»)",
    "Settings(a=«1|2»).named('x')",
    "Settings(a=1).named('«x|y»')",
    "Hidden(«1|2»)",
    "Locked(«1|2»)",
    "Flags.«A|B»",
]


def said(expression: str, names: dict[str, Any]) -> str:
    return code_of(cell(dict(names), f"value = {expression}\ndef f(a): return value")["f"]).sha1


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return cell({}, IMPORTS)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_other_values_are_told_apart(expression: str, names: dict[str, Any]) -> None:
    one, two = versions(expression)
    assert said(one, names) == said(one, names)
    assert said(one, names) != said(two, names)


def test_arrays_and_frames_by_their_content() -> None:
    def made(value: object) -> str:
        return code_of(cell({"value": value}, "def f(a): return value")["f"]).sha1

    x = np.arange(12.0)
    frame = pd.DataFrame({"a": [1, 2], "b": ["u", "v"], "c": pd.array([1, None], dtype="Int64")})
    changed = frame.copy()
    changed.loc[0, "b"] = "w"
    things: list[Any] = [
        x, x.reshape(3, 4), x + 1, x.astype("f4"), np.array(["u", None], dtype=object),
        np.float64(1),
        frame, changed, frame.rename(columns={"a": "d"}), frame.set_index("b"), frame["a"],
        frame.index, pd.Index(["u"]), frame.astype({"a": float}), x[::2],
    ]  # fmt: skip
    found = [made(thing) for thing in things]
    assert len(set(found)) == len(found)
    assert [made(thing.copy()) for thing in things] == found
    assert made(np.asfortranarray(x.reshape(3, 4))) == found[1]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(50_000_000),
        np.zeros((5000, 10_000)).T[::2],
        list(range(1_000_000)),
        dict.fromkeys(range(1_000_000)),
        set(range(1_000_000)),
        [list(range(10_000)) for _ in range(1000)],
        pd.DataFrame({"a": np.arange(2_000_000), "b": np.arange(2_000_000).astype(str)}),
        "x" * 50_000_000,
    ],
    ids=["array", "strided", "list", "dict", "set", "nested", "frame", "text"],
)
def test_large_values_take_little_time(value: object) -> None:
    names = cell({"value": value}, "def f(a): return value")
    start = time.process_time()
    code_of(names["f"])
    assert time.process_time() - start < 1


def test_a_change_in_a_large_array_shows() -> None:
    x = np.zeros(5_000_000)
    names = cell({"x": x}, "def f(a): return x")
    before = code_of(names["f"])
    x += 1
    assert code_of(names["f"]).sha1 != before.sha1
