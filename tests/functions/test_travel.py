"""Functions arrive in other processes, or it is said by name what is in the way."""

import functools
import pickle
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from psweep_nb.errors import FunctionError
from psweep_nb.functions import dump_function, travel

lock = threading.Lock()


def in_main(text: str, **variables: Any) -> Any:
    """The function `f` of a notebook that runs `text`: it travels by value."""
    space: dict[str, Any] = {"__name__": "__main__", "threading": threading, **variables}
    exec(text, space)
    return space["f"]


class Config:
    def __init__(self, **values: Any) -> None:
        self.values = values
        vars(self).update(values)


Config.__module__ = "__main__"  # by value, as a class of a cell

GLOBAL = "lock = threading.Lock()\ndef f(a):\n    with lock:\n        return a"


def closure() -> Callable[..., Any]:
    inner = threading.Lock()
    return lambda a: inner


def default(a: int, guard: Any = lock) -> int:
    return a


def plain(a: int, guard: Any = None) -> int:
    return a


def keyword(a: int, *, guard: Any = lock) -> int:
    return a


for _func in (default, keyword):
    _func.__module__ = "__main__"


class Machine:
    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.close()

    def __call__(self, a: int) -> int:
        return a

    def energy(self, a: int) -> int:
        return a


CASES: list[tuple[Any, str]] = [
    (in_main(GLOBAL), r"uses the variable `lock` \(a _thread.lock\)"),
    (
        in_main("lock = threading.Lock()\ndef g():\n    return lock\ndef f(a):\n    return g()"),
        r"variable `lock` in `g` \(a _thread.lock\)",
    ),
    (
        in_main("lock = threading.Lock()\ndef f(a):\n    return [lock for _ in range(a)]"),
        r"variable `lock` \(",
    ),
    (
        in_main("class C:\n    def m(self):\n        lock\ndef f(a):\n    return C()", lock=lock),
        r"variable `lock` in `m`",
    ),
    (closure(), r"variable `inner` \(a _thread.lock\)"),
    (default, r"a default of a parameter \(a _thread.lock\)"),
    (keyword, r"default of the parameter `guard` \(a _thread.lock\)"),
    (functools.partial(plain, guard=lock), r"the argument `guard` of the partial \(a _thread"),
    (functools.partial(max, lock), r"argument 0 of the partial \(a _thread"),
    (Machine(), r"attribute `connection` \(a sqlite3.Connection\)"),
    (Machine().energy, r"the object it is a method of.*connection.* \(a sqlite3.Connection\)"),
    (
        in_main("def f(a):\n    return config", config={"a": {"b": [1, lock]}}),
        r"variable `config\['a'\]\['b'\]\[1\]` \(a _thread.lock\)",
    ),
    (
        in_main("def f(a):\n    return config", config=Config(door=lock)),
        r"variable `config.values\['door'\]` \(a _thread.lock\)",
    ),
    (
        in_main("def f(a):\n    return gen", gen=(i for i in range(3))),
        r"variable `gen` \(a generator\)",
    ),
]


@pytest.mark.parametrize(("func", "message"), CASES)
def test_what_does_not_pickle_is_named(func: Callable[..., Any], message: str) -> None:
    with pytest.raises(FunctionError, match=message) as caught:
        dump_function(func)
    assert "make it inside the function" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_what_refuses_to_be_pickled_itself_is_named() -> None:
    class Stubborn:
        def __reduce__(self) -> Any:
            raise RuntimeError("I stay here")

    with pytest.raises(FunctionError, match=r"`thing` \(a .*Stubborn\).*I stay here"):
        dump_function(in_main("def f(a):\n    return thing", thing=Stubborn()))


def test_a_name_of_an_attribute_is_no_variable() -> None:
    func = in_main("def f(a):\n    return a.lock", lock=lock)
    data, notes = dump_function(func)
    assert data
    assert notes == []


def test_functions_arrive_in_another_process(tmp_path: Path) -> None:
    text = "import math\nk = 2\ndef g(x):\n    return k * x\ndef f(a):\n    return math.sqrt(g(a))"
    data, notes = dump_function(in_main(text))
    assert notes == []
    (tmp_path / "function").write_bytes(data)
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))(8))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "function")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "4.0"


def test_functions_of_modules_travel_by_reference() -> None:
    data, notes = dump_function(cloudpickle.dumps)
    assert len(data) < 100 and notes == []
    assert pickle.loads(data) is cloudpickle.dumps


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(60, "V1000000"),
        pd.DataFrame({"a": np.zeros(7_500_000)}),
        b"x" * 60_000_000,
        {"a": [np.zeros(7_500_000)]},
        Config(data=np.zeros(7_500_000)),
    ],
    ids=["array", "frame", "bytes", "dict", "object"],
)
def test_large_captures_are_named(value: Any) -> None:
    _, notes = dump_function(in_main("def f(a):\n    return data[0]", data=value))
    assert notes == ["`f` takes the variable `data` along: 60 MB for each worker."]


def test_large_captures_of_helpers_and_closures_are_named() -> None:
    data = np.zeros(7_500_000)

    def f(a: int) -> Any:
        return data

    f.__module__ = "__main__"
    _, notes = dump_function(f)
    assert any("variable `data` along" in note for note in notes)
    func = in_main("def g():\n    return data\ndef f(a):\n    return g()", data=data)
    assert "variable `data` in `g`" in dump_function(func)[1][0]


def test_what_is_captured_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "REFUSED_BYTES", 100_000_000)
    data = np.zeros(7_500_000)
    func = in_main("def f(a):\n    return data, box", data=data, box={"data": data})
    assert len(dump_function(func)[1]) == 1


def test_above_a_gigabyte_is_refused_before_it_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> bytes:
        raise AssertionError("pickled")

    monkeypatch.setattr(cloudpickle, "dumps", never)
    # Never touched, so never in memory.
    data = np.empty(1_100_000_000, np.int8)
    with pytest.raises(FunctionError, match=r"`data` \(1.1 GB\).*at most 1.0 GB.*mmap_mode"):
        dump_function(in_main("def f(a):\n    return data", data=data))


def test_many_captures_are_refused_by_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "REFUSED_BYTES", 1_000_000)
    names = [f"v{i}" for i in range(3)]
    func = in_main(f"def f(a):\n    return {names}".replace("'", ""), **dict.fromkeys(names))
    for name in names:
        func.__globals__[name] = np.zeros(50_000)
    with pytest.raises(FunctionError, match=r"1 MB would go"):
        dump_function(func)


class Lazy:
    """Says how large it would be, like a dask array, and is not."""

    nbytes = 10**15


def test_lazy_data_is_not_refused() -> None:
    assert dump_function(in_main("def f(a):\n    return lazy", lazy=Lazy()))[1] == []


def test_odd_objects_do_not_stop_it() -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise RuntimeError(name)

    cycle: list[Any] = []
    cycle.append(cycle)
    func = in_main("def f(a):\n    return odd, cycle", odd=Odd(), cycle=cycle)
    dump_function(func)


def test_numpy_and_pandas_are_not_loaded() -> None:
    code = (
        "import sys; from psweep_nb.functions import dump_function\n"
        "x = [1]\ndef f(a): return x\ndump_function(f)\n"
        "print({'numpy', 'pandas'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_code_keeps_the_file_it_is_in() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("def g(): pass\ndef f(a):\n    return g", "/study/model.py", "exec"), space)
    data, _ = dump_function(space["f"])
    sent = cloudpickle.loads(data)
    assert sent.__code__.co_filename == "/study/model.py"
    assert sent(1).__code__.co_filename == "/study/model.py"
