"""Other machines: shell text and rsync over ssh, never asking anything, never without a time limit.

Owns how ssh is called, what names of hosts and paths may hold, and what failures mean to a person.
Used by `scheduler`, `submitting` and `transfer`. The user's own ssh configuration holds.
"""

import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from psweep_nb.errors import OptionError, RemoteError
from psweep_nb.wording import printable

CONNECT_S = 10
QUIET_S = 60  # so long may a transfer stand still
_VANISHED = 24  # rsync's exit code where all went well with the files that are still there
_SHOWN = 2000  # characters of what a program said
_BEGIN = "psweep: here it begins\n"
# No questions, none of the user's tunnels, and no command that the user wants at each login.
_OPTIONS = (
    "-T", "-oBatchMode=yes", f"-oConnectTimeout={CONNECT_S}", "-oServerAliveInterval=15",
    "-oServerAliveCountMax=3", "-oClearAllForwardings=yes", "-oRemoteCommand=none",
)  # fmt: skip
_HOST = re.compile(r"(\w[\w.-]*@)?\w[\w.-]*", re.ASCII)
_PATH = re.compile(r"[\w./+@=,%][\w./+@=,%-]*")
_MEANING = (
    (
        r"Permission denied \(|Too many authentication failures",
        "{host} does not let us in without a question: put your key there (ssh-copy-id {host}), "
        "or load it into ssh-agent, until `ssh {host}` asks nothing",
    ),
    (
        r"Could not resolve hostname",
        "there is no host {host}; it should be a name that `ssh` knows, from ~/.ssh/config or "
        "the network",
    ),
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
        "{host} is not known to ssh, or has another key than before: log in once by hand "
        "(ssh {host}) and see to it",
    ),
    (
        r"Connection (refused|closed|reset|timed out)|Operation timed out|timed out during banner"
        r"|No route to host|Network is unreachable|Timeout, server|io timeout after",
        "{host} does not answer",
    ),
    (
        r"No space left on device|[Dd]isk quota exceeded",
        "there is no room left, on {host} or here: make some, and do it again",
    ),
    (
        r"is your shell clean",
        "logging in to {host} prints something, which rsync cannot bear: let its shell's start-up "
        "files print to terminals only",
    ),
    (r"rsync:.* not found|rsync: No such file", "rsync is not installed on {host}"),
)


def check_host(host: object) -> str:
    """Return a host's name if ssh and rsync can take it for nothing else.

    Raises
    ------
    OptionError
        If it begins with a dash, or holds what a shell or rsync would understand.

    Examples
    --------
    >>> check_host("me@cluster")
    'me@cluster'
    """
    if isinstance(host, str) and _HOST.fullmatch(host):
        return host
    raise OptionError(
        f"host is {host!r}; it should be a name as after `ssh`, such as 'cluster' or 'me@cluster': "
        "letters, digits, . _ - (a name in ~/.ssh/config may stand for anything else)"
    )


def check_path(path: object) -> str:
    """Return a path on another machine, relative to the home there unless it begins with ``/``.

    Raises
    ------
    OptionError
        If it begins with a dash, or holds blanks or what a shell would understand.

    Examples
    --------
    >>> check_path("~/studies/one"), check_path("/scratch/me")
    ('studies/one', '/scratch/me')
    """
    inside = path.removeprefix("~/") if isinstance(path, str) and path != "~" else "."
    if isinstance(path, str) and _PATH.fullmatch(inside):
        return inside
    raise OptionError(
        f"path is {path!r}; it should be a directory on the other machine, such as "
        "'/scratch/me/study' or 'study' (in the home there): letters, digits, / . _ - + @ = , %, "
        "no variables, no blanks, no dash at the beginning"
    )


def ssh_command() -> list[str]:
    """Return the ssh command without a host; the variable PSWEEP_SSH may say how it begins."""
    return [*shlex.split(os.environ.get("PSWEEP_SSH") or "ssh"), *_OPTIONS]


@dataclass(frozen=True)
class Done:
    """How a program ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str


def call(command: Sequence[str], text: str, timeout: float) -> Done:
    """Run a program with `text` as its input.

    Raises
    ------
    RemoteError
        If there is no such program, or it took longer than `timeout` seconds: it is then killed.
    """
    # Files, not pipes: what the program leaves running (ssh's shared connection) keeps those open.
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        stdin.write(text.encode())
        stdin.seek(0)
        try:
            child = subprocess.Popen(
                command, stdin=stdin, stdout=out, stderr=err, start_new_session=True
            )
        except FileNotFoundError:
            raise RemoteError(f"{command[0]} is not installed here") from None
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RemoteError(
                f"{command[0]} was ended: it took longer than {timeout:.0f} s"
            ) from None
        finally:  # after a Ctrl-C, too
            if child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        out.seek(0)
        err.seek(0)
        return Done(
            child.returncode,
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace"),
        )


@dataclass(frozen=True)
class Shell:
    """Where shell text is carried out: on a host, over ssh, or here if that is empty.

    The text goes in as input of ``sh``: whatever the login shell there is, it has nothing to
    understand, and there is no limit to its length. So its programs must not read their input.
    """

    host: str = ""

    @property
    def where(self) -> str:
        """For messages."""
        return self.host or "this machine"

    def run(self, text: str, timeout: float) -> Done:
        """Carry `text` out; it is not begun before it has arrived whole.

        Raises
        ------
        RemoteError
            If that cannot be: no way to the host, or `timeout` seconds are over.
        """
        command = [*ssh_command(), check_host(self.host), "sh"] if self.host else ["sh"]
        try:
            done = call(
                command, f"{{\necho '{_BEGIN[:-1]}'\n{text}\nexit\n}} </dev/null\n", timeout
            )
        except RemoteError as exc:
            raise RemoteError(f"{self.where}: {exc}") from None
        if self.host and done.code == 255:  # ssh's own
            raise failure(self.host, "ssh", done)
        # What comes before was printed by start-up files of the login shell.
        return replace(done, out=done.out.rpartition(_BEGIN)[2])


def rsync(options: Sequence[str], source: str, target: str, host: str, names: str = "") -> Done:
    """Copy files; `names`, a line each, is what ``--files-from=-`` reads.

    Raises
    ------
    RemoteError
        With what it means and what rsync said.
    """
    command = ["rsync", f"--timeout={QUIET_S}", "-e", shlex.join(ssh_command()), *options]
    done = call([*command, source, target], names, timeout=24 * 3600)
    # Programs at work rename and remove files while they are looked for: others come next time.
    if done.code not in (0, _VANISHED):
        raise failure(host, "rsync", done)
    return done


def words(done: Done) -> str:
    """What a program that failed has said."""
    err = done.err.replace("\r\n", "\n").strip()
    return printable(err[-_SHOWN:], keep="\n") or f"exit code {done.code}"


def failure(host: str, program: str, done: Done) -> RemoteError:
    """Return the error that says what a program's failure means."""
    said = words(done)
    for pattern, meaning in _MEANING:
        if re.search(pattern, done.err):
            return RemoteError(f"{meaning.format(host=host)}\n{program} said: {said}")
    return RemoteError(f"{program} failed on {host}: {said}")
