"""Which of a workload cell's new variables are results.

Runs where the psets run, called by the functions that ``cells`` writes; so it imports
neither IPython nor anything else that is slow to load.
"""

from __future__ import annotations

import functools
import io
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

_TOOLS = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.GeneratorType,
    functools.partial,
    io.IOBase,
    type,
)
_TOOL_PACKAGES = ("matplotlib", "mpl_toolkits", "plotly", "bokeh")


def pick(value: Any, variables: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The cell's final value, or, where that is None, its new variables that are data.

    Parameters
    ----------
    value : object
        Value of the cell's last expression (``print(...)`` gives None).
    variables : mapping
        The cell's local variables at its end.
    names : sequence of str
        The names it newly assigned, in order.

    Returns
    -------
    object
        ``value``, or a dict of those of ``names`` that hold no module, function, figure,
        file or the like.
    """
    if value is not None:
        return value
    return {name: variables[name] for name in names if _is_data(variables, name)}


def _is_data(variables: Mapping[str, Any], name: str) -> bool:
    if name not in variables:  # deleted again, or in a branch not taken
        return False
    value = variables[name]
    if isinstance(value, (list, tuple)) and value:
        value = value[0]  # plt.plot gives a list of lines, plt.subplots a tuple
    if isinstance(value, _TOOLS):
        return False
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.random.Generator):
        return False
    return type(value).__module__.partition(".")[0] not in _TOOL_PACKAGES
