"""Jobs of a batch run: which psets were submitted, as what, and how their jobs do.

Owns the file `jobs` in a session's folder: lines of JSON, appended by whoever submits or asks the
scheduler, one at a time; read by everybody. What is done the journal says, not this.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psweep_nb.files import sync_file
from psweep_nb.rundir import Session

#: States of a job: handed over, waiting for its turn, at work, over (its results may not be here).
SUBMITTED, PENDING, RUNNING, OVER = "submitted", "pending", "running", "over"
#: What a job prints, in its pset's directory: job scripts are to send it there.
LOG = "job.log"
_NAME = "jobs"


@dataclass(frozen=True)
class Job:
    """The job that has a pset, as far as is known.

    Attributes
    ----------
    job : str
        The scheduler's id, with that of the array's task; "" while it is not known.
    machine : str
        Whose job script it is.
    attempt : int
        Of the pset; counts from 1.
    submitted : float
        Seconds since the epoch.
    state : str
        One of the states above.
    since : float
        When it was first known to be in this state, seconds since the epoch.
    token : str
        Names what was submitted at once, before it has an id.
    marks : bool
        Whether it leaves marks for each of its psets: then those tell, not how the job does.
    """

    job: str
    machine: str
    attempt: int
    submitted: float
    state: str = SUBMITTED
    since: float = 0.0
    token: str = ""
    marks: bool = False


def submitted(
    session: Session,
    job: str,
    machine: str,
    psets: Sequence[int],
    attempt: int,
    time: float,
    token: str = "",
    per_task: int = 0,
    marks: bool = False,
) -> None:
    """Note that a job was submitted, or is about to be, for these psets of the run by number.

    An array has `per_task` psets in each of its tasks (the last one may have less).
    """
    line = {"job": job, "machine": machine, "psets": list(psets), "attempt": attempt, "time": time}
    _append(session, {**line, "token": token, "per_task": per_task, "marks": marks})


def named(session: Session, token: str, job: str) -> None:
    """Note the scheduler's id of what was submitted as `token`."""
    _append(session, {"token": token, "named": job})


def dropped(session: Session, token: str) -> None:
    """Note that what `token` names was not submitted after all."""
    _append(session, {"token": token, "dropped": True})


def became(session: Session, psets: Sequence[int], state: str, time: float) -> None:
    """Note in which state the jobs of these psets were found."""
    _append(session, {"state": state, "psets": list(psets), "time": time})


def _append(session: Session, line: dict[str, Any]) -> None:
    # Behind a line that a kill cut short a new one begins.
    with open(_path(session), "ab", buffering=0) as file:
        file.write(b"\n" + json.dumps(line).encode() + b"\n")


def flush(session: Session) -> None:
    """Force what was noted to disk: jobs that are there must be known after a power cut, too."""
    sync_file(_path(session))


def jobs_of(session: Session) -> dict[int, Job]:
    """Return the newest job of each pset that was submitted, by the pset's number."""
    return JobList(session).read()


class JobList:
    """The jobs of a session, read on from where reading stopped."""

    def __init__(self, session: Session) -> None:
        self._path = _path(session)
        self._offset = 0
        self._found: dict[int, Job] = {}
        self._submissions: dict[str, _Submission] = {}

    def read(self) -> dict[int, Job]:
        """Return the newest job of each pset, as :func:`jobs_of`; not to be modified."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return self._found
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for text in whole.splitlines():
            # Lines of somebody else's, or cut short by a kill, are passed over.
            with suppress(KeyError, TypeError, ValueError, OverflowError, RecursionError):
                self._take(json.loads(text))
        return self._found

    def _take(self, line: dict[str, Any]) -> None:
        found = self._found
        if "named" in line:
            self._submissions[line["token"]].name(found, str(line["named"]))
        elif "dropped" in line:
            self._submissions[line["token"]].drop(found)
        elif "state" in line:
            state, time = str(line["state"]), float(line["time"])
            for pset in line["psets"]:
                if found[pset].state != state:
                    found[pset] = replace(found[pset], state=state, since=time)
        else:
            new = _Submission(line, found)
            self._submissions[new.job.token] = new


class _Submission:
    """One line that says what was submitted, and what it took the place of."""

    def __init__(self, line: dict[str, Any], found: dict[int, Job]) -> None:
        name, time, attempt = str(line["job"]), float(line["time"]), int(line["attempt"])
        token, marks = str(line.get("token", "")), bool(line.get("marks"))
        self.job = Job("", str(line["machine"]), attempt, time, SUBMITTED, time, token, marks)
        self._psets = [int(pset) for pset in line["psets"]]
        self._per_task = int(line.get("per_task", 0))
        self._before = {pset: found.get(pset) for pset in self._psets}
        found.update(dict.fromkeys(self._psets, self.job))
        self.name(found, name)

    def name(self, found: dict[int, Job], job: str) -> None:
        """Give its jobs their ids."""
        for i, pset in enumerate(self._psets):
            name = f"{job}_{i // self._per_task}" if job and self._per_task else job
            if found[pset].token == self.job.token:
                found[pset] = replace(found[pset], job=name)

    def drop(self, found: dict[int, Job]) -> None:
        """Take it back."""
        for pset, job in self._before.items():
            if found[pset].token != self.job.token:
                continue
            if job is None:
                del found[pset]
            else:
                found[pset] = job


def changed(session: Session) -> int:
    """Return a number that changes when anything is noted."""
    with suppress(FileNotFoundError):
        return _path(session).stat().st_size
    return 0


def _path(session: Session) -> Path:
    return session.path / _NAME
