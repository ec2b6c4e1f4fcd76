"""``pset.json``: a pset's parameters and fields, for programs.

Written by `preparing` into job directories, by `command` where it runs.
"""

import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from psweep_nb.errors import TemplateError

NAME = "pset.json"


def dumps(values: Mapping[str, Any]) -> bytes:
    """Return the file's content.

    NumPy's numbers and arrays are as their plain values; what JSON does not know is as the text
    that a template would have, or, with keys that are no texts, inside other things.

    Raises
    ------
    TemplateError
        Naming the parameter that cannot even be written as text.

    Examples
    --------
    >>> import datetime
    >>> dumps({"a": 1, "day": datetime.date(2024, 5, 1), "s": {2}})
    b'{"a": 1, "day": "2024-05-01", "s": [2]}'
    """
    try:
        return json.dumps(values, default=_plain).encode()
    except Exception:  # a key, a value in itself, or what a class of the user's raises
        return json.dumps({key: _or_text(key, value) for key, value in values.items()}).encode()


def _plain(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic | numpy.ndarray):
        plain = value.tolist()
        return str(value) if type(plain) is type(value) else plain
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return str(value)


def _or_text(name: str, value: Any) -> Any:
    with contextlib.suppress(Exception):
        return json.loads(json.dumps(value, default=_plain))
    try:
        return str(value)
    except Exception as exc:
        said = f"{type(exc).__name__}: {exc}"
        raise TemplateError(f"{NAME}: `{name}` cannot be written as text ({said})") from exc
