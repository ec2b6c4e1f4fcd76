"""The table: what folding keeps, what other hands do to the file, what stands in the way."""

import errno
import pickle
import shutil
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pytest

from psweep_nb import Study, StudyError, TrustError, database
from psweep_nb.database import Database
from psweep_nb.frames import columns
from psweep_nb.journal import FAILED, Writer
from psweep_nb.locks import FileLock
from psweep_nb.runview import RunView
from psweep_nb.worker import failure
from tests import workloads
from tests.waiting import until

TABLE = Path("calc/database.pk")


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


def run(study: Study, *values: int, **options: Any) -> pd.DataFrame:
    return study.run(workloads.double, numbers(*values), **options)


def on_disk() -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_pickle(TABLE)
    return frame


def unfold(study: Study) -> None:
    """Make it as if no run had ever been folded."""
    for path in Path("calc/.psweep").glob("*/folded.json"):
        path.unlink()


# -- folding ---------------------------------------------------------------------------------


def test_folding_again_is_harmless(study: Study) -> None:
    before = run(study, 1, 2, 3)
    content = TABLE.read_bytes()
    study.database.fold()
    Study("calc").database.fold()
    assert TABLE.read_bytes() == content
    unfold(study)
    pd.testing.assert_frame_equal(Study("calc").df, before)
    Study("calc").database.fold()
    pd.testing.assert_frame_equal(on_disk(), before)


def test_a_fold_cut_short_between_table_and_offsets(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="no offsets today"):

        def fail(*_: object) -> None:
            raise OSError("no offsets today")

        patch.setattr("psweep_nb.unfolded.write_json", fail)
        run(study, 1, 2)
    assert len(on_disk()) == 2
    again = Study("calc")
    again.database.fold()
    assert on_disk()["a"].tolist() == [1, 2]
    assert again.database.vanished() == {}
    run(again, 3)
    assert on_disk()["_pset_seq"].tolist() == [0, 1, 2]


def test_what_the_user_edits_stays(study: Study) -> None:
    run(study, 1, 2)
    edited = on_disk()
    edited["note"] = ["good", "bad"]
    edited.loc[edited["a"] == 2, "twice"] = -1
    edited.to_pickle(TABLE)
    df = run(study, 3)
    assert df["note"].tolist()[:2] == ["good", "bad"]
    assert df["twice"].tolist() == [2, -1, 6]
    study.rebuild()
    assert on_disk()["twice"].tolist() == [2, -1, 6]


def test_a_foreign_table_is_added_to(study: Study) -> None:
    Path("calc").mkdir()
    pd.DataFrame({"a": [7.5, None], "text": ["x", "y"]}).to_pickle(TABLE)
    study = Study("calc", trust=True)
    df = run(study, 1)
    assert len(df) == 3
    assert set(df["text"].dropna()) == {"x", "y"}


@pytest.mark.parametrize("column", ["_pset_id", "_failed", "_run_seq", "_pset_sha1", "_attempt"])
def test_a_table_without_a_column_of_ours(study: Study, column: str) -> None:
    run(study, 1, 2)
    on_disk().drop(columns=column).to_pickle(TABLE)
    run(study, 3, skip="done")
    assert on_disk()["a"].tolist()[-1] == 3
    assert study.table(a=3)["twice"].tolist() == [6]


def test_a_table_that_cannot_be_merged_does_not_end_the_run(study: Study) -> None:
    run(study, 1, 2)
    edited = on_disk()
    edited["_pset_seq"] = pd.Series([["a list"], {"a": "dict"}], edited.index, dtype=object)
    edited.to_pickle(TABLE)
    found = study.submit(workloads.double, numbers(3), in_kernel=True, notes=lambda text: None)
    assert found.wait(20).done == 1
    assert found.status().state == "finished"


def test_rows_keep_their_place_whatever_is_folded_first(study: Study) -> None:
    for a in range(4):
        run(study, a)
    shutil.copy(TABLE, "whole.pk")
    on_disk().iloc[[3, 1]].to_pickle(TABLE)
    study.rebuild()
    pd.testing.assert_frame_equal(on_disk(), pd.read_pickle("whole.pk"))


# -- rows that vanish ------------------------------------------------------------------------


def test_vanished_rows_are_counted_named_and_not_computed_again(study: Study) -> None:
    run(study, 1, 2)
    shutil.copy(TABLE, "old.pk")
    whole = run(study, 3, 4)
    shutil.copy("old.pk", TABLE)
    study = Study("calc")
    assert study.df["a"].tolist() == [1, 2]
    assert study.database.vanished() == {study.run_of(1).run_id: 2}
    with pytest.warns(UserWarning, match=r"2 rows .* are gone .*rebuild\(\) puts them back"):
        df = run(study, 3, 4, 5, skip="done")
    assert df["a"].tolist() == [1, 2, 5]
    study.rebuild()
    assert on_disk()["a"].tolist() == [1, 2, 3, 4, 5]
    pd.testing.assert_frame_equal(on_disk().iloc[:4], whole)
    assert study.database.vanished() == {}


def test_vanished_again_after_a_rebuild(study: Study) -> None:
    run(study, 1, 2)
    shutil.copy(TABLE, "old.pk")
    run(study, 3)
    study.rebuild()
    shutil.copy("old.pk", TABLE)
    assert sum(Study("calc").database.vanished().values()) == 1


def test_a_retried_row_counts_once(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(4)]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    (tmp_path / "fixed").touch()
    found = study.run_of(-1)
    found.retry()
    assert found.wait(30).done == 4
    study.database.fold()
    unfold(study)
    for fresh in (study, Study("calc")):
        assert fresh.database.vanished() == {}
        assert fresh.df["_attempt"].tolist() == [1, 2, 1, 2]


# -- the file gone or unloadable ---------------------------------------------------------------

BROKEN = {
    "empty": b"",
    "text": b"not a pickle",
    "cut": pickle.dumps(pd.DataFrame({"a": [1.5] * 100}))[:-50],
    "other": pickle.dumps({"a": 1}),
    "gone": b"cno_such_module\nThing\n.",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_unloadable_table_is_left_as_it_is(study: Study, kind: str) -> None:
    run(study, 1, 2)
    TABLE.write_bytes(BROKEN[kind])
    for fresh in (study, Study("calc")):
        for act in (lambda s: s.df, lambda s: run(s, 3), lambda s: s.rebuild()):
            with pytest.raises((StudyError, TrustError), match=r"cannot be loaded|not on the list"):
                act(fresh)
        with pytest.raises((StudyError, TrustError)):
            fresh.submit(workloads.double, numbers(3))
    assert TABLE.read_bytes() == BROKEN[kind]
    assert len(study.runs) == 1
    results = RunView(study.runs[0].folder, trusted=True)
    results.poll()
    assert [r.results for r in results.arrived(0, 9)] == [{"twice": 2}, {"twice": 4}]
    TABLE.rename("broken.pk")
    for fresh in (study, Study("calc")):
        assert fresh.df["a"].tolist() == [1, 2]
    assert run(study, 3)["a"].tolist() == [1, 2, 3]
    assert on_disk()["a"].tolist() == [1, 2, 3]


def test_a_table_that_breaks_during_a_run(study: Study, tmp_path: Path) -> None:
    run(study, 1)
    params = [{"folder": str(tmp_path), "a": 5}]
    found = study.submit(workloads.wait_for_go, params, in_kernel=True)
    until(lambda: (tmp_path / "began-5").exists())
    good = TABLE.read_bytes()
    TABLE.write_bytes(b"broken")
    (tmp_path / "go").touch()
    status = found.wait(20)
    assert status.state == "finished"
    assert "cannot be loaded" in status.message
    assert "kept in the journal" in status.message
    assert TABLE.read_bytes() == b"broken"
    TABLE.write_bytes(good)
    assert study.df["a"].tolist() == [1, 5]
    assert run(study, 6)["a"].tolist() == on_disk()["a"].tolist() == [1, 5, 6]


def test_a_table_that_is_gone_is_made_from_the_journals(study: Study) -> None:
    whole = run(study, 1, 2)
    TABLE.unlink()
    pd.testing.assert_frame_equal(study.df, whole)
    pd.testing.assert_frame_equal(Study("calc").df, whole)
    pd.testing.assert_frame_equal(Study("calc").rebuild(), whole)
    pd.testing.assert_frame_equal(on_disk(), whole)


def test_a_full_disk_keeps_the_old_table_and_says_so(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, 1)
    before = TABLE.read_bytes()
    with monkeypatch.context() as patch:

        def half(_: object, file: BinaryIO) -> None:
            file.write(b"half a table")
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr("psweep_nb.frames.dump", half)
        with pytest.warns(UserWarning, match="No space left.*kept in the journal"):
            df = run(study, 2)
    assert df["a"].tolist() == [1, 2]
    assert TABLE.read_bytes() == before
    assert sorted(p.name for p in Path("calc").iterdir()) == [".psweep", "database.pk"]
    assert "No space left" in study.run_of(-1).status().message
    assert Study("calc").df["a"].tolist() == [1, 2]
    run(study, 3)
    assert on_disk()["a"].tolist() == [1, 2, 3]


# -- what cannot be read back ------------------------------------------------------------------


def test_a_result_that_cannot_be_read_back_fails_its_own_row(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passing.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import passing  # type: ignore[import-not-found]

    def func(a: int) -> Any:
        return {"x": passing.Thing() if a == 1 else a}

    study.run(func, numbers(0, 1, 2))
    TABLE.unlink()
    monkeypatch.delattr(passing, "Thing")
    df = Study("calc").df
    assert df["_failed"].tolist() == [False, True, False]
    assert "cannot be read back: AttributeError" in df["_exc_txt"].iloc[1]
    assert [df["x"].iloc[0], df["x"].iloc[2]] == [0, 2]


def test_a_merge_that_fails_does_not_count_as_folded(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="not today"):

        def fail(*_: object, **__: object) -> None:
            raise ValueError("not today")

        patch.setattr("psweep_nb.frames.absorb", fail)
        patch.setattr(Study, "df", property(lambda self: None))
        run(study, 1)
    study.database.fold()
    assert on_disk()["a"].tolist() == [1]


def test_a_merge_that_fails_halfway_loses_no_row(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, 1, 2)
    study.database.frame()
    unfold(study)
    joins: list[None] = []

    def fail_later(*args: Any) -> Any:
        joins.append(None)
        if len(joins) > 5:
            raise MemoryError("full")
        return columns.join(*args)

    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="full"):
        patch.setattr("psweep_nb.frames.tables.join", fail_later)
        patch.setattr(Study, "df", property(lambda self: None))
        run(study, 3)
    assert study.df["a"].tolist() == [1, 2, 3]
    study.database.fold()
    assert on_disk()["a"].tolist() == [1, 2, 3]


def test_who_holds_a_table_keeps_it_while_rows_come(study: Study) -> None:
    run(study, 1)
    held = study.database.frame()
    before = held.copy()
    run(study, 2)
    pd.testing.assert_frame_equal(held, before)
    given = study.df
    run(study, 3, df=given)
    run(study, 4)
    assert given["a"].tolist() == [1, 2]
    assert len(given.columns) == len(before.columns)


# -- several at once -----------------------------------------------------------------------------


def test_the_lock_keeps_others_waiting(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    run(study, 1)
    monkeypatch.setattr("psweep_nb.database.LOCK_S", 0.05)
    lock = FileLock("calc/.psweep/lock")
    assert lock.try_acquire()
    with pytest.raises(StudyError, match="another process has held the lock of"):
        Study("calc").submit(workloads.double, numbers(2))
    assert study.df["a"].tolist() == [1], "reading goes on"
    lock.release()
    assert len(run(study, 2)) == 2


def test_threads_of_one_process(study: Study) -> None:
    threads = [threading.Thread(target=run, args=(study, a)) for a in range(8)]
    threads += [threading.Thread(target=run, args=(Study("calc"), a)) for a in range(8, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    df = on_disk()
    assert sorted(df["a"]) == list(range(12))
    assert df["_pset_seq"].tolist() == list(range(12))
    assert sorted(df["_run_seq"]) == list(range(12))


def test_another_process_is_seen(study: Study) -> None:
    other = Study("calc")
    run(study, 1)
    assert other.df["a"].tolist() == [1]
    run(other, 2)
    assert study.df["a"].tolist() == [1, 2]
    assert run(study, 3)["a"].tolist() == [1, 2, 3]


def test_a_fold_while_one_reads_hides_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, 1)
    others = [lambda: run(Study("calc"), 2), lambda: run(Study("calc"), 3)]
    find = study.database._run_paths

    def meanwhile() -> list[Path]:
        if others:
            others.pop(0)()
        return find()

    monkeypatch.setattr(study.database, "_run_paths", meanwhile)
    assert study.df["a"].tolist() == [1, 2, 3]


def test_a_later_attempt_wins_wherever_it_is_written(study: Study) -> None:
    """Also when its journal is read first, or the same attempt was recorded twice."""
    study.run(workloads.fail_on_odd, numbers(1), on_error="record")
    folder = study.run_of(0).folder
    writer = Writer(folder.sessions()[0].path / "a0.journal")  # before w0.journal
    writer.append(1, pickle.dumps({"half": 9}), attempt=2)
    writer.append(FAILED, failure("late and the same"), attempt=2)
    writer.append(FAILED, failure("foreign"), attempt=3, pset=77)
    writer.close()
    TABLE.unlink()
    df = Study("calc").df
    assert df["half"].tolist() == [9]
    assert df["_attempt"].tolist() == [2]


def test_a_snapshot_is_the_readers_own(study: Study) -> None:
    df = run(study, 1, 2)
    df["a"] = 0
    df.loc[df.index[0], "twice"] = -5
    assert study.df["a"].tolist() == [1, 2]
    assert study.df["twice"].tolist() == [2, 4]


def test_a_database_needs_no_directory(tmp_path: Path) -> None:
    database = Database(tmp_path / "none", trusted=True)
    assert len(database.frame()) == 0
    assert database.runs() == []
    assert database.vanished() == {}
    assert not (tmp_path / "none").exists()


def test_rows_made_some_at_a_time_make_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: dict[int, int] = {}

    def fails_at_first(a: int) -> dict[str, int]:
        tries[a] = tries.get(a, 0) + 1
        if a % 3 == 0 and tries[a] == 1:
            raise ValueError("not yet")
        if a == 4:
            raise ValueError("never")
        return {"tries": tries[a]}

    tables = []
    for at_once in (1, 3, 1000):
        monkeypatch.setattr(database, "_ROWS_AT_ONCE", at_once)
        tries.clear()
        study = Study(tmp_path / str(at_once))
        df = study.run(fails_at_first, [{"a": a} for a in range(10)], retries=1, on_error="record")
        tables.append(df[["a", "tries", "_failed", "_attempt"]].reset_index(drop=True))
        assert study.df.equals(df)
        assert study.database.vanished() == {}
    assert tables[0].equals(tables[2])
    assert tables[1].equals(tables[2])
    assert tables[2]["_attempt"].tolist() == [2, 1, 1, 2, 2, 1, 2, 1, 1, 2]
