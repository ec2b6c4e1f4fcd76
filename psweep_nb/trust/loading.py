"""Bytes to objects: as they are when trusted, else through the careful unpickler."""

import io
import os
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from psweep_nb.errors import JournalError, TrustError

if TYPE_CHECKING:
    import pandas as pd


def loader(trusted: bool) -> Callable[[bytes], object]:
    """The function that unpickles records of a study.

    For a trusted study it is `pickle.loads` itself and raises whatever that raises; else see
    `loads`.
    """
    return pickle.loads if trusted else _load_carefully


def loads(data: bytes, trusted: bool) -> object:
    """Unpickle one object.

    Parameters
    ----------
    data
        The pickle.
    trusted
        Whether it comes from a study of this user. If not, only harmless types of pandas, NumPy
        and the standard library are made.

    Raises
    ------
    TrustError
        An untrusted pickle holds another type; the message names it.
    JournalError
        The bytes are no pickle, or what they describe cannot be made.

    Examples
    --------
    >>> loads(pickle.dumps({"a": [1, 2.5, None]}), trusted=False)
    {'a': [1, 2.5, None]}
    >>> loads(pickle.dumps(print), trusted=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    psweep_nb.errors.TrustError: `builtins.print` is not on the list of harmless types, ...
    """
    if not trusted:
        return _load_carefully(data)
    try:
        return pickle.loads(data)
    except Exception as error:
        raise _unreadable(error) from error


def load_function(data: bytes) -> Callable[..., Any]:
    """Unpickle a function: only to execute a run, never to look at one.

    Raises whatever unpickling raises, an ImportError of the user's own module among it.
    """
    # What cloudpickle wrote is an ordinary pickle that imports cloudpickle.
    func: Callable[..., Any] = pickle.loads(data)
    return func


def read_table(path: str | os.PathLike[str], trusted: bool) -> "pd.DataFrame":
    """Read a pickled DataFrame (`database.pk`, of ours or of psweep).

    Raises
    ------
    TrustError
        An untrusted table holds a type that is not on the list.
    JournalError
        The file is no pickled DataFrame.
    OSError
        The file cannot be read.
    """
    import pandas as pd

    if trusted:
        try:
            # Not pickle.load: pandas knows where its classes were in older versions.
            table = pd.read_pickle(path, compression=None)
        except OSError:
            raise
        except Exception as error:
            raise _unreadable(error) from error
    else:
        with open(path, "rb") as file:
            table = _unpickle(file)
    if not isinstance(table, pd.DataFrame):
        raise JournalError(f"expected a pickled DataFrame, found a {type(table).__name__}")
    return table


def _load_carefully(data: bytes) -> object:
    return _unpickle(io.BytesIO(data))


def _unpickle(file: BinaryIO) -> object:
    from psweep_nb.trust.careful import load_carefully

    try:
        return load_carefully(file)
    except (TrustError, OSError):
        raise
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> JournalError:
    return JournalError(f"cannot be read back ({type(error).__name__}: {error})")
