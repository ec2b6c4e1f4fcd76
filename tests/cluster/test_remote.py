"""Shell text and files on another machine, and what is said when that cannot be."""

import pytest

from psweep_nb import OptionError, RemoteError
from psweep_nb.batch.remote import Shell, call, check_host, check_path

HOSTS = ("-oProxyCommand=x", "a b", "a;b", "$(id)", "a:b", "", "a@-b", "-a@b", "ä", "a\nb", None, 3)
PATHS = ("-x", "a b", "$HOME/x", "`id`", "a;b", "a'b", "a\\b", "", "~other/x", "a\nb", "*", None)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_could_be_anything_else_is_refused(host: str) -> None:
    with pytest.raises(OptionError, match="host is"):
        check_host(host)
    if isinstance(host, str) and host:
        with pytest.raises(OptionError, match="host is"):
            Shell(host).run("true", 10)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_a_shell_would_understand_is_refused(path: str) -> None:
    with pytest.raises(OptionError, match="path is"):
        check_path(path)


def test_text_is_carried_out_here() -> None:
    done = Shell().run("cd /; echo \"$PWD\" '$x'; echo bad >&2; exit 3", 10)
    assert (done.code, done.out, done.err) == (3, "/ $x\n", "bad\n")


def test_its_programs_do_not_read_the_text() -> None:
    assert Shell().run("cat\necho then", 10).out == "then\n"


def test_text_is_carried_out_there(host: str) -> None:
    done = Shell(host).run("echo \"${SSH_CONNECTION%% *}\" '$x'; exit 4", 20)
    assert (done.code, done.out) == (4, "127.0.0.1 $x\n")


def test_an_end_is_put_to_what_takes_too_long() -> None:
    with pytest.raises(RemoteError, match=r"this machine: sh was ended: it took longer than 0 s"):
        Shell().run("sleep 60", 0.2)


def test_nobody_waits_for_what_a_program_leaves_running() -> None:
    done = Shell().run("sleep 60 & echo $!", 10)
    Shell().run(f"kill {done.out}", 10)
    assert done.out.strip().isdigit()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("other-key", "other-key does not let us in without a question.*ssh-copy-id other-key"),
        ("stranger", "stranger is not known to ssh.*log in once by hand"),
        ("nobody-listens", "nobody-listens does not answer"),
        ("no-such-host", "there is no host no-such-host"),
    ],
)
def test_no_way_to_a_host(host: str, name: str, said: str) -> None:
    with pytest.raises(RemoteError, match=f"(?s){said}.*ssh said: "):
        Shell(name).run("true", 30)


def test_a_program_that_is_not_installed() -> None:
    with pytest.raises(RemoteError, match="no-such-program is not installed here"):
        call(["no-such-program"], "", 10)


def test_a_missing_ssh_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSWEEP_SSH", "no-such-ssh")
    with pytest.raises(RemoteError, match="cluster: no-such-ssh is not installed here"):
        Shell("cluster").run("true", 10)


def test_what_the_user_wants_at_each_login_is_left_out(host: str) -> None:
    assert Shell("tuned").run("echo in", 20).out == "in\n"
