"""A real Slurm of one node, with nothing outside its folder, on the loopback only."""

import getpass
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.daemons import daemon, free_ports, program, unavailable
from tests.waiting import until

SLOTS = 8  # jobs at a time, whatever the machine has

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
# Jobs of these tests last a moment: nobody is to wait for the next look at the queue.
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=1000,bf_interval=1
ReturnToService=2
KillWait=1
MaxArraySize={max_array_size}
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={slots} RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
MAX_ARRAY_SIZE = 5  # so that few psets are too many for one array


@dataclass(frozen=True)
class Slurm:
    """A running Slurm."""

    folder: Path

    @property
    def conf(self) -> Path:
        """What SLURM_CONF is to name."""
        return self.folder / "slurm.conf"

    def do(self, *command: str) -> str:
        """Run one of Slurm's commands; what it printed."""
        done = subprocess.run(
            command,
            env={**os.environ, "SLURM_CONF": str(self.conf)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def queue(self) -> list[str]:
        """Ids of the jobs that wait or run."""
        return self.do("squeue", "--noheader", "--array", "--format=%i").split()

    def cancel_all(self) -> None:
        """End all jobs, and wait until they are gone."""
        if self.queue():
            self.do("scancel", f"--user={getpass.getuser()}")
            until(lambda: not self.queue(), every=0.05)


@contextmanager
def slurm_in(folder: Path) -> Iterator[Slurm]:
    """Bring a Slurm up in about a second, and down again with all its jobs."""
    munged = program("munged", "munge")
    slurmctld, slurmd = program("slurmctld", "slurm-wlm"), program("slurmd", "slurm-wlm")
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o755)
    munge, log = folder / "munge", folder / "log"
    key = munge / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    slurm = Slurm(folder)
    slurm.conf.write_text(
        _CONF.format(
            folder=folder,
            host=platform.node().partition(".")[0],
            user=getpass.getuser(),
            ports=free_ports(2),
            slots=SLOTS,
            max_array_size=MAX_ARRAY_SIZE,
        )
    )
    with ExitStack() as stack:
        files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
        socket = munge / "socket"
        # --force: it need not be in a folder of root's.
        stack.enter_context(
            daemon([munged, "--foreground", "--force", f"--socket={socket}", *files], log)
        )
        until(socket.exists)
        for command in (slurmctld, slurmd):
            stack.enter_context(daemon([command, "-D", "-f", str(slurm.conf)], log))
        try:
            until(lambda: _is_idle(slurm), timeout=20, every=0.1)
        except AssertionError:
            unavailable(f"Slurm did not come up: {log.read_text()[-2000:]}")
        yield slurm
        slurm.cancel_all()


def _is_idle(slurm: Slurm) -> bool:
    try:
        return "idle" in slurm.do("sinfo", "--noheader", "--format=%T")
    except (AssertionError, subprocess.TimeoutExpired):
        return False
