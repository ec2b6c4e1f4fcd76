"""The scripts ``run_<machine>.sh`` that submit the jobs of a machine by hand. Used by `preparing`.

A script is the user's to edit: the lines of the newest run are added, those of older runs are
commented out, all else stays.
"""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psweep_nb.batch.machines import jobscript_name
from psweep_nb.files import replace_file
from psweep_nb.rundir import RunDir

_HEAD = """\
#!/bin/sh

here=$(cd "$(dirname "$0")" && pwd)

"""
_LINE = re.compile(rb"^([ \t]*cd[ \t])", re.MULTILINE)


def script_of(calc_path: Path, machine: str) -> Path:
    """Where the script of a machine is."""
    return calc_path / f"run_{machine}.sh"


def add_run(path: Path, run: RunDir, machine: str, info: dict[str, Any]) -> None:
    """Add a line for each job of a run; nothing if they are there."""
    old = path.read_bytes() if path.exists() else _HEAD.encode()
    if run.psets.id(0).encode() in old:
        return
    text = _LINE.sub(rb"# \1", old)
    text += b"" if text.endswith(b"\n") else b"\n"
    lines = "".join(f"{line}\n" for line in _lines(run, machine, str(info["subcmd"])))
    replace_file(path, lambda file: file.write(text + lines.encode()))


def _lines(run: RunDir, machine: str, subcmd: str) -> Iterable[str]:
    n, run_seq, first = (run.info[name] for name in ("n", "run_seq", "pset_seq"))
    script = shlex.quote(jobscript_name(machine))
    for number, pset_id in enumerate(run.psets.ids(0, n)):
        seq = f"# run_seq={run_seq} pset_seq={first + number}"
        yield f'cd "$here"/{pset_id} && {subcmd} {script}  {seq}'
