"""Functions and psets from a user's own file, for commands that are given them by name.

To name a file is to ask that it be run, as ``import`` does; nothing else here runs user code.
"""

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from psweep_nb.errors import OptionError

_SHAPE = "FILE.py:NAME"


def function_and_params(func: str, params: str) -> tuple[Any, Any, ModuleType]:
    """Return what two arguments of a command line name, and the function's module.

    Parameters
    ----------
    func : str
        ``FILE.py:NAME``.
    params : str
        ``FILE.py:NAME``, the NAME alone in the function's file, or the path of a CSV file.

    Raises
    ------
    OptionError
        If there is no such file or name, or the file cannot be imported.
    """
    file, name = _split(func)
    if not file:
        raise OptionError(f"FUNC is {func!r}; it should be {_SHAPE}, such as model.py:simulate")
    module = _imported(file)
    function = _named(module, file, name)
    if not callable(function):
        raise OptionError(f"{func} is a {type(function).__name__}, not a function")
    if params.lower().endswith(".csv"):
        return function, params, module
    other, name = _split(params)
    if not other or os.path.abspath(other) == os.path.abspath(file):
        return function, _named(module, file, name), module
    return function, _named(_imported(other), other, name), module


def as_main(module: ModuleType) -> None:
    """Make a module look like a script or notebook, as which it has run.

    Code that a script has run is known as that of ``__main__``; imported, it would look changed.
    """
    for value in list(vars(module).values()):
        if isinstance(value, FunctionType | type) and value.__module__ == module.__name__:
            value.__module__ = "__main__"
    vars(module)["__name__"] = "__main__"


def _split(text: str) -> tuple[str, str]:
    file, _, name = text.rpartition(":")
    return file, name


def _named(module: ModuleType, file: str, name: str) -> Any:
    if not hasattr(module, name):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise OptionError(f"{file} has no {name!r}; it has {', '.join(known) or 'no names'}")
    return getattr(module, name)


def _imported(file: str) -> ModuleType:
    """Import a file as a module of its name; what it imports from beside it is found."""
    if not file.endswith(".py") or not os.path.isfile(file):
        raise OptionError(f"there is no Python file {file!r}")
    path = os.path.abspath(file)
    stem = Path(path).stem
    other = sys.modules.get(stem)  # a library, say, of which this file has the name
    is_free = other is None or getattr(other, "__file__", None) == path
    name = stem if is_free else f"_psweep_nb_file_{stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, os.path.dirname(path))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        del sys.modules[name]
        raise OptionError(f"{file} cannot be imported: {_where(exc, path)}") from exc
    return module


def _where(exc: BaseException, path: str) -> str:
    """The error, and the line of the file that led to it."""
    stack = traceback.extract_tb(exc.__traceback__)
    lines = [frame.lineno for frame in stack if frame.filename == path]
    at = f" (line {lines[-1]})" if lines else ""
    return f"{type(exc).__name__}: {exc}{at}"
