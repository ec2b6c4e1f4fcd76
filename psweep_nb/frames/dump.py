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

#: With protocol 5 NumPy 2 names a module that NumPy 1 does not have.
_PROTOCOL: Final = 4

#: How a pickle names the module of a class that lives in a notebook or script.
_MAIN: Final = b"\x8c\x08__main__"

_MANY: Final = 1000  # values of a column
_SEPARATOR: Final = "\n"


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
    pickler.dispatch_table = ChainMap(_REDUCERS, copyreg.dispatch_table)
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
        dispatch_table: ClassVar[Any] = ChainMap(_REDUCERS, cloudpickle.CloudPickler.dispatch_table)

    Pickler(file, protocol=_PROTOCOL).dump(table)


class _Watched:
    """A file to pickle to, which notes when an object of ``__main__`` went by its name."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.saw_main = False

    def write(self, data: Any) -> int:
        # The pickler never divides a short string between two writes.
        self.saw_main = self.saw_main or _MAIN in bytes(data)
        return self.file.write(data)


def _reduce(array: Any) -> tuple[Any, ...]:
    """As pandas pickles it, with the third part of its state that pandas 2 insists on.

    pandas 3.0 and later leave it out where it is empty, see its issue 62820.
    """
    make, args, state = array.__reduce__()[:3]
    return make, args, (*state, {}) if isinstance(state, tuple) and len(state) == 2 else state


def _reduce_objects(array: Any) -> tuple[Any, ...]:
    """As NumPy pickles it, but a long column of texts that differ as one text to be split.

    A pickler remembers each of a million texts, should it come again, which takes as much memory
    as the table's numbers.
    """
    reduced: tuple[Any, ...] = array.__reduce__()
    if array.dtype != object or array.size < _MANY:
        return reduced
    make, args, (*state, values) = reduced
    if len(set(map(id, values[:_MANY]))) < _MANY or set(map(type, values)) != {str}:
        return reduced
    text = _SEPARATOR.join(values)
    if text.count(_SEPARATOR) != len(values) - 1:
        return reduced
    return make, args, (*state, _Texts(text))


class _Texts:
    """A list of texts that is pickled as one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return str.split, (self.text, _SEPARATOR)


_REDUCERS: Final[dict[type, Any]] = {
    np.ndarray: _reduce_objects,
    **dict.fromkeys((pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.Categorical), _reduce),
}
