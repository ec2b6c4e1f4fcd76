"""Handing jobs over: which psets, in which jobs, so that none is submitted twice or lost.

Used by `Study.submit_batch`. What is about to be submitted is noted before, under a token; the
machine notes there what became of it; so whoever comes after a kill can tell, see `settle`.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from psweep_nb import jobs
from psweep_nb.batch.machines import jobscript_name
from psweep_nb.batch.packing import (
    AT_IT,
    CUT_OFF,
    MARKS,
    NOT_BEGUN,
    SUBMIT_S,
    Pack,
    directives,
    is_slurm,
    marks_text,
    packed,
    script,
    script_path,
    submit_text,
)
from psweep_nb.batch.places import Place
from psweep_nb.batch.remote import Done, failure
from psweep_nb.batch.resultfiles import RESULTS
from psweep_nb.batch.scheduler import ASK_S, Slurm, slurm_failure
from psweep_nb.batch.shipping import check, folder_of
from psweep_nb.batch.transfer import push
from psweep_nb.deletions import deleted
from psweep_nb.errors import RemoteError, StudyError
from psweep_nb.journal import DONE
from psweep_nb.rundir import Session
from psweep_nb.runview import RunView
from psweep_nb.wording import counted

_EACH_S = 5  # more time for each job
# What may be another for each pset, and is none of the scheduler's concern.
_OWN = re.compile(r"#SBATCH\s+(-[Joe]|--(job-name|output|error|comment)\b)")


@dataclass
class Choice:
    """Which psets are to be submitted, and why others are not.

    Attributes
    ----------
    attempts : dict of int to int
        Of each pset that is to be submitted, by number, which attempt it is.
    submitted, done, failed, deleted : int
        How many are left out, because a job has them, they have ended, or their row was deleted.
    note : str
        What is odd about those that were submitted.
    """

    attempts: dict[int, int] = field(default_factory=dict)
    submitted: int = 0
    done: int = 0
    failed: int = 0
    deleted: int = 0
    note: str = ""

    @property
    def left_out(self) -> str:
        """Why psets are left out, in words."""
        parts = [
            f"{self.submitted} submitted already" if self.submitted else "",
            f"{self.done} done" if self.done else "",
            f"{self.failed} failed (retry=True submits them again)" if self.failed else "",
            f"{self.deleted} deleted" if self.deleted else "",
        ]
        return ", ".join(filter(None, parts))


def choose(view: RunView, retry: bool, force: bool) -> Choice:
    """Choose psets: those without job and result; with `retry` failed ones, with `force` all."""
    view.poll()
    choice, open_jobs = Choice(), view.open_jobs()
    ended = {number: (kind, attempt) for number, kind, attempt in view.states()}
    gone = deleted(view.run)
    for number in range(view.total):
        if number in open_jobs:
            if force:
                choice.attempts[number] = open_jobs[number].attempt + 1
            else:
                choice.submitted += 1
            continue
        kind, attempt = ended.get(number, (None, 0))
        if gone.get(number, -1) >= attempt:
            choice.deleted += 1
        elif kind is None or force or (retry and kind != DONE):
            choice.attempts[number] = attempt + 1
        elif kind == DONE:
            choice.done += 1
        else:
            choice.failed += 1
    return choice


def submit(view: RunView, place: Place, retry: bool, force: bool) -> tuple[int, Choice]:
    """Submit jobs; return how many, and the choice of psets. The caller is `alone`.

    Raises
    ------
    RemoteError
        If that did not go well; what was handed over is noted.
    """
    session, ids = session_of(view), view.run.psets.ids(0, view.total)
    settle(view, place)
    choice = choose(view, retry, force)
    if not choice.attempts:
        return 0, choice
    made = view.run.info.get("made_with")
    if made is not None:
        check(made, place)
    packs = _packs(choice, place)
    text = _jobscript(place, [ids[number] for pack in packs for number in pack.psets])
    if is_slurm(place.info):
        choice.note = _differences(packs, place, ids, text)
    _write(packs, place, ids, text)
    if place.away is not None:
        extra = [] if made is None else [folder_of(view.run.info["run_id"])]
        push(
            place.calc,
            place.away,
            place.info.get("excl_push", ()),
            [*extra, *(ids[n] for n in choice.attempts)],
        )
    for pack in packs:
        jobs.submitted(
            session,
            "",
            place.name,
            pack.psets,
            pack.attempt,
            time(),
            token=pack.token,
            per_task=pack.per_task,
            marks=pack.scripted,
        )
    jobs.flush(session)
    commands = submit_text(
        packs, place.calc_there, ids, jobscript_name(place.name), place.info, text
    )
    done = place.shell.run(commands, ASK_S + SUBMIT_S + _EACH_S * len(packs))
    _note(session, packs, done, place)
    return sum(len(pack.tasks) for pack in packs), choice


def _packs(choice: Choice, place: Place) -> list[Pack]:
    scheduler, info = place.scheduler, place.info
    if not isinstance(scheduler, Slurm):
        return list(packed(choice.attempts, None, False, 1))
    array = bool(info.get("array"))
    most = scheduler.max_array_size(place.shell) if array else 1
    return list(packed(choice.attempts, info.get("psets_per_job", 1), array, most))


def session_of(view: RunView) -> Session:
    """The session of a batch run, in which its jobs are noted."""
    if view.session is None:
        raise StudyError(f"{view.run.path} is damaged: it has no session")
    return view.session


def _jobscript(place: Place, pset_ids: Sequence[str]) -> str:
    """The job script of the first pset; those of all must be there."""
    paths = [place.calc / pset_id / jobscript_name(place.name) for pset_id in pset_ids]
    try:
        missing = next((path for path in paths if not path.is_file()), None)
        if missing is None:
            return paths[0].read_text(errors="replace")
        said = f"{missing} is missing"
    except OSError as exc:
        said = f"{exc.filename} cannot be read ({exc.strerror})"
    raise StudyError(f"{said}: without what was prepared there is nothing to submit")


def _differences(packs: Sequence[Pack], place: Place, ids: Sequence[str], text: str) -> str:
    """What psets ask of Slurm that counts for nothing, for one of them asks for many."""
    of_all, name = _asked(text), jobscript_name(place.name)
    for pack in packs:
        for number in pack.psets if pack.scripted else ():
            asked = _asked((place.calc / ids[number] / name).read_text(errors="replace"))
            if asked != of_all:
                one = next((line for line in asked if line not in of_all), "less")
                return (
                    f"#SBATCH lines differ between psets ({one} in pset {number}), and in arrays "
                    f"and packs those of pset {packs[0].psets[0]} count for all; prepare what "
                    "differs as runs of their own, or leave array and psets_per_job out"
                )
    return ""


def _asked(text: str) -> list[str]:
    return [line for line in directives(text) if not _OWN.match(line)]


def _write(packs: Sequence[Pack], place: Place, ids: Sequence[str], text: str) -> None:
    """Write scripts of several psets; and put aside what earlier attempts left as results."""
    name = jobscript_name(place.name)
    for pack in packs:
        folder = place.calc / script_path(pack, ids).parent
        folder.mkdir(exist_ok=True)
        if pack.scripted:
            shell = "" if is_slurm(place.info) else str(place.info["subcmd"])
            (place.calc / script_path(pack, ids)).write_text(script(pack, ids, name, text, shell))
        if pack.attempt > 1:
            for number in pack.psets:
                put_aside(place.calc / ids[number])


def put_aside(folder: Path) -> None:
    """Move the results of an earlier attempt to where they are not taken for new ones."""
    for name in RESULTS:
        if (folder / name).exists():
            (folder / MARKS).mkdir(exist_ok=True)
            (folder / name).replace(folder / MARKS / name)


def _note(session: Session, packs: Sequence[Pack], done: Done, place: Place) -> None:
    """Note what was submitted; raise if not all was."""
    named = _named(done.out)
    refused = [pack for pack in packs if not named.get(pack.token)]
    for pack in packs:
        if named.get(pack.token):
            jobs.named(session, pack.token, named[pack.token])
        else:
            jobs.dropped(session, pack.token)
    if not refused:
        return
    lost = sum(len(pack.psets) for pack in refused)
    code = next(
        (int(line.split()[2]) for line in done.out.splitlines() if line.startswith("refused ")),
        done.code,
    )
    if code == 124:
        raise RemoteError(
            f"sbatch did not answer within {SUBMIT_S} s on {place.shell.where}, as it does when a "
            f"user has too many jobs: {counted(lost, 'pset')} not submitted. `array: true` or "
            "`psets_per_job` in info.yaml makes fewer jobs"
        )
    said = Done(code, done.out, done.err)
    error = (
        slurm_failure(place.shell, "sbatch", said)
        if is_slurm(place.info)
        else failure(place.shell.where, "sh", said)
    )
    raise RemoteError(f"{counted(lost, 'pset')} not submitted: {error}")


def _named(out: str) -> dict[str, str]:
    """Ids by token, as the shell text prints them."""
    words = (line.split() for line in out.splitlines() if line.startswith("job "))
    return {word[1]: word[2] if len(word) > 2 else "" for word in words if len(word) > 1}


def open_jobs_at(view: RunView) -> dict[str, dict[int, str]]:
    """Ids of the jobs that are not over, as far as they are known, by machine and pset."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for number, job in view.open_jobs().items():
        if job.job and job.state != jobs.OVER:
            found[job.machine][number] = job.job
    return found


def settle(view: RunView, place: Place) -> None:
    """Find out what became of submissions that were cut off, by a kill or by the network.

    Raises
    ------
    RemoteError
        If the machine does not tell.
    """
    session, ids = session_of(view), view.run.psets.id
    tokens: dict[str, str] = {}
    for number, job in view.open_jobs().items():
        if not job.job and job.machine == place.name:
            tokens.setdefault(job.token, ids(number))
    if not tokens:
        return
    done = place.shell.run(marks_text(place.calc_there, tokens), ASK_S + len(tokens))
    if done.code:
        raise failure(place.shell.where, "sh", done)
    named = _named(done.out)
    if {AT_IT, CUT_OFF} & set(named.values()):
        by_token = {job.token: name for name, job in place.scheduler.ask(place.shell, ()).items()}
        for token, name in named.items():
            if name in (AT_IT, CUT_OFF) and token in by_token:
                named[token] = by_token[token].partition("_")[0]
    for token, name in named.items():
        if name in (NOT_BEGUN, CUT_OFF):
            jobs.dropped(session, token)
        elif name != AT_IT:
            jobs.named(session, token, name)
