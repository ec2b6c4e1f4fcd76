"""The studies under a directory: found within bounds, told without unpickling."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import Study, StudyError, studies, trust
from psweep_nb.cli.studies import main
from psweep_nb.studies import studies_under
from tests import workloads


@pytest.fixture
def tree() -> Path:
    """Two studies, and what is none."""
    study = Study("top/deep/calc")
    study.run(workloads.double, [{"a": 1}, {"a": 2}])
    study.run(workloads.fail_on_odd, [{"a": a} for a in range(3)], on_error="record", label="<b>")
    Study("top/other").run(workloads.double, [{"a": 1}])
    for name in (".hidden/calc", "calc.simulate", "calc.bak_2031_run_id_x", "__pycache__/x"):
        (Path("top") / name / ".psweep").mkdir(parents=True)
    (Path("top") / "nothing").mkdir()
    os.symlink(Path("top").absolute(), "top/link")
    return Path("top")


def test_each_study_is_told_by_its_newest_run(tree: Path) -> None:
    found = studies_under(tree)
    assert found.notes == []
    assert [row["study"] for row in found.rows] == ["deep/calc", "other"]
    row = found.rows[0]
    assert (row["runs"], row["psets"], row["newest run"]) == ("2", "5", "1 <b>")
    assert (row["state"], row["done"], row["failed"]) == ("finished", "2", "1")
    assert row["started"]
    assert studies_under(tree / "other").rows[0]["study"] == "."
    Study("top").run(workloads.double, [{"a": 1}])
    assert [row["study"] for row in studies_under(tree).rows] == [".", "deep/calc", "other"]


def test_nothing_is_unpickled(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickles")

    for name in ("loads", "load", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for name in ("load_function", "loads", "read_table"):
        monkeypatch.setattr(trust, name, refuse)
    assert len(studies_under(tree).rows) == 2


def test_a_table_of_psweeps_and_damaged_runs(tree: Path) -> None:
    old = Path("top/old")
    old.mkdir()
    (old / "database.pk").write_bytes(b"\x80 not to be looked into")
    for path in Path("top/other/.psweep").glob("*/run.json"):
        path.write_text("{")
    for path in Path("top/deep/calc/.psweep").glob("*/*/session.json"):
        path.write_text("")
    rows = {row["study"]: row for row in studies_under(tree).rows}
    assert (rows["old"]["runs"], rows["old"]["newest run"]) == ("0", "")
    assert (rows["other"]["runs"], rows["other"]["note"]) == ("0", "1 run damaged")
    assert rows["deep/calc"]["state"] in ("finished", "damaged")


def test_the_walk_is_bounded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(studies, "MOST_FOLDERS", 2)
        assert studies_under(tree).notes == ["only the first 2 directories were looked into"]
    deep = Path("top", *"abcdefghij")
    (deep / "calc" / ".psweep").mkdir(parents=True)
    assert len(studies_under(tree).rows) == 2


def test_what_may_not_be_read_is_passed_over(tree: Path) -> None:
    locked = Path("top/locked")
    locked.mkdir(mode=0)
    try:
        assert len(studies_under(tree).rows) == 2
    finally:
        locked.chmod(0o700)


def test_a_directory_that_is_not_there_is_said() -> None:
    with pytest.raises(StudyError, match="no directory nowhere"):
        studies_under(Path("nowhere"))


def test_the_command_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "-a", "top"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["study", "runs", "psets", "newest", "run", "state", "done", "failed",
                            "started"]  # fmt: skip
    assert first.split()[:8] == ["deep/calc", "2", "5", "1", "<b>", "finished", "2", "1"]
    assert second.split()[0] == "other"
    assert main(["runs", "--all", "top/nothing"]) == 0
    assert capsys.readouterr().out == "no studies under top/nothing\n"
    assert main(["runs", "-a", "nowhere"]) == 2
