"""A real sshd on the loopback, with keys made for it; its user's files are in its folder."""

import getpass
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.daemons import daemon, free_ports, program, unavailable
from tests.waiting import until

_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
SetEnv {environment}
"""
_CLIENT = """\
Host cluster stranger other-key tuned
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentitiesOnly yes
  StrictHostKeyChecking yes
# Logging in takes 0.2 s: one connection for all, as people have it.
Host cluster
  ControlMaster auto
  ControlPath {folder}/shared
  ControlPersist 600
Host cluster tuned
  IdentityFile {folder}/user
  UserKnownHostsFile {folder}/known_hosts
# As people set up a host for logging in by hand.
Host tuned
  RemoteCommand exec false
  RequestTTY force
  LocalForward 127.0.0.1:{port} 127.0.0.1:{closed}
  ExitOnForwardFailure yes
# One whose key the server does not know, and one that this machine has never seen.
Host other-key
  IdentityFile {folder}/host
  UserKnownHostsFile {folder}/known_hosts
Host stranger
  IdentityFile {folder}/user
  UserKnownHostsFile {folder}/none
Host nobody-listens
  HostName 127.0.0.1
  Port {closed}
Host no-such-host
  HostName no-such-host.invalid
"""


@dataclass(frozen=True)
class Sshd:
    """A running sshd; `cluster` is its name in the client's configuration."""

    folder: Path

    @property
    def ssh(self) -> list[str]:
        """The ssh command that knows it."""
        return ["ssh", "-F", str(self.folder / "config")]

    @property
    def command(self) -> str:
        """The same as the value of PSWEEP_SSH."""
        return shlex.join(self.ssh)


@contextmanager
def sshd_in(folder: Path, environment: Mapping[str, str]) -> Iterator[Sshd]:
    """Bring an sshd up in about half a second; those who log in have this environment."""
    sshd, keygen = program("sshd", "openssh-server"), program("ssh-keygen", "openssh-client")
    program("ssh", "openssh-client")
    for name in ("host", "user"):
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    port, closed = free_ports(2)
    kind, key, _ = (folder / "host.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    pairs = " ".join(f'{name}="{value}"' for name, value in environment.items())
    server = _SERVER.format(folder=folder, port=port, environment=pairs)
    client = _CLIENT.format(folder=folder, port=port, closed=closed, user=getpass.getuser())
    (folder / "sshd_config").write_text(server)
    (folder / "config").write_text(client)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # for privilege separation
    found = Sshd(folder)
    log = folder / "log"
    with daemon([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], log):
        try:
            until(lambda: _answers(found), timeout=10, every=0.05)
        except AssertionError:
            unavailable(f"sshd did not come up: {log.read_text()[-2000:]}")
        yield found
        # The shared connection; a test that ended ssh may have ended it.
        subprocess.run([*found.ssh, "-Oexit", "cluster"], capture_output=True, check=False)


def _answers(sshd: Sshd) -> bool:
    command = [*sshd.ssh, "-oBatchMode=yes", "cluster", "true"]
    # Not with pipes: the shared connection keeps them open.
    nowhere = subprocess.DEVNULL
    return subprocess.run(command, stdout=nowhere, stderr=nowhere, timeout=10).returncode == 0
