"""Values as code: what is written makes an equal value of the same type."""

import collections
import dataclasses
import datetime
import enum
import pathlib
import zoneinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from psweep_nb.literals import CannotWrite, Writer
from tests.strategies import Color, values


class Shade(enum.Flag):
    DARK = 1
    WARM = 2


Odd = enum.Enum("Odd", {"two words": 1, "if": 2})


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Model:
    depth: int
    kernel: str = "rbf"


def made(value: Any) -> Any:
    writer = Writer()
    text = writer.text(value)
    names: dict[str, Any] = {}
    exec("\n".join(writer.imports), names)
    return eval(text, names)


def same(a: Any, b: Any) -> bool:
    """Equal, of equal types all the way down; NaN is NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and same(a.tolist(), b.tolist())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, float | complex | np.generic):
        return repr(a) == repr(b)
    return a is b or bool(a == b)


@given(values)
def test_any_value(value):
    assert same(made(value), value)


@pytest.mark.parametrize(
    "value",
    [
        -0.0,
        complex(-0.0, float("nan")),
        [10**5000],
        'both " and \\ and \n',
        "\ud800",
        bytearray(b"x"),
        range(1, 9, 2),
        slice(1, None),
        ...,
        set(),
        frozenset(),
        {1, 2},
        [[]],
        (),
        Color.RED,
        Shade.DARK | Shade.WARM,
        Odd(1),
        Odd(2),
        Point(1, 2),
        Model(3),
        Model,
        len,
        np.float64(0.1),
        np.float32(0.1),
        np.longdouble("0.1"),
        np.int8(-3),
        np.bool_(True),
        np.str_("x"),
        np.complex64(1 + 2j),
        np.datetime64("2031-02-03T04:05", "ns"),
        np.datetime64("2031-02"),
        np.datetime64("NaT", "ns"),
        np.timedelta64(7, ("s", 25)),
        np.timedelta64("NaT", "s"),
        np.array([1, 2]),
        np.array([[1.5, np.nan]], dtype="float32"),
        np.array(3),
        np.zeros((0, 3)),
        np.array([], dtype=bool),
        np.array(["a", "bcd"]),
        np.array([b"ab"], dtype="S4"),
        np.array([1], dtype=">i4"),
        np.array(["2031", "NaT"], dtype="datetime64[s]"),
        np.array([7], dtype="timedelta64[ms]"),
        np.float64,
        np.sin,
        np.mean,
        pd.NA,
        pd.NaT,
        pd.Timestamp("2031-02-03 04:05:06.123456789"),
        pd.Timestamp("2031-02-03", tz="Europe/Berlin"),
        pd.Timestamp("2031-02-03", tz=datetime.timezone(datetime.timedelta(hours=1))),
        pd.Timedelta("1 days 00:00:00.000000007"),
        datetime.datetime(2031, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        datetime.timezone(datetime.timedelta(hours=1), "name"),
        pathlib.Path("a b"),
        pathlib.PureWindowsPath("a"),
    ],
)
def test_each_kind(value):
    assert same(made(value), value)


@pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")  # from NumPy 2.5 on
def test_a_time_without_a_unit():
    for value in np.datetime64("NaT"), np.timedelta64("NaT"):
        assert same(made(value), value)


def looped() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: 1, "a function .*<lambda>"),
        ([object()], "a object"),
        (collections.OrderedDict(a=1), "a OrderedDict"),
        (np.array([object()]), "a ndarray"),
        (np.random.default_rng(1), "a Generator"),
        (pd.DataFrame(), "a DataFrame"),
        (looped(), "contains itself"),
        (np.clongdouble(1), "a clongdouble"),
    ],
)
def test_what_has_no_code_is_named(value, words):
    with pytest.raises(CannotWrite, match=words):
        Writer().text(value)


def test_a_name_that_is_code_is_not_written(monkeypatch):
    import __main__

    evil = type("x\nimport os", (), {"__module__": "__main__"})
    monkeypatch.setattr(__main__, evil.__name__, evil, raising=False)
    with pytest.raises(CannotWrite):
        Writer().text(evil)


def test_what_the_notebook_defines_is_noted(monkeypatch):
    import __main__

    class Mine:
        pass

    Mine.__module__, Mine.__qualname__ = "__main__", "Mine"
    monkeypatch.setattr(__main__, "Mine", Mine, raising=False)
    writer = Writer()
    assert writer.text(Mine) == "Mine"
    assert writer.own == {"Mine"} and not writer.imports


def test_a_zone_of_any_name_does_not_become_code() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=1), 'UTC") or print("')
    with pytest.raises(CannotWrite, match="Timestamp"):
        Writer().text(pd.Timestamp("2024-01-01", tz=zone))
