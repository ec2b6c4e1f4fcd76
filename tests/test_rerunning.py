"""A run once more, and what differs then; records that are damaged, runs that are not there."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import FunctionError, JournalError, Run, Study, StudyError, TrustError, provenance
from psweep_nb.rundiff import same
from psweep_nb.runlist import MOST, Runs
from tests import workloads

PARAMS = [{"a": a} for a in range(4)]


def rerun(study: Study, *which: Any, **options: Any) -> Run:
    run = study.rerun(*which, **options)
    assert run.wait(60).state == "finished"
    provenance.settle()
    return run


def here(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function of that source, as if a cell had defined it."""
    space: dict[str, Any] = {"__name__": "__main__", "np": np}
    exec(source, space)
    monkeypatch.setattr(sys.modules["__main__"], name, space[name], raising=False)
    return space[name]


# -- rerun -----------------------------------------------------------------------------------


def test_a_rerun_has_the_very_psets_and_options(study: Study) -> None:
    params = [{"a": 1, "x": (1, 2)}, {"a": 2.0, "x": None}, {"a": 1, "x": (1, 2)}]
    run = study.submit(
        lambda pset: {"kind": type(pset["x"]).__name__},
        params,
        workers=2,
        timeout=50.0,
        retries=1,
        order="repeats-last",
        label="first",
    )
    run.wait(60)
    again = rerun(study)
    assert again.run_seq == 1
    assert again.params() == params
    assert type(again.params()[1]["a"]) is float
    assert again.df["kind"].tolist() == ["tuple", "NoneType", "tuple"]
    assert again.info["rerun_of"] == run.run_id
    for name in ("workers", "timeout", "retries", "order", "function", "code", "source"):
        assert getattr(again.spec, name) == getattr(run.spec, name)
    assert again.label == ""  # the label goes on to name the first
    assert study.run_of("first").run_seq == 0
    assert len(study.df) == 6


def test_a_rerun_takes_the_stored_function_or_the_present_one(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run(here("f", "def f(a):\n    return {'b': 2 * a}", monkeypatch), PARAMS)
    here("f", "def f(a):\n    return {'b': 3 * a}", monkeypatch)
    assert rerun(study, 0).df["b"].tolist() == [0, 2, 4, 6]
    said: list[str] = []
    again = rerun(study, 0, recorded=False, notes=said.append)
    assert again.df["b"].tolist() == [0, 3, 6, 9]
    assert said == ["f has changed since run 0"]
    given = rerun(study, study.runs[0], lambda a: {"b": -a}, label="given")
    assert given.df["b"].tolist() == [0, -1, -2, -3]
    assert study.run_of("given").run_id == given.run_id


def test_a_rerun_in_a_pool(study: Study) -> None:
    study.run(lambda a: {"b": 2 * a}, [{"a": 1}, {"a": 2}])
    with ThreadPoolExecutor(2) as pool:
        again = study.rerun(0, executor=pool)
        assert again.wait(60).done == 2
    assert again.spec.mode == "thread"
    assert again.df["b"].tolist() == [2, 4]


def test_runs_are_addressed_by_id(study: Study) -> None:
    study.run(workloads.double, PARAMS)
    run_id = study.runs[0].run_id
    assert study.run_of(run_id) is study.run_of(run_id[:8]) is study.runs[0]
    assert rerun(study, run_id).run_seq == 1


@pytest.mark.parametrize("key", [7, -2, "7f0c1d3e-0000-4000-8000-000000000000", "first", ""])
def test_an_unknown_run_is_said(study: Study, key: Any) -> None:
    study.run(workloads.double, PARAMS)
    for ask in (study.rerun, study.runs[0].diff):
        with pytest.raises(StudyError, match=r"calc/ has no run .*; it has 0$"):
            ask(key)
    assert len(study.runs) == 1


def test_a_missing_module_is_named(
    study: Study, own_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("passing.py").write_text("def f(a):\n    return {'b': a}\n")
    with monkeypatch.context() as context:
        context.syspath_prepend(str(own_directory))
        from passing import f  # type: ignore[import-not-found]

        study.run(f, PARAMS)
    del sys.modules["passing"]
    # It lies where the run was started, so it is found there.
    assert rerun(study).df["b"].tolist() == [0, 1, 2, 3]
    del sys.modules["passing"]
    Path("passing.py").unlink()
    with pytest.raises(FunctionError, match="run 0 needs the module 'passing', which"):
        study.rerun(0)
    assert len(study.runs) == 2
    assert rerun(study, 0, lambda a: {"b": -a}).df["b"].tolist() == [0, -1, -2, -3]


def test_a_function_that_another_python_pickled(study: Study) -> None:
    study.run(lambda a: {"b": a}, PARAMS)
    study.run(workloads.double, PARAMS)  # of a module: only its name was pickled
    for run in study.runs:
        path = run.folder.sessions()[0].path / "session.json"
        spec = json.loads(path.read_text())
        path.write_text(json.dumps({**spec, "python": "3.9"}))
    with pytest.raises(FunctionError, match=r"pickled by Python 3\.9, and only .*retry\(func\)"):
        study.rerun(0)
    assert len(study.runs) == 2
    assert rerun(study, 1).status().done == len(PARAMS)


def test_a_function_that_was_never_stored(study: Study) -> None:
    lock = Path("x").open("w")  # noqa: SIM115 - it is what cannot be stored
    study.run(lambda a: {"b": lock.closed}, PARAMS)
    lock.close()
    with pytest.raises(FunctionError, match="could not be stored"):
        study.rerun()
    assert len(study.runs) == 1


def test_a_study_that_is_not_trusted_reruns_nothing(study: Study, tmp_path: Path) -> None:
    import shutil

    study.run(workloads.double, PARAMS)
    provenance.settle()
    copy = Study(shutil.copytree("calc", "copied"))
    with pytest.raises(TrustError, match="trust=True"):
        copy.rerun()
    assert len(copy.runs) == 1


# -- damaged records -------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\0", b'{"schema": 1, "run_seq": "x"}'])
def test_a_damaged_run_leaves_the_others_alone(study: Study, content: bytes) -> None:
    study.run(workloads.double, PARAMS)
    study.run(workloads.double, PARAMS)
    provenance.settle()
    damaged = study.runs[0].folder
    (damaged.path / "run.json").write_bytes(content)
    fresh = Study("calc")
    with pytest.warns(UserWarning, match=r"run .* is left out: .*run.json is damaged"):
        runs = fresh.runs
    assert [run.run_seq for run in runs] == [1]
    assert rerun(fresh, -1).df["twice"].tolist() == [0, 2, 4, 6]
    with pytest.raises(JournalError, match=r"run.json is damaged"):
        fresh.rerun(damaged.run_id)
    assert len(fresh.df) == 12


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\0", b"[1]"])
def test_a_damaged_session_is_said_and_harms_nothing(study: Study, content: bytes) -> None:
    study.run(workloads.double, PARAMS)
    study.run(workloads.double, PARAMS)
    provenance.settle()
    run_id = study.runs[0].run_id
    (study.runs[0].folder.path / "000" / "session.json").write_bytes(content)
    fresh = Study("calc")
    damaged = fresh.run_of(0)
    for act in (
        lambda: fresh.rerun(run_id),
        lambda: damaged.provenance,
        lambda: damaged.diff(1),
        lambda: fresh.run_of(1).diff(0),
    ):
        with pytest.raises(JournalError, match=r"session.json is damaged"):
            act()
    assert damaged.df["twice"].tolist() == [0, 2, 4, 6]
    assert "damaged" in repr(fresh.runs)
    assert repr(damaged)
    assert rerun(fresh, 1).df["twice"].tolist() == [0, 2, 4, 6]


def test_a_damaged_list_of_psets_is_said(study: Study) -> None:
    study.run(workloads.double, PARAMS)
    provenance.settle()
    path = study.runs[0].folder.path / "psets"
    path.write_bytes(path.read_bytes()[:-3])
    fresh = Study("calc")
    with pytest.raises(JournalError, match=r"psets is damaged"):
        fresh.rerun()
    assert len(fresh.runs) == 1


# -- the list of runs ------------------------------------------------------------------------


def test_runs_are_a_list_that_shows_a_table(study: Study) -> None:
    assert study.runs == []
    assert repr(study.runs) == "no runs yet"
    study.run(workloads.fail_on_odd, PARAMS, on_error="record", label="<b>bold</b>")
    study.run(workloads.double, PARAMS)
    runs = study.runs
    assert isinstance(runs, list)
    assert [run.run_seq for run in runs] == [0, 1]
    assert runs[-1] is study.run_of(-1)
    head, first, second = repr(runs).splitlines()
    assert head.split() == ["run", "label", "function", "state", "done", "failed", "total",
                            "started"]  # fmt: skip
    assert first.split()[:7] == ["0", "<b>bold</b>", "fail_on_odd", "finished", "2", "2", "4"]
    assert second.split()[:6] == ["1", "double", "finished", "4", "0", "4"]
    html = runs._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>" not in html


def test_of_many_runs_the_newest_are_shown(study: Study) -> None:
    study.run(workloads.double, PARAMS)
    runs = Runs(study.runs * (MOST + 3))
    assert len(repr(runs).splitlines()) == MOST + 2
    assert repr(runs).endswith("and 3 older ones")
    assert "and 3 older ones" in runs._repr_html_()


# -- diff ------------------------------------------------------------------------------------


def test_a_rerun_of_what_is_deterministic_does_not_differ(study: Study) -> None:
    study.run(workloads.fail_on_odd, PARAMS, on_error="record", workers=1)
    rerun(study)
    diff = study.run_of(0).diff(-1)
    assert not diff.results.size
    assert (diff.code, diff.versions, diff.psets, diff.other_psets) == ("", {}, [], [])
    assert diff.options == {"mode": ("inline", "process")}
    assert str(diff).splitlines() == [
        "run 0 and run 1",
        "code: the same",
        "versions: the same",
        "options: mode inline -> process",
        "psets: 4 in both",
        "results: the same",
    ]


def test_code_psets_and_results_that_differ(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f(a, b=0):\n    return {{'c': {} * a, 'same': a, 'text': 'x'}}"
    study.run(here("f", source.format(1), monkeypatch), [{"a": 1}, {"a": 2}, {"a": 3}])
    study.run(here("f", source.format("(2 if a > 1 else 1)"), monkeypatch),
              [{"a": 4}, {"a": 3}, {"a": 2}, {"a": 1}])  # fmt: skip
    provenance.settle()
    diff = study.run_of(0).diff(study.run_of(1))
    assert diff
    assert diff.psets == []
    assert diff.other_psets == [{"a": 4}]
    assert diff.common == 3
    assert diff.results.to_dict("list") == {"a": [2, 3], "c": [2, 3], "c_other": [4, 6]}
    assert diff.results["c"].dtype == "int64"
    lines = str(diff).splitlines()
    assert "psets: 3 in both, 1 only in run 1" in lines
    assert "results: 2 of 3 differ in c (2, by at most 3)" in lines
    assert diff._repr_html_().startswith("<pre>")
    back = study.run_of(1).diff(0)
    assert (back.psets, back.other_psets) == ([{"a": 4}], [])


def test_the_diff_of_code_is_a_unified_one(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    for scale in (2, 3):
        monkeypatch.setitem(globals(), "SCALE", scale)
        study.run(_scaled, PARAMS)
    code = study.run_of(0).diff(1).code
    assert "-2\n+3" in code
    assert "SCALE" in code.splitlines()[0]


SCALE = 1


def _scaled(a: int) -> dict[str, int]:
    return {"b": SCALE * a}


def test_versions_that_differ(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.run(workloads.double, PARAMS)
    provenance.settle()
    monkeypatch.setattr(ps, "__version__", "99.0")
    study.run(workloads.double, PARAMS)
    provenance.settle()
    diff = study.run_of(0).diff(1)
    assert diff.versions == {"psweep_nb": ("0.1.0", "99.0")}
    assert "versions: psweep_nb 0.1.0 -> 99.0" in str(diff)


def test_states_and_repeats_are_compared(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in (1, 1, 2)]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    (tmp_path / "fixed").touch()
    study.run(workloads.fail_until_fixed, params)
    diff = study.run_of(0).diff(1)
    assert diff.common == 3
    assert diff.results["state"].tolist() == ["failed", "failed"]
    assert diff.results["state_other"].tolist() == ["done", "done"]
    assert diff.results["twice"].tolist() == [pd.NA, pd.NA]
    assert diff.results["twice_other"].tolist() == [2, 2]


def test_runs_of_two_studies_are_told_apart() -> None:
    for name in ("one", "two"):
        Study(name).run(workloads.double, PARAMS)
    diff = Study("one").run_of(0).diff(Study("two").run_of(0))
    assert diff.names == ("run 0 of one/", "run 0 of two/")
    assert not len(diff.results)


def test_what_is_the_same() -> None:
    nan = float("nan")
    arrays = np.array([1.0, nan])
    assert same(nan, nan)
    assert same(pd.NA, pd.NA)
    assert same(arrays, arrays.copy())
    assert same([1, "a"], [1, "a"])
    assert same(None, None)
    for a, b in ((nan, 1.0), (pd.NA, None), (None, 0), (arrays, arrays[:1]), ("1", 1), ([1], [2])):
        assert not same(a, b)
        assert not same(b, a)


def test_a_batch_run_is_prepared_again_not_rerun(study: Study) -> None:
    for name, text in (("calc/run.py", "print($a)"), ("machines/m/jobscript", "python run.py")):
        path = Path("templates") / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    Path("templates/machines/m/info.yaml").write_text("subcmd: bash\n")
    run = study.prep_batch(PARAMS)
    provenance.settle()
    assert run.provenance[0].python
    with pytest.raises(StudyError, match=r"batch run: .* prep_batch\(study.run_of\(0\)\)"):
        study.rerun(0)
