"""Which psets go into which job, and the shell text that hands jobs over.

A pack is what is submitted at once: the job of one pset, of several in turn, or an array of such.
The job of one pset is the user's job script; any other is a script written here, which runs theirs,
each in its own directory. Used by `submitting`; `collecting` reads the marks that are left.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from psweep_nb.batch.resultfiles import RESULTS
from psweep_nb.batch.scheduler import COMMENT
from psweep_nb.jobs import LOG

MARKS = ".psweep_job"  # in a pset's directory: what jobs leave for us, named by the pack's token
SUBMIT_S = 60  # sbatch waits for ever where a user has too many jobs
_DIRECTIVE = re.compile(r"#SBATCH\s")


@dataclass(frozen=True)
class Pack:
    """Psets that are submitted at once.

    Attributes
    ----------
    token : str
        Names it in marks, and in the comment of the job.
    tasks : list of list of int
        Numbers of psets: those of one task in turn; more than one task are an array.
    attempt : int
        Of all these psets.
    array : bool
        Whether it is an array, even of one task.
    scripted : bool
        Whether a script of ours is the job, else the user's job script.
    """

    token: str
    tasks: list[list[int]]
    attempt: int
    array: bool
    scripted: bool

    @property
    def psets(self) -> list[int]:
        """All psets, in order."""
        return [number for task in self.tasks for number in task]

    @property
    def per_task(self) -> int:
        """How many psets a task of an array has; 0 where it is none."""
        return len(self.tasks[0]) if self.array else 0


def packed(
    attempts: Mapping[int, int], per_job: int | None, array: bool, most: int
) -> Iterator[Pack]:
    """Distribute psets.

    Parameters
    ----------
    attempts : mapping of int to int
        Which attempt of which pset, by number.
    per_job : int or None
        So many psets to a job; all of them if None, where no scheduler has them wait.
    array : bool
        Arrays, of at most `most` tasks.
    """
    for attempt, numbers in groupby(sorted(attempts, key=lambda n: (attempts[n], n)), attempts.get):
        tasks = _cut(list(numbers), per_job)
        for some in _cut(tasks, most if array else 1):
            scripted = array or per_job is None or len(some[0]) > 1
            yield Pack(uuid4().hex[:12], some, attempt or 1, array, scripted)


def _cut(things: list[Any], size: int | None) -> list[list[Any]]:
    size = size or len(things)
    return [things[i : i + size] for i in range(0, len(things), size)]


# -- scripts -----------------------------------------------------------------------------------

# In a directory of its own, with the log where that of any job script is; the exit code comes last.
_RUN = """\
calc=$PWD
run() {{
    cd "$calc/$1" || return 1
    mkdir -p {marks}
    echo "$(date +%s) $(uname -n)" >{marks}/{token}.started
    SLURM_SUBMIT_DIR=$PWD {command} >{log} 2>&1 </dev/null
    code=$?
    echo "$code $(date +%s)" >{marks}/{token}.exit~
    mv -f {marks}/{token}.exit~ {marks}/{token}.exit
    return $code
}}
"""
_ALL = 'worst=0\nfor pset; do run "$pset" || worst=$?; done\nexit $worst\n'


def script(pack: Pack, ids: Sequence[str], jobscript: str, text: str, shell: str = "") -> str:
    """Return the script of a job of several psets.

    Parameters
    ----------
    pack : Pack
        The psets.
    ids : sequence of str
        Ids of all psets of the run, by number.
    jobscript : str
        The file name of the user's job script.
    text : str
        The user's job script of the first pset: what is asked of the scheduler there is asked for
        the job, and its first line says what runs it.
    shell : str
        The command that runs it, where it is not the first line that says so.
    """
    lines = text.splitlines()
    command = shell or (lines[0][2:].strip() if lines[:1] and lines[0][:2] == "#!" else "/bin/sh")
    head = ["#!/bin/sh", *directives(text)]
    head.append(f"# psweep_nb: the job scripts of {len(pack.psets)} psets, each in its directory")
    run = _RUN.format(
        marks=MARKS, token=pack.token, command=f"{command} {shlex.quote(jobscript)}", log=LOG
    )
    return "\n".join(head) + "\n" + run + _choice(pack, ids) + _ALL


def directives(text: str) -> list[str]:
    """The lines of a job script that are for Slurm: those before the first command."""
    found = []
    for line in text.splitlines():
        if _DIRECTIVE.match(line):
            found.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return found


def _choice(pack: Pack, ids: Sequence[str]) -> str:
    names = [" ".join(ids[number] for number in task) for task in pack.tasks]
    if not pack.array:
        return f"set -- {names[0]}\n"
    cases = "".join(f"{i}) set -- {names[i]} ;;\n" for i in range(len(names)))
    return f"case $SLURM_ARRAY_TASK_ID in\n{cases}*) exit 1 ;;\nesac\n"


def script_path(pack: Pack, ids: Sequence[str]) -> Path:
    """Where that script is, in the study's directory."""
    return Path(ids[pack.psets[0]], MARKS, f"{pack.token}.sh")


# -- handing over ------------------------------------------------------------------------------

# The mark is there before the job is, and gets its id when it has one: one without an id says that
# this was cut off in between. Whoever asks later (`_ASK`) takes the mark where there is none, and
# then no shell that is still at it can hand that job over.
_SUBMIT = """\
calc=$PWD
limit=$(command -v timeout) && limit="$limit {seconds}"
session=$(command -v setsid)
start() {{
    nohup $session sh "$1" "{comment}$2" >/dev/null 2>&1 &
    echo "$!@$(uname -n)"
}}
submit() {{
    token=$1 dir=$2 mark=$calc/$3/{marks}/$1
    shift 3
    mkdir -p "${{mark%/*}}" && (set -C; : >"$mark.job") || refuse 1
    job=$(cd "$dir" && "$@" 2>"$mark.err")
    code=$?
    job=$(echo "$job" | tail -n 1)
    job=${{job%%;*}}
    if [ $code -ne 0 ] || [ -z "$job" ]; then
        rm -f "$mark.job"
        cat "$mark.err" >&2
        refuse $code
    fi
    echo "$job" >"$mark.job~" && mv -f "$mark.job~" "$mark.job" && rm -f "$mark.err"
    echo "job $token $job"
}}
refuse() {{
    echo "refused $token $1"
    exit 0
}}
again() {{
    mkdir -p "$1/{marks}"
    for file in {results}; do
        [ ! -e "$1/$file" ] || mv -f "$1/$file" "$1/{marks}/"
    done
}}
"""


def submit_text(
    packs: Sequence[Pack],
    calc: str,
    ids: Sequence[str],
    jobscript: str,
    info: Mapping[str, Any],
    text: str,
) -> str:
    """Return shell text that submits; it prints ``job TOKEN ID`` or ``refused TOKEN CODE``.

    Parameters
    ----------
    packs : sequence of Pack
        What is to be submitted.
    calc : str
        The study's directory, where the text is carried out.
    ids : sequence of str
        Ids of all psets of the run, by number.
    jobscript : str
        The file name of the user's job script.
    info : mapping
        What the machine's ``info.yaml`` says.
    text : str
        That of the first pset: what it asks for itself is not overridden.
    """
    parts = [
        f"cd {shlex.quote(calc)} || exit 1",
        _SUBMIT.format(marks=MARKS, seconds=SUBMIT_S, comment=COMMENT, results=" ".join(RESULTS)),
    ]
    lines = directives(text)
    for pack in packs:
        first = ids[pack.psets[0]]
        if pack.attempt > 1:
            parts += [f"again {ids[number]}" for number in pack.psets]
        path = str(script_path(pack, ids))
        if is_slurm(info):
            command = ["$limit", *_sbatch(pack, info, lines)]
            command.append(path if pack.scripted else shlex.quote(jobscript))
        else:
            command = ["start", path, pack.token]
        place = "." if pack.scripted else first
        parts.append(" ".join(["submit", pack.token, place, first, *command]))
    return "\n".join(parts)


def _sbatch(pack: Pack, info: Mapping[str, Any], lines: Sequence[str]) -> list[str]:
    command = [*map(shlex.quote, shlex.split(info["subcmd"])), "--parsable"]
    if not any("--comment" in line for line in lines):
        command.append(f"--comment={COMMENT}{pack.token}")
    if pack.scripted:  # each pset's own log is in its directory
        command += ['--chdir="$calc"', "--output=/dev/null", "--error=/dev/null"]
    elif not any(re.search(r"\s(-o|--output)", line) for line in lines):
        command.append(f"--output={LOG}")
    if pack.array:
        throttle = f"%{info['throttle']}" if "throttle" in info else ""
        command.append(f"--array=0-{len(pack.tasks) - 1}{throttle}")
    return command


def is_slurm(info: Mapping[str, Any]) -> bool:
    """Whether a machine's jobs go to Slurm."""
    return Path(shlex.split(info["subcmd"])[0]).name == "sbatch"


NOT_BEGUN, AT_IT, CUT_OFF = "not-begun", "at-it", "cut-off"
_ASK = """\
ask() {{
    mark=$2/{marks}/$1.job
    mkdir -p "$2/{marks}"
    (set -C; echo {dropped} >"$mark") 2>/dev/null
    id=$(cat "$mark")
    if [ -z "$id" ]; then
        id={old}
        [ -z "$(find "$mark" -mmin -2)" ] || id={young}
    fi
    echo "job $1 $id"
}}"""


def marks_text(calc: str, tokens: Mapping[str, str]) -> str:
    """Return shell text that says what became of submissions that were cut off.

    It prints ``job TOKEN ID``. The id is `NOT_BEGUN` where nothing was handed over, and can be no
    more from here on; `AT_IT` or `CUT_OFF` where it may have been: whoever was to note the id may
    still be at it, or is gone. `tokens` has each one's pset, whose directory has the mark.
    """
    ask = _ASK.format(marks=MARKS, dropped=NOT_BEGUN, young=AT_IT, old=CUT_OFF)
    lines = [f"cd {shlex.quote(calc)} || exit 1", ask]
    return "\n".join(lines + [f"ask {token} {pset}" for token, pset in tokens.items()])
