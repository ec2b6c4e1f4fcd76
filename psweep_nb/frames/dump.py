"""How a table becomes a file that every supported pandas opens.

`database` writes ``database.pk`` through it. Called plainly, pandas 3 and NumPy 2 write what
pandas 2 and NumPy 1 cannot read, and classes of a notebook are lost with its kernel.
"""

import copyreg
import pickle
from collections import ChainMap
from typing import Any, BinaryIO, ClassVar, Final

import numpy as np
import pandas as pd

_PROTOCOL: Final = 5

#: How a pickle names the module of a class that lives in a notebook or script.
_MAIN: Final = b"\x8c\x08__main__"

#: Longer writes are a column's data.
_NAMES_END: Final = 1 << 20  # bytes

_MANY: Final = 1000  # values of a column
_AT_ONCE: Final = 10_000
_SEPARATOR: Final = "\n"
_CODE: Final = ("utf-8", "surrogatepass")


def dump(table: pd.DataFrame, file: BinaryIO) -> None:
    """Pickle a table, for ``pandas.read_pickle`` of pandas 2.2 and later.

    Objects of classes that are defined in ``__main__`` are pickled by value; reading such a
    table needs cloudpickle installed.

    Parameters
    ----------
    table
        Any DataFrame. Columns of pandas 3's string type, which `build` and `merge` never
        make, open in pandas 3 only.
    file
        Opened for writing in binary mode, seekable, at its beginning.
    """
    watched = _Watched(file)
    pickler: Any = pickle.Pickler(watched, protocol=_PROTOCOL)
    pickler.dispatch_table = ChainMap(_reducers(), copyreg.dispatch_table)
    try:
        pickler.dump(table)
        if not watched.saw_main:
            return
    except (pickle.PicklingError, AttributeError, TypeError):
        pass  # most likely a class that cannot be found by its name; if not, it fails again
    import cloudpickle

    file.seek(0)
    file.truncate()

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
        # Of the class: an instance's own is not looked at.
        dispatch_table: ClassVar[Any] = ChainMap(
            _reducers(), cloudpickle.CloudPickler.dispatch_table
        )

    Pickler(file, protocol=_PROTOCOL).dump(table)


class _Watched:
    """A file to pickle to, which notes when an object of ``__main__`` went by its name."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.saw_main = False

    def write(self, data: Any) -> int:
        # The pickler never divides a short string between two writes.
        if not self.saw_main and memoryview(data).nbytes < _NAMES_END:
            self.saw_main = _MAIN in bytes(data)
        return self.file.write(data)


def _reduce(array: Any) -> tuple[Any, ...]:
    """As pandas pickles it, with the third part of its state that pandas 2 insists on.

    pandas 3.0 and later leave it out where it is empty, see its issue 62820.
    """
    make, args, state = array.__reduce__()[:3]
    return make, args, (*state, {}) if isinstance(state, tuple) and len(state) == 2 else state


class _Arrays:
    """Reduces arrays as NumPy does, without a copy of what they hold.

    A pickler remembers all it has written, should it come again: copies would be kept to the end,
    as many as the table has columns.
    """

    def __init__(self) -> None:
        self._text = pickle.PickleBuffer(b"")  # of the column that was written last

    def reduce(self, array: Any) -> tuple[Any, ...]:
        self._text.release()
        make, args, (*state, values) = array.__reduce__()
        if array.dtype != object:
            # NumPy itself would do so with a function that NumPy 1 does not have.
            flat = array.reshape(-1, order="A").view(np.uint8) if _is_plain(array) else None
            return make, args, (*state, values if flat is None else _read_only(flat))
        if not _differ(values):
            return make, args, (*state, values)
        text = _joined(values)
        if text.count(_SEPARATOR.encode()) != len(values) - 1:
            return make, args, (*state, values)
        self._text = _read_only(text)
        return make, args, (*state, _Texts(self._text))


def _is_plain(array: Any) -> bool:
    """Whether what it holds is one piece of memory, without references to objects."""
    one_piece = array.flags.c_contiguous or array.flags.f_contiguous
    return bool(array.nbytes and one_piece and not array.dtype.hasobject)


def _read_only(data: Any) -> pickle.PickleBuffer:
    """What is pickled as bytes."""
    return pickle.PickleBuffer(memoryview(data).toreadonly())


def _differ(values: list[Any]) -> bool:
    """Whether these are many texts, of which few are one and the same object."""
    return (
        len(values) >= _MANY
        and len(set(map(id, values[:_MANY]))) == _MANY
        and set(map(type, values)) == {str}
    )


def _joined(values: list[str]) -> bytearray:
    # Of the size it will have, if all is ASCII: one that grows is there twice now and then.
    text, end = bytearray(sum(map(len, values)) + len(values)), 0
    for at in range(0, len(values), _AT_ONCE):
        some = _SEPARATOR.join((*values[at : at + _AT_ONCE], "")).encode(*_CODE)
        text[end : end + len(some)] = some
        end += len(some)
    del text[-1]
    return text


class _Texts:
    """A list of texts that is pickled as one text."""

    def __init__(self, data: pickle.PickleBuffer) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return str.split, (_Text(self.data), _SEPARATOR)


class _Text:
    """A text that is pickled as bytes."""

    def __init__(self, data: pickle.PickleBuffer) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes.decode, (self.data, *_CODE)


def _reducers() -> dict[type, Any]:
    pandas = (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.Categorical)
    return {np.ndarray: _Arrays().reduce, **dict.fromkeys(pandas, _reduce)}
