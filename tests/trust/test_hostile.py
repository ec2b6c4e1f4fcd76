"""Attacks: each is refused, and nothing of it runs."""

import collections
import io
import pickle
import subprocess
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from psweep_nb.errors import JournalError, TrustError
from psweep_nb.trust import load_function, loads


class Call:
    """Pickles as a call of a function."""

    def __init__(self, func: Callable[..., object], *args: object) -> None:
        self.reduced = func, args

    def __reduce__(self) -> Any:
        return self.reduced


def named(name: str, *args: object, protocol: int = 4) -> bytes:
    """A pickle that calls what stands under ``module:name``, by GLOBAL or STACK_GLOBAL."""
    module, _, path = name.partition(":")
    out = io.BytesIO()
    pickler = pickle.Pickler(out, protocol=protocol)
    if protocol < 4:
        return b"\x80\x02c" + f"{module}\n{path}\n".encode() + pickle.dumps(args, 2)[2:-1] + b"R."
    pickler.dump((module, path))
    strings = b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, path))
    return b"\x80\x04" + strings + b"\x93" + pickle.dumps(args, 2)[2:-1] + b"R."


FORBIDDEN = [
    *("os:system", "posix:system", "subprocess:Popen", "builtins:eval", "builtins:exec"),
    *(
        "builtins:__import__",
        "builtins:getattr",
        "builtins:open",
        "builtins:compile",
        "builtins:map",
    ),
    *("importlib:import_module", "runpy:run_path", "pty:spawn", "ctypes:CDLL", "webbrowser:open"),
    *(
        "numpy.testing._private.utils:runstring",
        "numpy:load",
        "numpy.lib.npyio:load",
        "numpy:fromfile",
    ),
    *("numpy:memmap", "numpy.core.multiarray:_vec_string", "numpy._core._internal:_makenames_list"),
    *("pandas:read_pickle", "pandas.io.pickle:read_pickle", "pandas:read_csv", "pandas:eval"),
    *("pandas.io.common:get_handle", "pandas.core.computation.eval:eval", "pandas:HDFStore"),
    *(
        "pandas.compat.pickle_compat:load",
        "pandas.core.frame:os.system",
        "pandas:io.common.os.system",
    ),
    *("functools:partial", "functools:reduce", "operator:attrgetter", "operator:methodcaller"),
    *("copyreg:_reconstructor", "copyreg:__newobj__", "types:FunctionType", "types:CodeType"),
    *(
        "cloudpickle.cloudpickle:_make_function",
        "cloudpickle:loads",
        "pickle:loads",
        "_pickle:loads",
    ),
    *(
        "builtins:type",
        "builtins:object",
        "builtins:setattr",
        "builtins:vars",
        "builtins:memoryview",
    ),
    *("numpy:core.multiarray.scalar", "zoneinfo:ZoneInfo.from_file", "pathlib:Path.unlink"),
    *("datetime:sys.modules", "uuid:os.system", "decimal:_sys.exit", "collections:_sys.exit"),
    *(
        "collections:namedtuple",
        "collections:abc",
        "pandas.arrays:SparseArray",
        "pandas:ArrowDtype",
    ),
    *("numpy.random._pickle:__randomstate_ctor", "multiprocessing.reduction:rebuild_handle"),
    *("logging.config:dictConfig", "enum:Enum", "psweep_nb.trust:load_function"),
]


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", FORBIDDEN)
def test_names_that_are_not_listed_are_refused(name: str, protocol: int, sentinel: Path) -> None:
    with pytest.raises(TrustError, match="trust=True") as caught:
        loads(named(name, f"touch {sentinel}", protocol=protocol), trusted=False)
    module, _, path = name.partition(":")
    assert f"{module}.{path}" in str(caught.value)
    assert not sentinel.exists()


@pytest.mark.parametrize("wrap", [
    lambda bad: bad,
    lambda bad: [bad],
    lambda bad: {"a": bad},
    lambda bad: {bad: 1},
    lambda bad: np.array([bad], dtype=object),
    lambda bad: pd.DataFrame({"a": pd.Series([bad], dtype=object)}),
    lambda bad: pd.DataFrame({"a": [1]}, index=pd.Index([bad], dtype=object)),
    lambda bad: pd.Categorical([bad]),
    lambda bad: collections.deque([bad]),
    lambda bad: np.array([np.array([bad], dtype=object), 1], dtype=object),
])  # fmt: skip
def test_hidden_calls_are_refused(wrap: Callable[[object], object], sentinel: Path) -> None:
    bad = Call(subprocess.call, ["touch", str(sentinel)])
    data = pickle.dumps(wrap(bad))
    with pytest.raises(TrustError, match="subprocess"):
        loads(data, trusted=False)
    assert not sentinel.exists()
    assert loads(data, trusted=True) is not None or True
    assert sentinel.exists(), "the attack does not even work on a trusting reader"


def test_functions_and_classes_of_users_are_refused() -> None:
    offset = 1
    for data in (cloudpickle.dumps(lambda a: a + offset), pickle.dumps(Call), pickle.dumps(len)):
        with pytest.raises(TrustError):
            loads(data, trusted=False)
    assert load_function(cloudpickle.dumps(lambda a: a + offset))(1) == 2


def build(inst: bytes, state: object) -> bytes:
    """A pickle that gives a state to what `inst` makes."""
    return b"\x80\x04" + inst + pickle.dumps(state, 2)[2:-1] + b"b."


def class_named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def test_classes_are_not_given_attributes() -> None:
    before = dict(vars(pd.DataFrame))
    for name in ("DataFrame", "Index"):
        for state in ((None, {"hacked": 1}), {"hacked": 1}, (None, {"__setstate__": None})):
            with pytest.raises((TrustError, JournalError)):
                loads(build(class_named("pandas", name), state), trusted=False)
    with pytest.raises((TrustError, JournalError)):
        loads(build(class_named("numpy._core.multiarray", "_reconstruct"), (None, {"a": 1})), False)
    assert dict(vars(pd.DataFrame)) == before
    # The next, harmless pickle still comes back.
    frame: Any = loads(pickle.dumps(pd.DataFrame({"a": [1]})), False)
    assert frame.equals(pd.DataFrame({"a": [1]}))


def dtype_with(state: object) -> bytes:
    return build(named("numpy:dtype", "V8", False, True)[2:-1], state)


@pytest.mark.parametrize(
    "data",
    [
        # Raw bytes that a field without the object flag would take for a pointer.
        dtype_with((3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)),
        build(named("numpy:dtype", "f8")[2:-1], (3, "<", None, None, None, -1, -1, 63)),
        build(named("numpy:dtype", "U2")[2:-1], (3, "<", None, None, None, 800, 4, 8)),
        build(named("numpy:dtype", "f8")[2:-1], (3, "<", None, ("a",), {"a": 1}, -1, -1, 0)),
        build(named("numpy:dtype", "M8")[2:-1], (4, "<", None, None, None, -1, -1, 0, ({}, 1))),
        named("numpy:dtype", [("a", "O")]),
        named("numpy._core.multiarray:scalar", np.dtype("O"), b"12345678"),
        named("numpy._core.multiarray:scalar", np.dtype("f8"), b"123"),
        named("numpy._core.multiarray:_reconstruct", np.matrix, (0,), b"b"),
        named("numpy._core.multiarray:_reconstruct", np.ndarray, (10**6,), b"b"),
    ],
)
def test_dtypes_and_arrays_are_what_numpy_writes(data: bytes) -> None:
    with pytest.raises((TrustError, JournalError)):
        loads(data, trusted=False)


@pytest.mark.parametrize(
    ("kind", "shape", "content"),
    [
        *(("f8", (3,), b"12345678"), ("f8", (-1,), b""), ("f8", (2**62, 8), b"")),
        *(("O8", (3,), [1]), ("O8", (1,), b"12345678"), ("f8", (1,), [1.0]), ("f8", "a", b"")),
    ],
)
def test_contents_of_arrays_have_their_sizes(kind: str, shape: Any, content: Any) -> None:
    inst = named("numpy._core.multiarray:_reconstruct", np.ndarray, (0,), b"b")[2:-1]
    with pytest.raises((TrustError, JournalError)):
        loads(build(inst, (1, shape, np.dtype(kind), False, content)), trusted=False)


def test_an_array_gets_its_content_once() -> None:
    data = pickle.dumps(np.arange(3.0), protocol=2)
    state = pickle.dumps((1, (1,), np.dtype("f8"), False, b"12345678"), 2)[2:-1]
    with pytest.raises(TrustError, match="two states"):
        loads(data[:-1] + state + b"b.", trusted=False)


class Block:
    """A frame whose column claims a place outside of it; crashes pandas 3 when it is used."""

    def __init__(self, place: object) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        from pandas._libs.internals import (  # type: ignore[import-not-found]
            _unpickle_block,
        )

        return _unpickle_block, (np.ones((1, 3)), self.place, 2)


@pytest.mark.parametrize(
    "place", [slice(10**9, 10**9 + 1, 1), slice(0, 2, 1), slice(-1, 0, 1), np.array([7]), 0, None]
)
def test_columns_have_places_in_their_frame(place: object) -> None:
    from pandas.core.internals.managers import BlockManager  # type: ignore[import-not-found]

    axes = [pd.Index(["a"], dtype=object), pd.RangeIndex(3)]
    data = pickle.dumps(Call(BlockManager, (Block(place),), axes))
    with pytest.raises((TrustError, JournalError)):
        loads(data, trusted=False)


def test_codes_point_into_their_categories() -> None:
    bad: Any = pd.Categorical(["a", "b"])
    bad._ndarray[0] = 100
    with pytest.raises(TrustError, match="Categorical"):
        loads(pickle.dumps(bad), trusted=False)


def test_bytes_are_only_encoded_as_latin1() -> None:
    with pytest.raises(TrustError):
        loads(named("_codecs:encode", "a", "rot13"), trusted=False)


def test_two_methods_are_all_getattr_gives() -> None:
    for args in (
        (zoneinfo.ZoneInfo, "from_file"),
        (zoneinfo.ZoneInfo, "key"),
        ("", "format"),
        ("a b", "split"),
        (b"a", "decode"),
        (bytes, "fromhex"),
        (str, "format"),
        (str, "split.__globals__"),
        (list, "split"),
    ):
        with pytest.raises(TrustError, match=r"builtins\.getattr"):
            loads(pickle.dumps(Call(getattr, *args), 4), trusted=False)


def test_old_and_rare_instructions_are_refused() -> None:
    for data in (
        b"\x80\x02Va\nQ.",  # a persistent id
        b"(S'touch'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # an extension code
        b"\x80\x05\x97.",  # a buffer from outside
    ):
        with pytest.raises((TrustError, JournalError)):
            loads(data, trusted=False)
