"""A Slurm and an sshd for the tests of this folder: real ones, brought up once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.daemons import program
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
