"""How a function is called: told by its signature and the keys of its psets."""

import asyncio
import functools
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from psweep_nb.errors import FunctionError
from psweep_nb.functions import Call, check_setup, decide_call

AB = [{"a": 1, "b": 2}, {"b": 3, "a": 4}]


class Model:
    """Callable in every way a class offers."""

    def __init__(self, a: int = 0) -> None:
        self.a = a

    def __call__(self, a: int, b: int) -> int:
        return a + b + self.a

    def energy(self, b: int) -> int:
        return b

    @classmethod
    def of(cls, a: int) -> "Model":
        return cls(a)

    @staticmethod
    def free(a: int, b: int) -> int:
        return a + b


@dataclass
class Point:
    a: int
    b: int = 0


def wrapped(func: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(func)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return inner


def all_names(*names: str) -> Call:
    return Call("names", names)


WHOLE = Call("pset")
EVERYTHING = Call("names", None)


@pytest.mark.parametrize(
    ("func", "expected"),
    [
        (lambda a, b: 0, all_names("a", "b")),
        (lambda b, a: 0, all_names("b", "a")),
        (lambda a, b, c=1: 0, all_names("a", "b", "c")),
        (lambda a, *, b: 0, all_names("a", "b")),
        (lambda a=1, b=2: 0, all_names("a", "b")),
        (lambda a, b, *rest: 0, all_names("a", "b")),
        (lambda a, **rest: 0, EVERYTHING),
        (lambda **rest: 0, EVERYTHING),
        (lambda *args, **kwargs: 0, EVERYTHING),
        (lambda pset: 0, WHOLE),
        (lambda pset, /: 0, WHOLE),
        (lambda pset, scale=1: 0, WHOLE),
        (lambda pset, *, scale=1: 0, WHOLE),
        (lambda pset, **rest: 0, WHOLE),
        (lambda *args: 0, WHOLE),
        # `setup` is no parameter of psets
        (lambda a, b, setup=None: 0, all_names("a", "b", "setup")),
        (functools.partial(lambda pset, c: 0, c=1), WHOLE),
        (functools.partial(lambda c, a, b: 0, 1), all_names("a", "b")),
        (functools.partial(lambda a, b, c: 0, c=1), all_names("a", "b", "c")),
        (wrapped(lambda a, b: 0), all_names("a", "b")),
        (wrapped(lambda pset: 0), WHOLE),
        (Model(), all_names("a", "b")),
        (Model.free, all_names("a", "b")),
        (Model, all_names("a")),
        (Point, all_names("a", "b")),
        (max, WHOLE),  # no signature
        (dict, WHOLE),
    ],
)
def test_style_and_names(func: Callable[..., Any], expected: Call) -> None:
    call, _ = decide_call(func, AB)
    assert call == expected
    assert Call.from_json(json.loads(json.dumps(call.to_json()))) == call


@pytest.mark.parametrize("func", [Model().energy, Model.of, np.mean])
def test_one_parameter_of_the_psets_is_by_name(func: Callable[..., Any]) -> None:
    call, notes = decide_call(func, AB)
    assert call.style == "names"
    assert any("does not take" in note for note in notes)


def test_setup_may_stand_alone() -> None:
    assert decide_call(lambda a, b, setup: 0, AB, True)[0] == all_names("a", "b")
    assert decide_call(lambda setup: 0, [{"a": 1}], True)[0] == all_names()
    assert decide_call(lambda pset, setup: 0, [{"a": 1}], True)[0] == WHOLE
    assert decide_call(lambda a, **kw: 0, [{"a": 1}], True)[0] == Call("names")
    assert decide_call(lambda setup: 0, [{"setup": 1}])[0] == all_names("setup")


@pytest.mark.parametrize(
    ("func", "params", "setup", "message"),
    [
        (lambda a, setup: 0, [{"a": 1}], False, "requires `setup`.*setup=FUNCTION"),
        (lambda a: 0, [{"a": 1}], True, "does not take it; add a parameter"),
        (lambda a, setup: 0, [{"a": 1, "setup": 2}], True, "rename the parameter"),
        (max, [{"a": 1}], True, "does not take it"),
    ],
)
def test_setup_that_does_not_fit(
    func: Callable[..., Any], params: list[dict[str, Any]], setup: bool, message: str
) -> None:
    with pytest.raises(FunctionError, match=message):
        decide_call(func, params, setup)


def test_a_setup_is_called_without_arguments() -> None:
    check_setup(lambda a=1, *args, **more: 0)
    check_setup(dict)
    with pytest.raises(FunctionError, match=r"requires `a`; give them: setup=functools.partial"):
        check_setup(lambda a: 0)
    with pytest.raises(FunctionError, match="expected a function"):
        check_setup(3)  # type: ignore[arg-type]


def test_a_parameter_that_only_some_psets_have_is_not_the_pset() -> None:
    with pytest.raises(FunctionError, match="pset 1 does not have"):
        decide_call(lambda a: 0, [{"a": 1}, {"b": 1}])


def test_no_psets() -> None:
    assert decide_call(lambda pset: 0, [])[0] == WHOLE


@pytest.mark.parametrize(
    ("func", "params", "message"),
    [
        (
            lambda a, b: 0,
            [{"a": 1, "b": 2}] * 3 + [{"a": 1}],
            r"`b`, which pset 3 .*\(it has `a`\)",
        ),
        (lambda a, b, c, d: 0, AB, r"requires `c`, `d`, which pset 0 .*\(it has `a`, `b`\)"),
        (lambda x, y: 0, AB, "to be called with the whole pset, a function requires one parameter"),
        (lambda *, pset: 0, AB, "requires `pset`"),
        (functools.partial(lambda c, pset: 0, c=1), AB, "requires `pset`"),
        (lambda a, /: 0, AB, "`a` by position only.*lambda a"),
        (lambda a, /, b: 0, AB, "`a` by position only"),
        (lambda b, a=1, /: 0, AB, "`b` by position only"),
        (math.sqrt, [{"x": 1}], "`x` by position only.*wrap it"),
        (lambda a, b: 0, [{}], r"it has nothing"),
    ],
)
def test_what_cannot_be_called_is_an_error_before_the_start(
    func: Callable[..., Any], params: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(FunctionError, match=message):
        decide_call(func, params)


@pytest.mark.parametrize("thing", [None, 3, "f", {"a": 1}, Point(1)])
def test_what_is_not_callable(thing: Any) -> None:
    with pytest.raises(FunctionError, match="expected a function, got"):
        decide_call(thing, AB)


async def coroutine(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a


async def async_generator(a: int, b: int) -> AsyncIterator[int]:
    yield a


def generator(a: int, b: int) -> Iterator[int]:
    yield a


class AsyncModel:
    async def __call__(self, a: int) -> int:
        return a

    async def run(self, a: int) -> int:
        return a


@pytest.mark.parametrize(
    "func",
    [
        *(coroutine, async_generator, AsyncModel(), AsyncModel().run),
        functools.partial(coroutine, b=1),
    ],
)
def test_async_functions_say_what_to_do(func: Callable[..., Any]) -> None:
    with pytest.raises(FunctionError, match=r"async function.*asyncio\.run"):
        decide_call(func, AB)


def test_generator_functions_are_refused() -> None:
    with pytest.raises(FunctionError, match="generator function"):
        decide_call(generator, AB)


def test_what_a_function_does_not_take_is_only_mentioned() -> None:
    call, notes = decide_call(lambda a: 0, [{"a": 1, "b": 2, "_repeat": 0}, {"a": 1, "c": 3}])
    assert call == all_names("a")
    assert len(notes) == 1
    assert "`b`, `c`" in notes[0] and "_repeat" not in notes[0]


def test_nothing_is_said_where_nothing_is_odd() -> None:
    for func in (lambda pset: 0, lambda a, b: 0, lambda **kwargs: 0):
        assert decide_call(func, AB)[1] == []


def test_a_parameter_that_may_be_misspelt_is_mentioned() -> None:
    _, notes = decide_call(lambda alpha: 0, [{"alhpa": 1}])
    assert "whole pset as `alpha`" in notes[0] and "Did you mean `alhpa`?" in notes[0]


def test_a_function_without_signature_is_mentioned() -> None:
    assert "no readable signature" in decide_call(max, AB)[1][0]


def test_long_lists_of_names_are_cut() -> None:
    params = [{f"p{i}": i for i in range(100)}]
    with pytest.raises(FunctionError, match="and 92 more"):
        decide_call(lambda a, b: 0, params)


def test_a_call_in_words() -> None:
    assert str(WHOLE) == "called with its pset"
    assert str(all_names("a", "b")) == "called with a, b by name"
    assert str(EVERYTHING) == "called with all parameters by name"


def test_a_damaged_record_of_a_call() -> None:
    with pytest.raises(ValueError, match="style"):
        Call.from_json({"style": "other"})
