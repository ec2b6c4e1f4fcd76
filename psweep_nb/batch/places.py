"""Where the jobs of a machine run: how it is reached, who has its jobs, where the study is there.

Made from what a run has kept of a machine's ``info.yaml``. Used by `submitting` and `collecting`.
"""

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from psweep_nb.batch.packing import is_slurm
from psweep_nb.batch.remote import Shell, check_host
from psweep_nb.batch.scheduler import Processes, Scheduler, Slurm
from psweep_nb.batch.transfer import Away
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.locks import FileLock
from psweep_nb.rundir import RunDir, read_json

_SHELLS = ("sh", "bash", "dash", "ksh", "zsh")
_LOCK_S = 120.0


@dataclass(frozen=True)
class Place:
    """A machine, as a run knows it.

    Parameters
    ----------
    name : str
        The machine's.
    info : mapping
        What its ``info.yaml`` says, see :func:`machine_of`.
    calc : Path
        The study's directory here.
    """

    name: str
    info: Mapping[str, Any]
    calc: Path

    @classmethod
    def of(cls, run: RunDir, name: str) -> "Place":
        """Return the machine of that name.

        Raises
        ------
        OptionError
            If the run has none.
        """
        return cls(name, machine_of(run, name), run.calc_path)

    @property
    def key(self) -> str:
        """Tells those apart that are asked by themselves."""
        return " ".join((self.name, self.info.get("host", ""), shlex.split(self.info["subcmd"])[0]))

    @property
    def shell(self) -> Shell:
        """Where its commands are carried out."""
        host = self.info.get("host", "")
        return Shell(check_host(host) if host else "")

    @cached_property
    def away(self) -> Away | None:
        """Where the study is there; None if that is here."""
        if not self.info.get("host"):
            return None
        return Away.of(self.calc, self.info["host"], self.info.get("path"))

    @property
    def calc_there(self) -> str:
        """The study's directory there."""
        return str(self.calc) if self.away is None else self.away.path

    @property
    def is_shared(self) -> bool:
        """Whether it is not this machine alone: then files may be late, and others use it, too."""
        return self.away is not None or is_slurm(self.info)

    @property
    def scheduler(self) -> Scheduler:
        """Who has its jobs.

        Raises
        ------
        OptionError
            If that is a scheduler that we cannot ask.
        """
        if is_slurm(self.info):
            return Slurm()
        if Path(shlex.split(self.info["subcmd"])[0]).name in _SHELLS:
            return Processes()
        raise OptionError(
            f"machine {self.name}: jobs are submitted and followed where `subcmd` is sbatch or a "
            f"shell ({', '.join(_SHELLS)}), it is {self.info['subcmd']!r}; submit with "
            f"`sh run_{self.name}.sh`, sync() collects what comes"
        )


def machine_of(run: RunDir, name: str) -> dict[str, Any]:
    """Return what ``info.yaml`` of a machine said when jobs of a run were last submitted there.

    Raises
    ------
    OptionError
        If the run has no such machine.
    """
    names = run.info["machines"]
    if name not in names:
        raise OptionError(
            f"run {run.info['run_seq']} has no machine {name!r}; it was prepared for "
            f"{', '.join(names)}"
        )
    # What this process has read may be from before another one has submitted.
    found: dict[str, Any] = read_json(run.path / "run.json")["machines"][name]
    return found


@contextlib.contextmanager
def alone(database: Database) -> Iterator[None]:
    """Be the only one who submits jobs of this study, or asks for them.

    Raises
    ------
    StudyError
        If somebody else has been at it for two minutes.
    """
    lock = FileLock(database.hidden / "jobs.lock")
    if not lock.acquire(_LOCK_S):
        raise StudyError(
            f"another process is submitting or collecting jobs of {database.calc_dir}; try again "
            "when it is done"
        )
    try:
        yield
    finally:
        lock.release()
