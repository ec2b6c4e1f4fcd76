"""Commits of a study: its directory and nothing else, and no run is lost for what git refuses."""

import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb import Study, StudyError, gitcommand
from tests import workloads

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

ONE = [{"a": 1}]


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> Path:
    """The user of these tests: a name, and no other settings of git."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    settings = Path(tmp_path_factory.mktemp("git") / "config")
    settings.write_text("[user]\n name = Tester\n email = tester@localhost\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return settings


@pytest.fixture
def repo(own_directory: Path) -> Path:
    git("init", "--quiet")
    Path("sim.py").write_text("# first\n")
    git("add", "sim.py")
    git("commit", "--quiet", "--message", "first")
    return own_directory


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def subjects() -> list[str]:
    return git("log", "--reverse", "--format=%s").splitlines()


def files_of(commit: str = "HEAD") -> list[str]:
    return git("show", "--name-only", "--format=", commit).splitlines()


def refused(act: Any) -> str:
    """What was said, in one warning."""
    with pytest.warns(UserWarning, match="^git: ") as caught:
        act()
    (warning,) = {str(w.message) for w in caught}
    return warning


def test_a_blocking_run_is_committed(repo: Path) -> None:
    ps.run_local(workloads.double, ONE, git=True)
    assert subjects() == ["first", "psweep_nb: calc, run 0 finished: 1 of 1 done"]
    assert files_of() == ["calc/database.pk"], "no journals, locks and functions"
    ps.run_local(workloads.fail_on_odd, ONE, git=True, on_error="record")
    assert subjects()[2:] == ["psweep_nb: calc, run 1 finished: 0 of 1 done, 1 failed"]
    assert git("status", "--porcelain") == ""


def test_also_where_the_run_raises(repo: Path) -> None:
    with pytest.raises(ValueError, match="is odd"):
        ps.run_local(workloads.fail_on_odd, ONE, git=True)
    assert len(subjects()) == 2


def test_what_a_background_run_left_is_committed_by_the_next(repo: Path) -> None:
    study = Study("calc")
    study.submit(workloads.double, ONE, git=True).wait(30)
    assert subjects() == ["first"], "engines make no commits"
    study.submit(workloads.double, [{"a": 2}], git=True).wait(30)
    assert subjects()[1:] == ["psweep_nb: calc before a run of double"]
    assert files_of() == ["calc/database.pk"]


def test_what_the_user_has_staged_and_changed_stays_so(repo: Path) -> None:
    Path("sim.py").write_text("# second\n")
    Path("new.py").touch()
    Path("other.txt").touch()
    git("add", "new.py")
    before = git("status", "--porcelain")
    ps.run_local(workloads.double, ONE, git=True)
    assert files_of() == ["calc/database.pk"]
    assert git("status", "--porcelain") == before
    body = git("log", "-1", "--format=%b")
    assert "Changed and not committed then" in body
    assert "'sim.py'" in body and "'new.py'" in body and "other.txt" not in body


def test_files_that_are_gone_are_committed_too(repo: Path) -> None:
    Path("calc").mkdir()
    Path("calc/old").touch()
    git("add", "calc")
    git("commit", "--quiet", "--message", "old")
    Path("calc/old").unlink()
    ps.run_local(workloads.double, ONE, git=True)
    assert subjects()[2] == "psweep_nb: calc before a run of double"
    assert files_of("HEAD~1") == ["calc/old"]


def test_the_first_commit_of_all(own_directory: Path) -> None:
    git("init", "--quiet")
    Path("staged").touch()
    git("add", "staged")
    ps.run_local(workloads.double, ONE, git=True)
    assert files_of() == ["calc/database.pk"]
    assert git("status", "--porcelain") == "A  staged\n"


def test_a_study_that_is_a_repository_and_one_with_an_odd_name(repo: Path) -> None:
    name = "calc[1] -x *"
    Path(name).mkdir()
    Path("calc1").mkdir()
    Path("calc1/not-this").touch()
    ps.run_local(workloads.double, ONE, git=True, calc_dir=name)
    assert files_of() == [f"{name}/database.pk"]
    subprocess.run(["git", "init", "--quiet", "own"], check=True)
    ps.run_local(workloads.double, ONE, git=True, calc_dir="own")
    assert git("-C", "own", "show", "--name-only", "--format=") == "database.pk\n"


def test_a_directory_reached_by_a_link(repo: Path) -> None:
    Path("real").mkdir()
    Path("calc").symlink_to("real")
    ps.run_local(workloads.double, ONE, git=True)
    assert files_of() == ["real/database.pk"]


def test_a_table_elsewhere_is_committed_alone(repo: Path) -> None:
    Path("mine").touch()
    ps.run_local(workloads.double, ONE, git=True, database_dir=".", tmpsave=True)
    assert files_of() == ["database.pk"]
    assert files_of("HEAD~1")[0].startswith("calc/tmpsave/")


def test_nothing_new_makes_no_commit(repo: Path) -> None:
    ps.run_local(workloads.double, ONE, git=True)
    ps.run_local(workloads.double, ONE, git=True, skip="done")
    assert len(subjects()) == 2


def test_without_a_repository_nothing_begins(own_directory: Path) -> None:
    for act in (ps.run_local, Study("calc").submit):
        with pytest.raises(StudyError, match=r"calc is in no git repository .*`git init`"):
            act(workloads.double, ONE, git=True)
    git("init", "--bare", "--quiet", "bare")
    with pytest.raises(StudyError, match="in no git repository"):
        ps.run_local(workloads.double, ONE, git=True, calc_dir="bare/calc")
    assert os.listdir() == ["bare"]


def test_without_git_nothing_begins(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StudyError, match="needs the program `git`, which is not on the PATH"):
        ps.run_local(workloads.double, ONE, git=True)
    assert not Path("calc").exists()


def run_here() -> None:
    assert len(ps.run_local(workloads.double, ONE, git=True)) == 1


def test_a_hook_that_refuses_costs_no_run(repo: Path) -> None:
    hook = Path(".git/hooks/pre-commit")
    hook.write_text("#!/bin/sh\nprintf '\\033[31mnot today\\n'\nexit 1\n")
    hook.chmod(0o755)
    said = refused(run_here)
    assert said == f"git: {repo}/calc is not committed: \\x1b[31mnot today (it is staged)"


def test_a_hook_that_hangs_costs_no_run(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitcommand, "TIMEOUT_S", 1.0)
    hook = Path(".git/hooks/pre-commit")
    hook.write_text("#!/bin/sh\nsleep 100\n")
    hook.chmod(0o755)
    assert "`git commit` took more than 1 s" in refused(run_here)
    assert not Path(".git/index.lock").exists()


def test_a_user_without_a_name_loses_no_run(repo: Path, nobodys_settings: Path) -> None:
    nobodys_settings.write_text("[user]\n useConfigOnly = true\n")
    assert "(it is staged)" in refused(run_here)


def test_a_passphrase_cannot_be_asked_for(repo: Path, nobodys_settings: Path) -> None:
    with nobodys_settings.open("a") as file:
        file.write("[commit]\n gpgSign = true\n[gpg]\n program = false\n")
    assert "(it is staged)" in refused(run_here)


def test_somebody_elses_lock_on_the_repository(repo: Path) -> None:
    Path(".git/index.lock").touch()
    assert "is not committed" in refused(run_here)


def test_an_ignored_study_is_said(repo: Path) -> None:
    Path(".gitignore").write_text("calc*\n")
    said = refused(run_here)
    assert said == f"git: {repo}/calc is not committed: it is ignored (.gitignore)"


def test_a_dry_run_and_one_that_saves_nothing_commit_nothing(repo: Path) -> None:
    with warnings.catch_warnings(action="error"):
        ps.run_local(workloads.double, ONE, git=True, simulate=True)
        ps.run_local(workloads.double, ONE, git=True, save=False)
    assert subjects() == ["first"]
