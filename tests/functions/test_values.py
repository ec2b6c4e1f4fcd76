"""Values that code reads: other values, other texts; of whatever type."""

from typing import Any

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
