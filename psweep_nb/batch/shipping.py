"""A function as what jobs run: its pickle, once for all psets of a run, and what calls it.

Used by `preparing`, which puts it beside the psets' directories; `submitting` asks the machine's
Python whether it could load it, before anything is submitted. See `run_function` for the job's
side.
"""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from psweep_nb.batch import psweep_job, run_function
from psweep_nb.batch.places import Place
from psweep_nb.batch.remote import failure
from psweep_nb.batch.templates import write_new
from psweep_nb.errors import RemoteError
from psweep_nb.functions import Call

_ASK_S = 60
_ASK = "import sys; print('%d.%d' % sys.version_info[:2]); import cloudpickle"  # by any Python


@dataclass(frozen=True)
class Shipment:
    """A pickled function, and how it is called.

    Parameters
    ----------
    function : bytes
        As `functions.dump_function` makes it.
    call : Call
        With the pset, or by name.
    """

    function: bytes
    call: Call

    def write(self, parent: str | os.PathLike[str], run_id: str) -> None:
        """Make the directory that jobs of a run call it from."""
        folder = os.path.join(parent, folder_of(run_id))
        os.mkdir(folder)
        write_new(os.path.join(folder, "function.pk"), self.function)
        made = json.dumps({**made_with(), "call": self.call.to_json()})
        write_new(os.path.join(folder, "made_with.json"), made.encode())
        for module in (run_function, psweep_job):
            source = Path(str(module.__file__))
            write_new(os.path.join(folder, source.name), source.read_bytes())


def folder_of(run_id: str) -> str:
    """The name of that directory, beside those of the psets."""
    return f"function-{run_id}"


def made_with() -> dict[str, str]:
    """What a function that is pickled here can be loaded with."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, "cloudpickle": cloudpickle.__version__}


def python_of(info: Mapping[str, Any]) -> str:
    """What calls functions on a machine, as shell text: this Python, where nothing says another."""
    default = "python3" if "host" in info else shlex.quote(sys.executable)
    return str(info.get("python", default))


def line(info: Mapping[str, Any], run_id: str) -> str:
    """What a job script runs, in a pset's directory."""
    return f"{info['python']} ../{folder_of(run_id)}/{Path(str(run_function.__file__)).name}"


def check(made: Mapping[str, str], place: Place) -> None:
    """Ask the Python of a machine whether it could load a function.

    Raises
    ------
    RemoteError
        If not: jobs would fail.
    """
    python = place.info["python"]
    done = place.shell.run(f"{python} -c {shlex.quote(_ASK)}", _ASK_S)
    name, version = f"{python} on {place.shell.where}", done.out.strip()
    if not version:
        raise RemoteError(
            f"nothing was submitted: {failure(place.shell.where, python, done)}\n"
            f"The function needs Python {made['python']} there; name it in info.yaml "
            "(`python: ...`) and prepare again"
        )
    if said := run_function.problem(made, name, version, done.code == 0):
        raise RemoteError(f"nothing was submitted: {said}")
