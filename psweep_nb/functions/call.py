"""Whether a function is called with its pset or with its parameters by name.

Decided once a run, from the function's signature and the keys of its psets.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from itertools import chain
from typing import Any, Literal

from psweep_nb.errors import FunctionError
from psweep_nb.functions.source import name_of
from psweep_nb.functions.workload import Workload

# Its value comes from a run's `setup=`; no pset has to have it.
_SETUP = "setup"

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Call:
    """How the function of a run is called.

    Attributes
    ----------
    style
        ``"pset"``: ``func(pset)``; ``"names"``: ``func(**{parameters by name})``.
    names
        For ``"names"``: the parameters the function takes, as far as a pset has them. None if it
        takes whatever there is (``**kwargs``), and for ``"pset"``.
    """

    style: Literal["pset", "names"]
    names: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """This call as JSON can hold it; `from_json` reads it back.

        >>> Call("names", ("a", "b")).to_json()
        {'style': 'names', 'names': ['a', 'b']}
        """
        return {"style": self.style, "names": None if self.names is None else list(self.names)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Call":
        """The call that `to_json` wrote."""
        style, names = data["style"], data.get("names")
        if style not in ("pset", "names"):
            raise ValueError(f"style of a call is {style!r}; expected 'pset' or 'names'")
        return cls(style, None if names is None else tuple(names))

    def __str__(self) -> str:
        if self.style == "pset":
            return "called with its pset"
        if self.names is None:
            return "called with all parameters by name"
        return f"called with {', '.join(self.names) or 'nothing'} by name"


def decide_call(
    func: Callable[..., Any], params: Sequence[Mapping[str, Any]], setup: bool = False
) -> tuple[Call, list[str]]:
    """Decide how `func` is called with each of `params`.

    With the pset, if its only required parameter (``setup`` aside) is a key of no pset
    (``def f(pset)``), else with its parameters by name (``def f(a, b=0)``).

    Parameters
    ----------
    func
        Anything callable: function, lambda, partial, method, class, object with ``__call__``.
    params
        The psets, checked (`psets.check_params`).
    setup
        Whether the run gives the keyword ``setup``.

    Returns
    -------
    tuple
        The `Call`, and notes for the user: full sentences about what may surprise them.

    Raises
    ------
    FunctionError
        `func` is not callable, is asynchronous or a generator, requires a parameter that some pset
        lacks, takes it by position only, or does not fit `setup`.

    Examples
    --------
    >>> params = [{"a": 1, "b": 2}]
    >>> decide_call(lambda a, b: a + b, params)
    (Call(style='names', names=('a', 'b')), [])
    >>> decide_call(lambda pset: pset["a"], params)
    (Call(style='pset', names=None), [])
    """
    if isinstance(func, Workload):
        if setup:
            raise _no_setup(name_of(func))
        func.check(params)
        return Call("pset"), []
    _check_kind(func)
    name = name_of(func)
    # One tuple a pset, made and compared in C: 0.15 µs; there are only a few different ones.
    shapes = dict.fromkeys(map(tuple, params))
    keys = dict.fromkeys(chain.from_iterable(shapes))
    try:
        parameters = inspect.signature(func).parameters
    except (ValueError, TypeError):
        if setup:
            raise _no_setup(name) from None
        return Call("pset"), [
            f"`{name}` has no readable signature: it is called with the whole pset"
            f" (to call it by name, wrap it: lambda a, b: {name}(a, b))."
        ]
    _check_setup(name, parameters, keys, setup)
    required = [
        p
        for p in parameters.values()
        if p.default is p.empty
        and p.name != _SETUP
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if _takes_the_pset(parameters, required, keys):
        return Call("pset"), _note_on_pset(name, required, keys)
    _check_by_position_only(name, parameters, keys)
    _check_required(name, [p.name for p in required], shapes, params)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return Call("names"), []
    names = tuple(
        p.name
        for p in parameters.values()
        if p.kind in _BY_NAME and not (setup and p.name == _SETUP)
    )
    return Call("names", names), _note_on_names(name, names, keys)


def check_setup(setup: Callable[..., Any]) -> None:
    """Check what a run is given as ``setup=``: it is called without arguments.

    Raises
    ------
    FunctionError
        It cannot be called so.
    """
    _check_kind(setup)
    try:
        parameters = inspect.signature(setup).parameters.values()
    except (ValueError, TypeError):
        return
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if needed:
        name = name_of(setup)
        raise FunctionError(
            f"setup is called without arguments, but `{name}` requires {_listed(needed)}; give"
            f" them: setup=functools.partial({name}, ...)"
        )


def _check_setup(
    name: str, parameters: Mapping[str, Parameter], keys: Mapping[str, None], given: bool
) -> None:
    if given and _SETUP in keys:
        raise FunctionError(
            "the psets have a parameter `setup`, and setup= gives a keyword of that name; rename"
            " the parameter"
        )
    takes = _SETUP in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if given and not takes:
        raise _no_setup(name)
    if not given and _SETUP not in keys and _SETUP in parameters:
        parameter = parameters[_SETUP]
        if parameter.default is parameter.empty and parameter.kind in _BY_NAME:
            raise FunctionError(
                f"`{name}` requires `setup`, which no pset has; say what makes it:"
                " setup=FUNCTION, called once in each worker"
            )


def _no_setup(name: str) -> FunctionError:
    return FunctionError(
        f"setup= is given, but `{name}` does not take it; add a parameter to it:"
        f" def {name}(..., setup), or leave setup= out"
    )


def _check_kind(func: object) -> None:
    if not callable(func):
        raise FunctionError(
            f"expected a function, got {func!r:.100} ({type(func).__name__}), which cannot be"
            " called; give the function itself, without parentheses"
        )
    name = name_of(func)
    for each in (func, type(func).__call__):
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            raise FunctionError(
                f"`{name}` is an async function, which only makes a coroutine when called; give"
                f" one that runs it: def run(pset): return asyncio.run({name}(**pset))"
            )
        if inspect.isgeneratorfunction(each):
            raise FunctionError(
                f"`{name}` is a generator function (it has a `yield`), which returns no values"
                " when called; let it return a dict"
            )


def _takes_the_pset(
    parameters: Mapping[str, Parameter], required: list[Parameter], keys: Mapping[str, None]
) -> bool:
    if len(required) == 1:
        return required[0].name not in keys and required[0].kind is not Parameter.KEYWORD_ONLY
    # def f(*args) can be given nothing but the pset.
    return not required and [p.kind for p in parameters.values()] == [Parameter.VAR_POSITIONAL]


def _note_on_pset(name: str, required: list[Parameter], keys: Mapping[str, None]) -> list[str]:
    # Only where it may be a slip: a parameter that is misspelt in the psets looks the same.
    if not keys or not required or required[0].name in ("pset", "params", "p"):
        return []
    close = difflib.get_close_matches(required[0].name, keys, n=1)
    hint = f" Did you mean `{close[0]}`? Then rename one of them and run again." if close else ""
    return [
        f"`{name}` is called with the whole pset as `{required[0].name}`: no pset has a parameter"
        f" of that name (they have {_listed(keys)}).{hint}"
    ]


def _note_on_names(name: str, names: tuple[str, ...], keys: Mapping[str, None]) -> list[str]:
    extra = [key for key in keys if key not in names and not key.startswith("_")]
    if not extra:
        return []
    return [f"`{name}` does not take {_listed(extra)}: kept in the table, not given to it."]


def _check_by_position_only(
    name: str, parameters: Mapping[str, Parameter], keys: Mapping[str, None]
) -> None:
    for parameter in parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY and (
            parameter.default is parameter.empty or parameter.name in keys
        ):
            raise FunctionError(
                f"`{name}` takes `{parameter.name}` by position only (it stands before a `/`, or"
                " the function is a built-in), but parameters are given by name; wrap it:"
                f" lambda {parameter.name}: {name}({parameter.name})"
            )


def _check_required(
    name: str,
    required: list[str],
    shapes: Iterable[tuple[str, ...]],
    params: Sequence[Mapping[str, Any]],
) -> None:
    needed = set(required)
    if all(needed.issubset(shape) for shape in shapes):
        return
    number, pset = next((i, p) for i, p in enumerate(params) if not needed <= p.keys())
    missing = [key for key in required if key not in pset]
    message = (
        f"`{name}` requires {_listed(missing)}, which pset {number} does not have"
        f" (it has {_listed(pset)}); add it to the psets or give it a default"
    )
    if not any(needed.intersection(shape) for shape in shapes):
        message += "; to be called with the whole pset, a function requires one parameter only"
    raise FunctionError(message)


def _listed(names: Iterable[str], most: int = 8) -> str:
    shown = [f"`{name}`" for name in names]
    if len(shown) > most:
        shown[most:] = [f"and {len(shown) - most} more"]
    return ", ".join(shown) or "nothing"
