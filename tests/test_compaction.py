"""Compacting a study: bytes go, nothing that anybody may need."""

import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import Study, StudyError, compaction
from psweep_nb.journal import DONE, Reader, Writer
from psweep_nb.runview import RunView
from tests import workloads
from tests.waiting import until

MARK = "a mark that is easily found"


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


def marked(a: int) -> dict[str, Any]:
    return {"text": f"{MARK} {a} " * 100}


def on_disk(text: str) -> bool:
    return any(text.encode() in p.read_bytes() for p in Path("calc").rglob("*") if p.is_file())


def sizes() -> int:
    return sum(p.stat().st_size for p in Path("calc/.psweep").rglob("*") if p.is_file())


@pytest.fixture
def retried(study: Study, tmp_path: Path) -> Study:
    """A run of four, two of which failed and then did not."""
    params = [{"folder": str(tmp_path), "a": a} for a in range(4)]
    study.submit(workloads.fail_until_fixed, params, workers=2).wait(30)
    (tmp_path / "fixed").touch()
    assert study.run_of(-1).retry().wait(30).done == 4
    return study


def test_what_is_gone_and_what_stays(retried: Study) -> None:
    run, whole, before = retried.run_of(0), retried.df, sizes()
    status = run.status()
    saved = retried.compact()
    assert saved == before - sizes() > 0
    assert not list(Path("calc").rglob("function.pkl"))
    assert not on_disk("RuntimeError: not fixed yet")
    for fresh in (retried, Study("calc")):
        pd.testing.assert_frame_equal(fresh.df, whole)
        now = fresh.run_of(0).status()
        assert (now.state, now.done, now.failed) == (status.state, 4, 0)
        record = fresh.run_of(0).view.record(1)
        assert record is not None
        assert record.attempt == 2
        assert record.results == {"twice": 2}
        assert record.pset["a"] == 1
    Path("calc/database.pk").unlink()
    pd.testing.assert_frame_equal(Study("calc").rebuild(), whole)
    assert Study("calc").compact() == 0, "once is enough"


def test_a_deleted_row_is_gone_for_good(study: Study) -> None:
    study.run(marked, numbers(1, 2))
    study.run(marked, numbers(3))
    study.delete(a=2)
    assert on_disk(f"{MARK} 2")
    study.compact()
    assert not on_disk(f"{MARK} 2")
    for fresh in (study, Study("calc")):
        assert fresh.rebuild(deleted=True)["a"].tolist() == [1, 3]
        assert fresh.run_of(0).status().done == 2
        assert fresh.run_of(0).resume() is fresh.run_of(0), "and is not computed again"
    Path("calc/database.pk").unlink()
    assert Study("calc").df["a"].tolist() == [1, 3]
    assert study.run(marked, numbers(1, 2), skip="done")["a"].tolist() == [1, 3, 2]
    assert study.compact() >= 0
    study.delete(a=2)
    assert study.rebuild(deleted=True)["a"].tolist() == [1, 3, 2]


def test_logs_go_only_with_all_their_psets(study: Study) -> None:
    def talk(a: int) -> int:
        print(MARK, a)
        return a

    study.submit(talk, numbers(1, 2)).wait(30)
    study.delete(a=1)
    study.compact()
    study.run_of(0).status()
    record = study.run_of(0).view.record(1)
    assert record is not None
    assert record.log() == f"{MARK} 2\n"
    study.delete(a=2)
    study.compact()
    assert not list(Path("calc").rglob("w*.log"))


def test_failures_can_still_be_retried(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(4)]
    study.submit(workloads.fail_until_fixed, params).wait(30)
    study.delete(a=1)
    study.compact()
    (tmp_path / "fixed").touch()
    again = Study("calc").run_of(0)
    assert [record.pset["a"] for record in again.failures if "not fixed" in record.error] == [3]
    again.retry(recorded=True).wait(30)
    assert study.df["a"].tolist() == [0, 2, 3]


def test_a_stopped_run_can_still_be_resumed(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(3)]
    run = study.submit(workloads.wait_for_go, params)
    until(lambda: list(tmp_path.glob("began-*")))
    run.stop()
    (tmp_path / "go").touch()
    run.wait(30)
    study.compact()
    assert study.run_of(0).resume().wait(30).done == 3
    assert study.df["a"].tolist() == [0, 1, 2]


def test_a_lost_run_can_still_be_resumed(study: Study) -> None:
    """It had all its records, but no end mark."""
    study.run(workloads.double, numbers(1, 2))
    study.run_of(0).folder.sessions()[-1].path.joinpath("engine.journal").unlink()
    study.compact()
    assert study.run_of(0).status().state == "lost"
    assert study.run_of(0).resume().wait(30).state == "finished"


def test_refused_while_a_run_is_at_work(study: Study, tmp_path: Path) -> None:
    study.run(marked, numbers(1))
    run = study.submit(workloads.wait_for_go, [{"folder": str(tmp_path), "a": 1}], in_kernel=True)
    until(lambda: list(tmp_path.glob("began-*")))
    with pytest.raises(StudyError, match="run 1 is at work; stop it or wait before you compact"):
        study.compact()
    (tmp_path / "go").touch()
    run.wait(20)


@pytest.mark.parametrize("state", ["finished", "lost"])
def test_others_do_not_take_it_for_a_run_at_work(
    study: Study, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    study.run(marked, numbers(1, 2))
    if state == "lost":
        study.run_of(0).folder.sessions()[-1].path.joinpath("engine.journal").unlink()
    assert study.run_of(0).status().state == state
    looked = []

    def look(view: RunView) -> None:
        other = Study("calc")
        plan = other.plan(marked, numbers(1, 2, 3), skip="done")
        looked.append((other.active_runs(), plan.running, plan.new))

    monkeypatch.setattr(compaction, "_compact_run", look)
    study.compact()
    assert looked == [([], 0, 1)]


def test_what_belongs_to_another_host_is_left_alone(
    retried: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in Path("calc/.psweep").rglob("engine.journal"):
        path.unlink()
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert retried.compact() == 0


def test_a_damaged_journal_is_left_alone(retried: Study) -> None:
    paths = Path("calc/.psweep").glob("*/000/w*.journal")
    path = max(paths, key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[80] ^= 255
    path.write_bytes(data)
    retried.compact()
    assert path.read_bytes() == data


def test_a_full_disk_leaves_everything(retried: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = retried.df
    before = {p: p.read_bytes() for p in Path("calc").rglob("*.journal")}
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(Writer, "sync", full)
        retried.compact()
    assert {p: p.read_bytes() for p in Path("calc").rglob("*journal*")} == before
    pd.testing.assert_frame_equal(Study("calc").rebuild(), whole)
    assert retried.compact() > 0


def test_who_looked_before_never_sees_another_psets_record(study: Study) -> None:
    """Records of one size: where one was, now another begins."""
    study.run(lambda a: {"x": a}, numbers(1, 2, 3, 4))
    view = RunView(study.run_of(0).folder, trusted=True)
    view.poll()
    for _, reader in view._readers:
        reader.close()
    [path] = Path("calc/.psweep").glob("*/000/*0.journal")
    kept = Reader(path).read()[1:]
    path.unlink()
    writer = Writer(path)
    for record in kept:
        writer.append(DONE, record.body, 1, record.pset)
    writer.close()
    for seen in view.arrived(0, 4):
        assert "compacted since" in seen.error
    assert view.poll() == 0


def test_a_study_without_runs() -> None:
    assert Study("none").compact() == 0
    assert not os.path.exists("none")


def test_a_copy_that_is_not_trusted(study: Study) -> None:
    study.run(marked, numbers(1, 2))
    shutil.copytree("calc", "copy")
    copy = Study("copy")
    copy.delete(a=1)
    assert copy.compact() > 0
    assert Study("copy").rebuild()["a"].tolist() == [2]
