"""What a scheduler says of jobs: Slurm, or the process table where there is none.

Owns how they are asked, and what their answers mean. Used by `submitting` and `collecting`, which
ask for all jobs of a machine at once.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from psweep_nb.batch.remote import Done, Shell, failure, words
from psweep_nb.errors import RemoteError
from psweep_nb.jobs import OVER, PENDING, RUNNING

ASK_S = 60  # s: a controller that is busy answers late
MAX_ARRAY_SIZE = 1001  # Slurm's default
COMMENT = "psweep:"  # in a job's comment, before the token by which it is found

# Slurm's words for states; any other is an end.
_STATES = {
    **dict.fromkeys(("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"), PENDING),
    **dict.fromkeys(
        ("RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT",
         "RESIZING", "SPECIAL_EXIT"),
        RUNNING,
    ),
}  # fmt: skip
# Of fixed width, since a comment may hold anything.
_FIELDS = {
    "JobArrayID": 40, "State": 24, "exit_code": 12, "StartTime": 24, "TimeUsed": 24, "NodeList": 80,
    "Comment": 200,
}  # fmt: skip
_SQUEUE = (
    'SLURM_TIME_FORMAT=%s squeue --noheader --array --states=all --user="$(id -un)" --Format='
    + ",".join(f"{name}:{width}" for name, width in _FIELDS.items())
)
_SACCT = (
    "SLURM_TIME_FORMAT=%s sacct {} --noheader --parsable2 "
    "--format=JobID,State,ExitCode,Start,ElapsedRaw,NodeList --jobs="
)
_OF_DATABASE, _OF_FILE = _SACCT.format("--allocations"), _SACCT.format("--completion")
_NOBODY = ("None assigned", "(null)")  # where a job ran that never began


@dataclass(frozen=True)
class Found:
    """What is known of a job.

    Attributes
    ----------
    state : str
        One of `jobs.PENDING`, `RUNNING`, `OVER`.
    word : str
        The scheduler's own word, ``TIMEOUT`` say.
    code : int or None
        Exit code of a job that is over, where it is known.
    started, runtime : float or None
        Seconds since the epoch; seconds.
    node : str
        Where it runs, or ran.
    token : str
        What it was marked with when it was submitted.
    """

    state: str
    word: str
    code: int | None = None
    started: float | None = None
    runtime: float | None = None
    node: str = ""
    token: str = ""


class Scheduler(Protocol):
    """Who has the jobs of a machine."""

    def ask(self, shell: Shell, ids: Sequence[str]) -> dict[str, Found]:
        """Return what is known of jobs, by id, others of this user's too; one that is unknown, or
        forgotten, is missing.

        Raises
        ------
        RemoteError
            If there is no answer.
        """

    def cancel(self, shell: Shell, ids: Sequence[str]) -> None:
        """End jobs; such as have ended already are no trouble."""


class Slurm:
    """Slurm, by its commands: squeue, then sacct for what the controller has forgotten."""

    def ask(self, shell: Shell, ids: Sequence[str]) -> dict[str, Found]:
        """See :class:`Scheduler`."""
        done = shell.run(_SQUEUE, ASK_S)
        if done.code:
            raise slurm_failure(shell, "squeue", done)
        found = dict(filter(None, map(_from_squeue, done.out.splitlines())))
        forgotten = {name.partition("_")[0] for name in ids if name not in found}
        return {**self._finished(shell, forgotten), **found} if forgotten else found

    def _finished(self, shell: Shell, ids: Collection[str]) -> dict[str, Found]:
        """What accounting says; where there is none, the file that may list jobs that are over.

        Without either, sacct fails: then the marks that jobs leave must do.
        """
        names = shlex.quote(",".join(sorted(ids)))
        done = shell.run(f"{_OF_DATABASE}{names} || {_OF_FILE}{names}", ASK_S)
        if done.code and "talking to the database" in done.err:  # jobs are not gone for that
            raise slurm_failure(shell, "sacct", done)
        lines = done.out.splitlines() if not done.code else ()
        return dict(map(_from_sacct, lines))  # of ids that were given twice the last one counts

    def cancel(self, shell: Shell, ids: Sequence[str]) -> None:
        """See :class:`Scheduler`."""
        done = shell.run("scancel --quiet " + shlex.join(ids), ASK_S)
        if done.code and "Invalid job id" not in done.err:
            raise slurm_failure(shell, "scancel", done)

    def max_array_size(self, shell: Shell) -> int:
        """Return how many tasks an array may have: their numbers are smaller than that."""
        done = shell.run("scontrol show config", ASK_S)
        size = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.out, re.MULTILINE)
        return max(1, int(size[1])) if size else MAX_ARRAY_SIZE


class Processes:
    """No scheduler: a process works through the psets, `pid@node` is the id of its job.

    Its command line ends with the job's token: another process that was given the same number
    later is not taken for it.
    """

    def ask(self, shell: Shell, ids: Sequence[str]) -> dict[str, Found]:
        """See :class:`Scheduler`; what is not running is missing, whatever became of it."""
        done = shell.run("uname -n\nps -eww -o pid= -o args=", ASK_S)
        if done.code:
            raise failure(shell.where, "ps", done)
        node, _, lines = done.out.partition("\n")
        found = {
            # On another of the nodes that the host's name stands for: from here nobody can tell.
            name: Found(RUNNING, "unknown", node=name.partition("@")[2])
            for name in ids
            if name.partition("@")[2] != node
        }
        for pid, token in re.findall(rf"^\s*(\d+) .* {COMMENT}(\w+)$", lines, re.MULTILINE):
            found[f"{pid}@{node}"] = Found(RUNNING, "running", node=node, token=token)
        return found

    def cancel(self, shell: Shell, ids: Sequence[str]) -> None:
        """See :class:`Scheduler`; the processes that they have started end with them."""
        found = self.ask(shell, ids)
        alive = [name.partition("@")[0] for name in ids if name in found and found[name].token]
        if alive:
            done = shell.run("kill -s TERM -- " + " ".join(f"-{pid}" for pid in alive), ASK_S)
            if done.code and "No such process" not in done.err:
                raise failure(shell.where, "kill", done)


def slurm_failure(shell: Shell, command: str, done: Done) -> RemoteError:
    """Return the error that says why one of Slurm's commands failed."""
    if done.code == 127:
        hint = f" (`ssh {shell.host} which {command}` should find it)" if shell.host else ""
        return RemoteError(f"there is no {command} on {shell.where}{hint}: is Slurm there?")
    return RemoteError(f"{command} failed on {shell.where}: {words(done)}")


def _from_squeue(line: str) -> tuple[str, Found] | None:
    values, at = {}, 0
    for name, width in _FIELDS.items():
        values[name] = line[at : at + width].strip()
        at += width
    if not values["JobArrayID"] or not values["State"]:
        return None
    state = _STATES.get(values["State"], OVER)
    status = _number(values["exit_code"])
    token = re.search(rf"{COMMENT}(\w+)", values["Comment"])
    return values["JobArrayID"], Found(
        state,
        values["State"],
        None if state != OVER or status is None else _exit_code(int(status)),
        _number(values["StartTime"]),
        _seconds(values["TimeUsed"]),
        values["NodeList"],
        token[1] if token else "",
    )


def _from_sacct(line: str) -> tuple[str, Found]:
    name, word, code, started, runtime, node = (line.split("|") + [""] * 6)[:6]
    word = word.partition(" ")[0]  # CANCELLED by 1000
    state = _STATES.get(word, OVER)
    exit_code, _, signal = code.partition(":")
    number = _number(exit_code) or _number(signal)
    ended = None if state != OVER else int(number or 0)
    node = "" if node in _NOBODY else node
    return name, Found(state, word, ended, _number(started), _number(runtime), node)


def _exit_code(status: int) -> int:
    """The exit code in what `wait` gives, or the number of the signal."""
    return status >> 8 or status & 0x7F


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None


def _seconds(text: str) -> float | None:
    """Slurm's ``days-hours:minutes:seconds``, of which those in front may be missing.

    >>> _seconds("1-02:03:04"), _seconds("0:07"), _seconds("INVALID")
    (93784.0, 7.0, None)
    """
    days, _, rest = text.rpartition("-")
    try:
        parts = [float(part) for part in rest.split(":")]
        total = 0.0
        for part in parts:
            total = 60 * total + part
        return total + 86400 * float(days or 0)
    except ValueError:
        return None
