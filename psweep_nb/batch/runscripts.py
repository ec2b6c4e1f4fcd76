"""The scripts ``run_<machine>.sh`` that submit the jobs of a machine by hand.

Used by `preparing` and `preview`. A script is the user's to edit: the lines of the newest run are
added, those of older runs, edited or not, are commented out, all else stays.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from psweep_nb.batch.machines import jobscript_name
from psweep_nb.files import replace_file

_HERE = 'here=$(cd "$(dirname "$0")" && pwd)'
_HEAD = f"#!/bin/sh\n\n{_HERE}\n\n"
# Whatever else is in the line, it goes to a pset's directory; a `cd` of the user's own does not.
_LINE = re.compile(
    rb"^(?=[^#\n]*\bcd[ \t][^\n]*([0-9a-f]{8}(-[0-9a-f]{4}){3}-|# run_seq=[0-9]))", re.MULTILINE
)


def script_of(calc_path: Path, machine: str) -> Path:
    """Where the script of a machine is."""
    return calc_path / f"run_{machine}.sh"


def lines_in(script: Path) -> int:
    """How many lines of a script submit something; the next run makes comments of them."""
    return len(_LINE.findall(script.read_bytes())) if script.exists() else 0


def add_run(
    calc_path: Path, machine: str, subcmd: str, ids: Sequence[str], run_seq: int, pset_seq: int
) -> None:
    """Add a line for each job of a run to the script of a machine; nothing if they are there."""
    path = script_of(calc_path, machine)
    old = path.read_bytes() if path.exists() else _HEAD.encode()
    if ids[0].encode() in old:
        return
    # Ends of lines from an editor for Windows would be part of the names of directories.
    text = _LINE.sub(b"# ", old.replace(b"\r\n", b"\n"))
    text += b"" if text.endswith(b"\n") else b"\n"
    if not re.search(rb"^[ \t]*here=", text, re.MULTILINE):
        text += f"{_HERE}\n".encode()
    submit = f"{subcmd} {shlex.quote(jobscript_name(machine))}"
    lines = "".join(
        f'cd "$here"/{pset_id} && {submit}  # run_seq={run_seq} pset_seq={seq}\n'
        for seq, pset_id in enumerate(ids, pset_seq)
    )
    replace_file(path, lambda file: file.write(text + lines.encode()))
