"""The program of a job that calls a function: it lies beside the pickle, see `shipping`.

Runs in a pset's directory. It needs cloudpickle and the standard library, and nothing of Python
that is newer than 3.6: it says which Python would have been right.
"""

import json
import os
import pickle
import sys
from collections.abc import Mapping
from typing import Any


def problem(made: "Mapping[str, str]", name: str, python: str, has_cloudpickle: bool) -> str:
    """Say why a function cannot be loaded by a Python; empty if it can.

    Parameters
    ----------
    made : mapping
        With which versions of ``python`` and ``cloudpickle`` it was pickled.
    name : str
        What to call the Python in question.
    python : str
        Its version, major and minor.
    has_cloudpickle : bool
        Whether that can be imported there.
    """
    if python != made["python"]:
        return (
            f"the function was pickled by Python {made['python']}, and only that version can load "
            f"it; {name} is Python {python}. Name another in info.yaml (`python: /path/to/python"
            f"{made['python']}`) and prepare again, or prepare with Python {python}, or let the "
            "job script run a program that uses read_pset and write_result"
        )
    if not has_cloudpickle:
        return (
            f"{name} (Python {python}) has no cloudpickle, which the function was pickled with "
            f"(Python {made['python']}, cloudpickle {made['cloudpickle']}): `pip install "
            f"cloudpickle=={made['cloudpickle']}` there, or name another Python in info.yaml "
            "(`python: ...`) and prepare again"
        )
    return ""


def main() -> None:
    """Check the versions, then call the function, and write what it returns."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "made_with.json"), encoding="utf-8") as file:
        made = json.load(file)
    try:
        import cloudpickle
    except ImportError:
        cloudpickle = None
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = problem(made, sys.executable, python, cloudpickle is not None)
    if said:
        sys.exit("FunctionError: " + said)
    # Beside this one; it may be too new for other versions.
    import psweep_job  # type: ignore[import-not-found]

    # Modules beside the study's directory, as in a notebook that is there.
    sys.path.append(os.path.dirname(os.path.dirname(folder)))
    func = _load(os.path.join(folder, "function.pk"), made, cloudpickle.__version__)
    with open("pset.pk", "rb") as file:
        pset = pickle.load(file)
    psweep_job._write(_results(func, made["call"], pset, cloudpickle.dumps), ".", cloudpickle.dumps)


def _load(path: str, made: "Mapping[str, str]", cloudpickle: str) -> Any:
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except Exception as exc:
        raise RuntimeError(
            "the function cannot be loaded: what it uses must be installed here, or be a module "
            f"beside the study's directory (it was pickled by cloudpickle {made['cloudpickle']},"
            f" here is {cloudpickle}): {type(exc).__name__}: {exc}"
        ) from exc


def _results(func: Any, call: "Mapping[str, Any]", pset: "dict[str, Any]", dumps: Any) -> Any:
    """As in a run: by pset or by name; None is an error, and changes to the pset are results."""
    changed = {}
    try:
        if call["style"] == "pset":
            before = {key: dumps(value) for key, value in pset.items()}
            value = func(pset)
            changed = {k: v for k, v in pset.items() if k[:1] != "_" and before.get(k) != dumps(v)}
        elif call["names"] is None:
            value = func(**{k: v for k, v in pset.items() if k[:1] != "_"})
        else:
            value = func(**{k: pset[k] for k in call["names"] if k in pset})
    except SystemExit as exc:  # of its own accord: no results, whatever the code
        raise RuntimeError(f"the function called sys.exit({exc.code!r})") from exc
    if value is None:
        raise TypeError("the function returned None; return a dict of results, {} for nothing")
    return {**changed, **(value if isinstance(value, Mapping) else {"result": value})}


def _without_ours(kind: Any, error: Any, frames: Any) -> None:
    """Print a traceback that begins with the user's code, if it gets there."""
    inside = frames
    while inside is not None and inside.tb_frame.f_code.co_filename == __file__:
        inside = inside.tb_next
    sys.__excepthook__(kind, error.with_traceback(inside or frames), inside or frames)


if __name__ == "__main__":
    sys.excepthook = _without_ours
    main()
