"""A function becomes bytes for other processes, or an error that names the variable in the way."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, ClassVar, NamedTuple

from psweep_nb.errors import FunctionError
from psweep_nb.functions.source import name_of

NOTED_BYTES = 50_000_000
REFUSED_BYTES = 1_000_000_000
THIS_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

_DEPTH = 8  # containers in containers in objects, as far as it is worth looking into
_SAMPLE = 1000  # members of a container that are measured; the rest is assumed to be alike


class Part(NamedTuple):
    """Something that travels with a function, and how a person would say where it is."""

    where: str
    value: Any


def dump_function(func: Callable[..., Any]) -> tuple[bytes, list[str]]:
    """Pickle a function with everything it uses.

    Functions of importable modules travel by reference, others by value with the global and
    closure variables they use (cloudpickle).

    Parameters
    ----------
    func
        The function, as `decide_call` accepts it.

    Returns
    -------
    tuple
        The pickle, and notes for the user: captured variables above 50 MB, modules that were
        edited after they were imported.

    Raises
    ------
    FunctionError
        A variable it uses cannot be pickled, or what it carries exceeds 1 GB; the message names it.

    Examples
    --------
    >>> import threading
    >>> lock = threading.Lock()
    >>> def f(a):
    ...     with lock:
    ...         return {"b": a}
    >>> dump_function(f)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    psweep_nb.errors.FunctionError: the function `f` uses the variable `lock` (a _thread.lock),
    which cannot be sent to another process (...); make it inside the function
    """
    name = name_of(func)
    total, large = _measure(func)
    if total > REFUSED_BYTES:
        raise _too_large(name, large, total)
    try:
        data = _dumps(func)
    except Exception as error:
        raise _not_sent(func, name, error) from error
    if len(data) > REFUSED_BYTES:
        raise _too_large(name, large, len(data))
    notes = [
        f"`{name}` takes {part.where} along: {_text(size)} for each worker." for part, size in large
    ]
    if not large and len(data) > NOTED_BYTES:
        notes = [f"`{name}` takes {_text(len(data))} along for each worker."]
    return data, notes + notes_on_edited(func, "workers run the file as it is now.")


def holds_code(data: bytes) -> bool:
    """Whether a pickled function holds instructions of the Python that pickled it.

    Another version's may do anything here, up to ending the process. A function of an importable
    module travels by its name, and has none.
    """
    return b"CodeType" in data


def notes_on_edited(func: Callable[..., Any], therefore: str) -> list[str]:
    """Name the modules behind a function that were edited after they were imported."""
    # Here, not above: workers import this package, too.
    from psweep_nb.functions.edited import edited_modules

    return [
        f"module `{module}` was edited after it was imported: {therefore}"
        for module in edited_modules(part.value for part in _everything(func))
    ]


def _dumps(func: Callable[..., Any]) -> bytes:
    """Pickle a function so that tracebacks go on to name the files it and its helpers are in."""
    import io
    from collections import ChainMap

    import cloudpickle

    reduce = cloudpickle.CloudPickler.dispatch_table[CodeType]

    def reduce_code(code: CodeType) -> tuple[Any, ...]:
        make, arguments, *rest = reduce(code)
        # From 3.1.3 on cloudpickle replaces file names, for pickles that depend on the code alone.
        arguments = (code.co_filename if a == _NO_FILE else a for a in arguments)
        return make, tuple(arguments), *rest

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
        # Of the class: an instance's own is not looked at.
        dispatch_table: ClassVar[Any] = ChainMap(
            {CodeType: reduce_code}, cloudpickle.CloudPickler.dispatch_table
        )

    file = io.BytesIO()
    Pickler(file, protocol=5).dump(func)
    return file.getvalue()


_NO_FILE = "<dynamic-code>"


def _too_large(name: str, large: list[tuple[Part, int]], total: int) -> FunctionError:
    what = ", ".join(f"{part.where} ({_text(size)})" for part, size in large) or "its variables"
    return FunctionError(
        f"the function `{name}` uses {what}: {_text(total)} would go to every worker, at most"
        f" {_text(REFUSED_BYTES)} is sent; save it to a file and load it inside the function, in a"
        " helper under functools.cache so that each worker loads it once"
        ' (np.load(file, mmap_mode="r") even shares the memory)'
    )


def _not_sent(func: Callable[..., Any], name: str, error: Exception) -> FunctionError:
    part = _culprit(func)
    reason = f"({type(error).__name__}: {error})" if str(error) else f"({type(error).__name__})"
    if part is None:
        return FunctionError(
            f"the function `{name}` cannot be sent to another process {reason}; define it in the"
            " notebook, the script or a module that can be imported"
        )
    return FunctionError(
        f"the function `{name}` uses {part.where} (a {_type_name(part.value)}), which cannot be"
        f" sent to another process {reason}; make it inside the function"
    )


def _culprit(func: Callable[..., Any]) -> Part | None:
    """The innermost thing that does not pickle by itself."""
    culprit, seen = None, {id(func)}
    parts = _parts(func, "")
    for _ in range(_DEPTH):
        found = next((p for p in parts if id(p.value) not in seen and not _pickles(p.value)), None)
        if found is None:
            break
        culprit = found
        seen.add(id(found.value))
        parts = _parts(found.value, found.where)
    return culprit


def _pickles(value: object) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=5)
    except Exception:
        return False
    return True


def _parts(value: Any, where: str) -> Iterator[Part]:
    """What pickling `value` pickles in its turn, with a name for each."""
    if isinstance(value, functools.partial):
        yield Part(where or "the function of the partial", value.func)
        yield from (Part(f"argument {i} of the partial", v) for i, v in enumerate(value.args))
        for name, v in value.keywords.items():
            yield Part(f"the argument `{name}` of the partial", v)
    elif isinstance(value, FunctionType):
        if not _by_reference(value):
            yield from _captured(value, f" in `{value.__name__}`" if where else "")
    elif inspect.ismethod(value):
        yield Part(where or "the object it is a method of", value.__self__)
        yield Part(where, value.__func__)
    elif isinstance(value, type):
        if not _by_reference(value):
            for key, member in list(vars(value).items()):
                inner = getattr(member, "__func__", getattr(member, "fget", member))
                if key not in ("__dict__", "__weakref__", "__doc__", "__module__"):
                    yield Part(f"`{value.__name__}.{key}`", inner)
    elif isinstance(value, dict):
        yield from (Part(_inside(where, f"[{k!r:.40}]"), v) for k, v in list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (Part(_inside(where, f"[{i}]"), v) for i, v in enumerate(value))
    elif not isinstance(value, ModuleType):
        yield from _of_object(value, where)


def _of_object(value: Any, where: str) -> Iterator[Part]:
    attributes = getattr(value, "__dict__", None)
    # An object that says itself how it is pickled need not pickle its attributes.
    own_way = any(
        getattr(type(value), hook, None) is not getattr(object, hook, None)
        for hook in ("__reduce__", "__reduce_ex__", "__getstate__")
    )
    if isinstance(attributes, dict) and not own_way:
        yield Part(where or "its class", type(value))
        for key, member in list(attributes.items()):
            yield Part(_inside(where, f".{key}") if where else f"its attribute `{key}`", member)


def _inside(where: str, step: str) -> str:
    """`the variable `a`` and `.b` make `the variable `a.b``."""
    return f"{where[:-1]}{step}`" if where.endswith("`") else f"{where}{step}"


def _captured(func: FunctionType, suffix: str) -> Iterator[Part]:
    for name in sorted(_global_names(func.__code__)):
        if name in func.__globals__:
            yield Part(f"the variable `{name}`{suffix}", func.__globals__[name])
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or (), strict=False):
        try:
            yield Part(f"the variable `{name}`{suffix}", cell.cell_contents)
        except ValueError:  # not assigned yet
            continue
    for default in func.__defaults__ or ():
        yield Part(f"a default of a parameter{suffix}", default)
    for name, default in (func.__kwdefaults__ or {}).items():
        yield Part(f"the default of the parameter `{name}`{suffix}", default)
    for name, value in vars(func).items():
        yield Part(f"the attribute `{name}` of the function{suffix}", value)


def _global_names(code: CodeType) -> set[str]:
    import dis  # only when a function is sent; a worker need not load it

    # co_names has the names of attributes as well: `x.data` is no use of a global `data`.
    names = {
        str(step.argval) for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"
    }
    return names.union(*(_global_names(c) for c in code.co_consts if isinstance(c, CodeType)))


def _by_reference(value: Any) -> bool:
    """Whether cloudpickle sends a function or class as the name of an importable module."""
    import cloudpickle

    module, path = getattr(value, "__module__", None), value.__qualname__
    if module is None or module == "__main__" or module not in sys.modules:
        return False
    found: Any = sys.modules[module]
    for name in path.split("."):
        found = getattr(found, name, None)
    registered = cloudpickle.list_registry_pickle_by_value()
    steps = module.split(".")
    by_value = any(".".join(steps[: i + 1]) in registered for i in range(len(steps)))
    return found is value and not by_value


def _everything(func: Callable[..., Any]) -> Iterator[Part]:
    """The function and all that travels with it, without looking into data."""
    stack, seen = [Part("", func)], set()
    while stack:
        part = stack.pop()
        if id(part.value) in seen:
            continue
        seen.add(id(part.value))
        yield part
        if callable(part.value) or part.value is func:
            stack.extend(_parts(part.value, part.where))


def _measure(func: Callable[..., Any]) -> tuple[int, list[tuple[Part, int]]]:
    """Bytes of all the data that travels with a function, and the parts worth a word."""
    seen: set[int] = set()
    sized = [(p, size_of(p.value, seen)) for p in _everything(func) if not callable(p.value)]
    large = [pair for pair in sized if pair[1] > NOTED_BYTES]
    return sum(size for _, size in sized), sorted(large, key=lambda pair: -pair[1])


def size_of(value: Any, seen: set[int], depth: int = _DEPTH) -> int:
    """Roughly how many bytes a value pickles to, without what is `seen`; cheap in any case."""
    if isinstance(value, int | float | bool | ModuleType | type) or value is None:
        return 8
    if not depth or id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, str):
        return len(value)
    # Not whatever has an `nbytes`: a lazy array (dask, xarray) says what it would take computed.
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return int(value.nbytes)
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series | pandas.Index):
        used = value.memory_usage()
        return int(used if isinstance(used, int) else used.sum())
    if isinstance(value, dict):
        return _size_of_many([*value.keys(), *value.values()], seen, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return _size_of_many(list(value), seen, depth)
    try:
        return memoryview(value).nbytes
    except (TypeError, ValueError, BufferError):
        attributes = getattr(value, "__dict__", {})
        return 8 + _size_of_many(list(attributes.values()), seen, depth)


def _size_of_many(values: list[Any], seen: set[int], depth: int) -> int:
    sample = values[:: max(1, len(values) // _SAMPLE)]
    size = sum(size_of(value, seen, depth - 1) for value in sample)
    return size if len(sample) == len(values) else size * len(values) // len(sample)


def _text(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _type_name(value: object) -> str:
    module, name = type(value).__module__, type(value).__qualname__
    return name if module == "builtins" else f"{module}.{name}"
