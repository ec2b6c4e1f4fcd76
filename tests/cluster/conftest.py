"""A Slurm and an sshd for the tests of this folder: real ones, brought up once."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import Run, Study
from tests.cluster.daemons import program
from tests.cluster.following import JOB
from tests.cluster.slurm import Slurm, slurm_in
from tests.cluster.sshd import Sshd, sshd_in


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    # Not below pytest's own folder: the paths of sockets are limited to about 100 characters.
    with (
        tempfile.TemporaryDirectory(prefix="psweep-slurm-") as folder,
        slurm_in(Path(folder)) as up,
    ):
        yield up


@pytest.fixture(scope="session")
def sshd(slurm: Slurm) -> Iterator[Sshd]:
    """An sshd; who logs in there has the Slurm's commands."""
    environment = {"SLURM_CONF": str(slurm.conf)}
    with (
        tempfile.TemporaryDirectory(prefix="psweep-sshd-") as folder,
        sshd_in(Path(folder), environment) as up,
    ):
        yield up


@pytest.fixture
def host(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a machine to which ssh and rsync go."""
    program("rsync", "rsync")
    monkeypatch.setenv("PSWEEP_SSH", sshd.command)
    return "cluster"


@pytest.fixture
def prepare(study: Study, tmp_path: Path) -> Callable[..., Run]:
    """Prepares psets, `how` each of them goes, for the machine `m`."""

    def prepared(hows: str, **info: Any) -> Run:
        machine = tmp_path / "templates" / "machines" / "m"
        machine.mkdir(parents=True, exist_ok=True)
        (tmp_path / "templates" / "calc").mkdir(exist_ok=True)
        (machine / "jobscript").write_text(info.pop("jobscript", JOB))
        (machine / "info.yaml").write_text(json.dumps({"subcmd": "sbatch", **info}))
        go = str(tmp_path / "go")
        return study.prep_batch(
            [{"a": a, "how": how, "go": go} for a, how in enumerate(hows.split())]
        )

    return prepared


@pytest.fixture
def on_slurm(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """A Slurm that is here."""
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    yield slurm
    slurm.cancel_all()


MACHINES = ("slurm", "slurm over ssh", "array", "two a job over ssh", "sh", "sh over ssh")


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What info.yaml says of a machine that is there."""
    info: dict[str, Any] = {"subcmd": "sh" if request.param.startswith("sh") else "sbatch"}
    if "ssh" in request.param:
        info |= {"host": request.getfixturevalue("host"), "path": str(tmp_path / "there")}
    elif info["subcmd"] == "sbatch":
        request.getfixturevalue("on_slurm")
    if request.param == "array":
        info |= {"array": True, "throttle": 2}
    if "two" in request.param:
        info["psets_per_job"] = 2
    return info
