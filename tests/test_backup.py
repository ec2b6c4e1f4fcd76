"""A backup is whole or not there; it holds a run up before the run exists."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import Study, StudyError
from tests import workloads
from tests.waiting import until


@pytest.fixture
def study() -> Study:
    study = Study("calc")
    study.run(workloads.double, [{"a": 1}, {"a": 2}])
    return study


def backups() -> list[Path]:
    return sorted(Path().glob("calc.bak*"))


def others() -> list[str]:
    """What lies beside the study, hidden or not, and is no backup."""
    return [name for name in os.listdir() if not name.startswith("calc")]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_backup_is_the_study_as_it_was_before_the_run(study: Study) -> None:
    Path("calc/mine").mkdir()
    Path("calc/mine/notes.txt").write_text("notes")
    Path("calc/mine/notes.txt").chmod(0o640)
    before = contents(Path("calc"))
    old = study.run_of(0)
    ps.run_local(workloads.double, [{"a": 3}], backup=True)
    (found,) = backups()
    assert found.name.startswith("calc.bak_2")
    assert found.name.endswith(f"Z_run_id_{old.run_id}")
    assert ":" not in found.name
    assert contents(found) == before
    assert (found / "mine/notes.txt").stat().st_mode & 0o777 == 0o640
    assert (found / ".psweep").stat().st_mode & 0o777 == 0o700
    copy = Study(found)
    assert copy.df["a"].tolist() == [1, 2]
    assert copy.trusted, "the user has just made it"
    assert others() == []


def test_each_call_makes_one(study: Study) -> None:
    first, second = study.backup(), study.backup()
    assert first is not None and second is not None
    assert [path.resolve() for path in backups()] == sorted([first, second])
    assert not any("bak" in name for name in os.listdir("calc"))


def test_where_nothing_is_there_is_no_backup() -> None:
    assert Study("calc").backup() is None
    Path("calc").mkdir()
    Path("calc/notes.txt").touch()
    assert Study("calc").backup() is None
    assert os.listdir() == ["calc"]
    ps.run_local(workloads.double, [{"a": 1}], backup=True)
    assert backups() == []


def test_a_table_alone_is_enough() -> None:
    Path("calc").mkdir()
    pd.DataFrame({"a": [1], "_run_id": ["../../evil"]}).to_pickle("calc/database.pk")
    target = Study("calc").backup()
    assert target is not None
    assert target.parent == Path.cwd()
    assert "run_id" not in target.name, "what is no id is no part of a path"
    assert os.listdir(target) == ["database.pk"]
    assert os.listdir("calc") == ["database.pk"]


def test_symbolic_links_stay_links(study: Study) -> None:
    Path("big").mkdir()
    Path("big/data").write_text("much")
    Path("calc/link").symlink_to("../big")
    Path("calc/dangling").symlink_to("nowhere")
    target = study.backup()
    assert target is not None
    assert os.readlink(target / "link") == "../big"
    assert os.readlink(target / "dangling") == "nowhere"


def test_a_study_reached_by_a_link(study: Study) -> None:
    Path("link").symlink_to("calc")
    target = Study("link").backup()
    assert target is not None
    assert target.name.startswith("link.bak_")
    assert contents(target) == contents(Path("calc"))


def test_what_cannot_be_copied_stops_the_run_before_it_exists(study: Study) -> None:
    os.mkfifo("calc/pipe")
    for act in (study.run, study.submit):
        with pytest.raises(StudyError, match=r"no backup .* was made: .*pipe cannot be copied"):
            act(workloads.double, [{"a": 3}], backup=True)
    with pytest.raises(StudyError, match="no backup"):
        ps.run_local(workloads.double, [{"a": 3}], df=pd.DataFrame({"a": [9]}), backup=True)
    assert len(Study("calc").runs) == 1
    assert pd.read_pickle("calc/database.pk")["a"].tolist() == [1, 2]
    assert os.listdir() == ["calc"], "nothing is left of the attempt"


def test_while_a_run_is_at_work_there_is_none(study: Study, tmp_path: Path) -> None:
    # A run of another table: it writes into the same directory.
    other = Study("calc", database_basename="other.pk")
    params = [{"folder": str(tmp_path), "a": 1}]
    run = other.submit(workloads.wait_for_go, params, in_kernel=True)
    until(lambda: list(tmp_path.glob("began-*")))
    try:
        with pytest.raises(StudyError, match=r"a run is at work on .*calc"):
            study.run(workloads.double, [{"a": 3}], backup=True)
    finally:
        Path("go").touch()
        assert run.wait(30).ended
    assert backups() == []
    assert len(study.runs) == 1
    study.run(workloads.double, [{"a": 3}], backup=True)
    assert len(backups()) == 1


def test_a_table_elsewhere_would_not_be_in_it() -> None:
    with pytest.raises(StudyError, match=r"a backup is a copy of .*calc, in which the table"):
        ps.run_local(workloads.double, [{"a": 1}], database_dir="tables", backup=True)
    assert os.listdir() == []
    ps.run_local(workloads.double, [{"a": 1}], database_dir="calc/tables")
    ps.run_local(workloads.double, [{"a": 1}], database_dir="calc/tables", backup=True)
    assert len(pd.read_pickle(backups()[0] / "tables/database.pk")) == 1


DIES = """
import os, shutil, signal, sys
from psweep_nb import Study

copyfile, left = shutil.copyfile, [int(sys.argv[1])]

def die(*args, **kwargs):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return copyfile(*args, **kwargs)

if left[0]:
    shutil.copyfile = die
else:
    os.sync = lambda: os.kill(os.getpid(), signal.SIGKILL)
Study("calc").backup()
"""


@pytest.mark.parametrize("files", [1, 4, 0])
def test_what_a_kill_leaves_is_no_backup_and_goes_with_the_next(study: Study, files: int) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(files)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert backups() == []
    assert len(os.listdir()) == 2, "a hidden directory that nobody takes for one"
    assert study.backup() is not None
    assert len(backups()) == 1
    assert others() == []


def test_an_interrupt_leaves_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sync", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        study.backup()
    assert os.listdir() == ["calc"]


def test_killed_before_it_was_noted_whose_it_is_there_is_none(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psweep_nb.trust.register", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        study.backup()
    assert os.listdir() == ["calc"]
