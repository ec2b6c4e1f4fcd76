"""What psets left in their directories: found by their values, read by threads."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psweep_nb import OptionError, Study, StudyError, grid, progress, run_local, workdir
from tests import workloads

PARAMS = grid(T=[0.1, 0.2, 0.3], N=[8, 16])


def simulate(T: float, N: int) -> dict[str, float]:
    if T == 0.2 and N == 16:
        raise ValueError("diverged")
    np.save(workdir() / "path.npy", T * np.arange(N))
    (workdir() / "out.json").write_text(json.dumps({"T": T, "N": N}))
    return {"energy": T * N}


def read_sum(path: Path) -> dict[str, Any]:
    return {"sum": np.load(path / "path.npy").sum(), "name": path.name}


@pytest.fixture
def full(study: Study) -> Study:
    study.run(simulate, PARAMS, on_error="record")
    return study


# -- dir -------------------------------------------------------------------------------------


def test_the_directory_of_one_pset(full: Study) -> None:
    found = full.dir(T=0.3, N=16)
    assert found.is_absolute()
    assert json.loads((found / "out.json").read_text()) == {"T": 0.3, "N": 16}
    assert full.dir(_pset_seq=0) == full.dir(T=0.1, N=8) == full.pset(0).directory


def test_none_or_several_are_said(full: Study) -> None:
    with pytest.raises(OptionError, match=r"no row has T=0.4: T is 0.1, 0.2, 0.3$"):
        full.dir(T=0.4)
    with pytest.raises(OptionError, match=r"2 rows have T=0.3: give N, energy, too, or latest=Tr"):
        full.dir(T=0.3)
    with pytest.raises(OptionError, match=r"6 rows have no condition: give T, N"):
        full.dir()
    with pytest.raises(OptionError, match="no column 'S'"):
        full.dir(S=1)


def test_of_equal_psets_the_newest_is_asked_for(full: Study) -> None:
    full.run(simulate, PARAMS[:1])
    with pytest.raises(OptionError, match=r"2 rows .*_run_seq.* or latest=True"):
        full.dir(T=0.1, N=8)
    assert full.dir(T=0.1, N=8, latest=True) == full.pset(-1).directory
    assert full.dir(T=0.1, N=8, _run_seq=0) == full.pset(0).directory


def test_a_pset_without_files_is_said(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    with pytest.raises(StudyError, match="a=1 has no directory: it wrote no files"):
        study.dir(a=1)


def test_an_empty_study_is_said(study: Study) -> None:
    with pytest.raises(OptionError, match="no row has anything"):
        study.dir()


def test_directories_are_where_the_run_put_them(tmp_path: Path) -> None:
    run_local(simulate, PARAMS[:1], calc_dir="files", database_dir="tables")
    study = Study("tables")
    assert study.dir(T=0.1) == tmp_path / "files" / study.pset(0).pset_id


def test_what_stands_in_the_table_makes_no_path(full: Study) -> None:
    table = pd.read_pickle("calc/database.pk")
    table["_pset_id"] = ["../..", "/etc", None, 3, *table["_pset_id"].iloc[4:]]
    table.to_pickle("calc/database.pk")
    study = Study("calc")
    with pytest.raises(StudyError, match="has no directory"):
        study.dir(_pset_id="../..")
    read = study.map(lambda path: str(path), None)
    assert all(value is pd.NA or Path(value).parent == study.calc_path for value in read["result"])


# -- map -------------------------------------------------------------------------------------


def test_a_table_aligned_with_the_rows(full: Study) -> None:
    read = full.map(read_sum)
    table = full.table()
    assert read.index.equals(table.index)
    assert list(read.columns) == ["T", "N", "sum", "name"]
    assert read[["T", "N"]].equals(table[["T", "N"]])
    failed = (table["state"] == "failed").to_numpy()
    assert read["sum"].isna().tolist() == failed.tolist()
    expected = [T * N * (N - 1) / 2 for T, N in table[["T", "N"]].to_numpy()[~failed]]
    assert np.allclose(read["sum"][~failed].to_numpy(float), expected)
    assert read["name"][~failed].tolist() == full.df["_pset_id"][~failed].tolist()


def test_only_rows_with_these_values(full: Study) -> None:
    read = full.map(lambda path: len(np.load(path / "path.npy")), where=dict(T=0.3))
    assert read[["T", "N", "result"]].values.tolist() == [[0.3, 8, 8], [0.3, 16, 16]]
    assert read["result"].dtype == "int64"
    assert not len(full.map(read_sum, where=dict(T=7.0)))
    with pytest.raises(OptionError, match="no column 'S'"):
        full.map(read_sum, where=dict(S=1))


def test_of_equal_psets_the_newest(full: Study) -> None:
    full.run(simulate, PARAMS[:2])
    assert len(full.map(read_sum)) == 8
    read = full.map(read_sum, latest=True)
    assert len(read) == 6
    assert read["name"].iloc[-1] == full.pset(-1).pset_id


def test_several_at_a_time_or_one_in_this_thread(full: Study) -> None:
    together = threading.Barrier(3, timeout=20)
    threads = set()

    def wait(path: Path) -> dict[str, Any]:
        together.wait()  # passes only if three are here at once
        return {}

    full.map(wait, where=dict(N=8), workers=3)

    def note(path: Path) -> None:
        threads.add(threading.current_thread())

    full.map(note, workers=1)
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("workers", [1, 4])
def test_what_a_reader_raises_says_where(full: Study, workers: int) -> None:
    def read(path: Path) -> Any:
        if path == full.dir(T=0.3, N=8):
            raise KeyError("no such thing")
        return 1

    with pytest.raises(KeyError, match="no such thing") as caught:
        full.map(read, workers=workers)
    assert caught.value.__notes__ == [f"when reading {full.dir(T=0.3, N=8)}"]


@pytest.mark.parametrize("times", [1, 4, 5])
def test_what_python_confuses_between_threads_is_read_again(full: Study, times: int) -> None:
    calls: Counter[Path] = Counter()

    def read(path: Path) -> int:
        calls[path] += 1
        if calls[path] <= times:
            raise SystemError("AST constructor recursion depth mismatch (before=36, after=35)")
        return 7

    if times < 5:
        assert (full.map(read)["result"].dropna() == 7).all()
    else:  # then it is no accident
        with pytest.raises(SystemError, match="mismatch"):
            full.map(read)


def test_another_system_error_is_not_tried_again(full: Study) -> None:
    calls: list[Path] = []

    def read(path: Path) -> None:
        calls.append(path)
        raise SystemError("error return without exception set")

    with pytest.raises(SystemError, match="without exception"):
        full.map(read, workers=1)
    assert len(calls) == 1


def test_after_an_error_nothing_more_begins(study: Study) -> None:
    study.run(simulate, grid(T=[0.1], N=list(range(1, 200))))
    called = []

    def read(path: Path) -> None:
        called.append(path)
        raise ValueError("the first one")

    with pytest.raises(ValueError, match="the first one"):
        study.map(read, workers=2)
    assert len(called) < 150


def test_there_is_a_progress_bar(full: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    import contextlib
    from collections.abc import Iterator

    seen = []

    @contextlib.contextmanager
    def bar(total: int) -> Iterator[Any]:
        seen.append(total)
        yield seen.append

    monkeypatch.setattr("psweep_nb.artifacts.progress_bar", bar)
    for workers in (1, 3):
        seen.clear()
        full.map(read_sum, workers=workers)
        assert seen == [5, 1, 1, 1, 1, 1]
    assert progress.progress_bar is not bar


def test_wrong_use_is_said(full: Study) -> None:
    with pytest.raises(OptionError, match="reader is "):
        full.map("np.load")  # type: ignore[arg-type]
    for workers in (0, True, 1.5):
        with pytest.raises(OptionError, match="workers is"):
            full.map(read_sum, workers=workers)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="'T', which parameters are called"):
        full.map(lambda path: {"T": 1})
    with pytest.raises(OptionError, match="the key 3"):
        full.map(lambda path: {3: 1})
    with pytest.raises(OptionError, match="where is 'T > 1'; it should be a dict"):
        full.map(read_sum, where="T > 1")  # type: ignore[arg-type]


def test_psets_without_directories_are_said(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    with pytest.raises(StudyError, match="none of the 1 psets has a directory"):
        study.map(read_sum)


def test_tables_of_psweeps_are_read_too(psweep_study: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(psweep_study, tmp_path / "copied"))
    study = Study(copy, trust=True)
    pset_id = study.df["_pset_id"].iloc[0]
    (copy / pset_id).mkdir(exist_ok=True)
    (copy / pset_id / "x").write_text("1")
    read = study.map(lambda path: (path / "x").read_text())
    assert read["result"].iloc[0] == "1"
