"""Jobs of a batch run: which psets were submitted, as what, and how their jobs do.

Owns the file `jobs` in a session's folder: lines of JSON, appended by whoever submits or asks the
scheduler, under the study's lock; read by everybody. What is done the journal says, not this.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
        The scheduler's id, with that of the array's task; "" where there is none.
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
    """

    job: str
    machine: str
    attempt: int
    submitted: float
    state: str = SUBMITTED
    since: float = 0.0


def submitted(
    session: Session, job: str, machine: str, psets: Sequence[int], attempt: int, time: float
) -> None:
    """Note that a job was submitted, for these psets of the run by number."""
    line = {"job": job, "machine": machine, "psets": list(psets), "attempt": attempt, "time": time}
    _append(session, line)


def became(session: Session, psets: Sequence[int], state: str, time: float) -> None:
    """Note in which state the jobs of these psets were found."""
    _append(session, {"state": state, "psets": list(psets), "time": time})


def _append(session: Session, line: dict[str, Any]) -> None:
    # Behind a line that a kill cut short a new one begins.
    with open(_path(session), "ab", buffering=0) as file:
        file.write(b"\n" + json.dumps(line).encode() + b"\n")
        os.fsync(file.fileno())


def jobs_of(session: Session) -> dict[int, Job]:
    """Return the newest job of each pset that was submitted, by the pset's number."""
    found: dict[int, Job] = {}
    for line in _lines(_path(session)):
        with suppress(KeyError, TypeError, ValueError):  # a line of somebody else's
            time = float(line["time"])
            psets = [int(pset) for pset in line["psets"]]
            if "state" in line:
                state = str(line["state"])
                for pset in psets:
                    if pset in found and found[pset].state != state:
                        found[pset] = replace(found[pset], state=state, since=time)
            else:
                attempt = int(line["attempt"])
                job = Job(str(line["job"]), str(line["machine"]), attempt, time, since=time)
                found.update(dict.fromkeys(psets, job))
    return found


def changed(session: Session) -> int:
    """Return a number that changes when anything is noted."""
    with suppress(FileNotFoundError):
        return _path(session).stat().st_size
    return 0


def _path(session: Session) -> Path:
    return session.path / _NAME


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found
