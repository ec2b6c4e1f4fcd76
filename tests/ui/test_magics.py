"""The magics in a shell: what they call, print and bind. The study is a stand-in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from psweep_nb import Study
from psweep_nb.errors import FunctionError
from tests.ui.conftest import Notebook, usage_error
from tests.ui.fakes import FakePlan, FakeRun, FakeStudy

DEFINE = "def f(a, b=0):\n    return a\nparams = [{'a': 1}, {'a': 2}]"


@pytest.fixture
def nb(notebook: Notebook) -> Notebook:
    notebook.run(DEFINE)
    return notebook


def study_of(notebook: Notebook, path: str = "calc") -> FakeStudy:
    return notebook.studies[path]


def test_run_prints_one_line_binds_and_returns(nb: Notebook) -> None:
    out = nb.run("%psweep run f params -w 2 --label 'my label' --timeout 3 --on-error stop")
    assert out.splitlines()[0] == "run 0: 2 psets, 1 worker, calc/"
    (asked,) = study_of(nb).submitted
    assert asked.pop("notes")
    assert asked == {
        "func": nb["f"],
        "params": nb["params"],
        "workers": 2,
        "skip": "done+failed",
        "stale": False,
        "on_error": "stop",
        "timeout": 3.0,
        "label": "my label",
        "in_kernel": False,
        "backup": False,
        "git": False,
    }
    assert nb["study"] is study_of(nb)
    assert nb["run"] is study_of(nb).runs[0]
    assert nb["run"].calls == []


def test_how_psets_are_executed(nb: Notebook) -> None:
    nb.run("devices = [{'D': '0'}, {'D': '1'}]\ndef load():\n    return 1")
    nb.run(
        "%psweep run f params --setup load --retries 1+1 --order shuffle --fresh"
        " --slots devices --capture-logs db+file"
    )
    (asked,) = study_of(nb).submitted
    expected = {
        "setup": nb["load"],
        "retries": 2,
        "order": "shuffle",
        "fresh": True,
        "slots": [{"D": "0"}, {"D": "1"}],
        "capture_logs": "db+file",
    }
    assert {name: asked[name] for name in expected} == expected
    assert "shuffle, repeats-last" in usage_error(nb, "%psweep run f params --order random")
    assert "did you mean load" in usage_error(nb, "%psweep run f params --setup laod")


def test_what_is_kept_before_a_run(nb: Notebook) -> None:
    nb.run("%psweep run f params --git\n%psweep run f params --backup")
    kept = [(asked["backup"], asked["git"]) for asked in study_of(nb).submitted]
    assert kept == [(False, True), (True, False)]


def test_a_cell_has_what_setup_made(nb: Notebook) -> None:
    nb.run("setup = lambda: 5")
    nb.run("%%psweep run a=[1, 2] --setup setup\nx = setup * a")
    (asked,) = study_of(nb).submitted
    assert asked["func"](a=2, setup=7) == {"x": 14}


def test_axes_in_place(nb: Notebook) -> None:
    nb.run("from numpy import linspace")
    nb.run("%psweep run f a=[1, 2] b=linspace(0, 1, 2)  # four psets")
    assert study_of(nb).submitted[0]["params"] == [
        {"a": 1, "b": 0.0},
        {"a": 1, "b": 1.0},
        {"a": 2, "b": 0.0},
        {"a": 2, "b": 1.0},
    ]


def test_what_holds_psets_is_as_good_as_a_list_of_them(nb: Notebook) -> None:
    nb.run("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ndf.to_csv('p.csv')")
    nb.run("%psweep run f df")
    nb.run("%psweep run f 'p.csv'")
    nb.run("%%psweep run df[df.a>1]\nx = a")
    asked = [submitted["params"] for submitted in study_of(nb).submitted]
    assert asked == [[{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}], [{"a": 2}]]
    assert "no file 'missing.csv'" in usage_error(nb, "%psweep run f 'missing.csv'")
    for word in ("missing.csv", "/tmp/p-1.csv", "params.csv"):
        said = f"PARAMS: the path of a file is a text: '{word}'"
        assert usage_error(nb, f"%psweep run f {word}") == said
    wrong = "%psweep run f ps.where(params,(lambda\ta:a>1))"
    nb.run("import psweep_nb as ps")
    assert usage_error(nb, wrong).startswith("PARAMS: where: the function cannot be computed")


def test_what_the_kernel_alone_cannot_do_is_said_first(nb: Notebook) -> None:
    said = usage_error(nb, "%psweep run f params --in-kernel -w 2")
    assert "one pset at a time, not 2: leave out --in-kernel, or -w" in said
    assert nb.studies == {}


def test_again_in_kernel_and_another_name(nb: Notebook) -> None:
    nb.run("%psweep run f params --again --in-kernel -o first -d other")
    (asked,) = study_of(nb, "other").submitted
    assert asked["skip"] is None
    assert asked["in_kernel"] is True
    assert nb["first"] is study_of(nb, "other").runs[0]
    assert "run" not in nb.shell.user_ns


def test_the_shell_expands_nothing(nb: Notebook) -> None:
    nb.run("x = 'oops'")
    nb.run("%psweep run f [{'a':x}] --label {x}")
    assert study_of(nb).submitted[0]["params"] == [{"a": "oops"}]
    assert study_of(nb).submitted[0]["label"] == "{'oops'}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "which function?"),
        ("f", "which parameters?"),
        ("nothing params", "FUNC: name 'nothing' is not defined"),
        ("params f", "FUNC: params is a list, not a function"),
        ("a=[1] f", "the function comes first"),
        ("f parms", "did you mean params?"),
        ("f params a=[1]", "either PARAMS or axes, not both"),
        ("f params b", "one expression expected for PARAMS, found 2"),
        ("f a = [1]", "no spaces around its ="),
        ("f a= [1]", "the axis a has no values"),
        ("f a=[1] a=[2]", "the axis a is given twice"),
        ("f {'a':1}", "params is one dict"),
        ("f 7", "params is 7 (int), not a list of psets"),
        ("f [1]", "pset 0"),
        ("f params -w 0", "whole number above 0"),
        ("f params --stael", "did you mean --stale?"),
    ],
)
def test_wrong_use_says_what_would_be_right(nb: Notebook, line: str, said: str) -> None:
    assert said in usage_error(nb, f"%psweep run {line}")
    assert not any(study.submitted for study in nb.studies.values())


def test_an_unknown_subcommand(nb: Notebook) -> None:
    assert "did you mean status?" in usage_error(nb, "%psweep statsu")
    assert "takes no cell" in usage_error(nb, "%%psweep stop\nx = 1")


def test_help_everywhere(nb: Notebook) -> None:
    assert "attach" in nb.run("%psweep -h")
    assert "attach" in nb.run("%psweep")
    for name in ("run", "stop", "use"):
        assert f"usage: %psweep {name}" in nb.run(f"%psweep {name} -h")
    assert "--results" in nb.run("%%psweep run -h\nx = 1")
    for name in ("watch", "params"):
        assert f"usage: %%psweep {name}" in nb.run(f"%psweep {name} -h"), "its help, with one %"
    assert "usage: %psweep plan" in nb.run("%%psweep plan -h\nx = 1")
    assert "%%psweep run PARAMS -r E,loss" in nb.run("%psweep help")


def test_errors_for_people_are_shown_without_a_traceback(
    nb: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise FunctionError("pset 1 has no 'c'")

    monkeypatch.setattr(FakeStudy, "submit", refuse)
    assert usage_error(nb, "%psweep run f params") == "pset 1 has no 'c'"


def test_warnings_and_notes_are_lines_of_the_cell(
    nb: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = FakeStudy.submit

    def loud(self: FakeStudy, *args: Any, notes: Any, **options: Any) -> FakeRun:
        warnings.warn("x has no hash", UserWarning, stacklevel=2)
        notes("f gets its parameters by name")
        return submit(self, *args, **options)

    monkeypatch.setattr(FakeStudy, "submit", loud)
    out = nb.run("%psweep run f params")
    assert "f gets its parameters by name\n" in out
    assert "note: x has no hash\n" in out
    assert ".py" not in out


# -- skipping -----------------------------------------------------------------------------------


def test_what_is_known_is_said_in_one_line(nb: Notebook) -> None:
    nb.run("%psweep use calc")
    known = "12 new, 85 done, 3 failed (`%psweep retry 0`)"
    study_of(nb).next_plan = FakePlan(12, known, range(12), remarks=("changed since run 0: `f`",))
    out = nb.run("%psweep run f params")
    assert out.splitlines()[:3] == [
        known,
        "changed since run 0: `f`",
        "run 0: 2 psets, 1 worker, calc/",
    ]


def test_with_nothing_new_the_latest_run_is_shown(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    old = study_of(nb).runs[0]
    old.set(state="finished", done=2, pending=0)
    study_of(nb).next_plan = FakePlan(0, "0 new, 2 done", latest=old)
    out = nb.run("%psweep run f params -o again")
    assert out.startswith("0 new, 2 done\nrun 0: finished; 2 of 2 done")
    assert nb["again"] is old
    assert len(study_of(nb).submitted) == 1


def test_psets_of_a_foreign_table_have_no_run_to_show(nb: Notebook) -> None:
    nb.run("%psweep use calc")
    study_of(nb).next_plan = FakePlan(0, "0 new, 2 done")
    assert nb.run("%psweep run f params") == "0 new, 2 done\n"
    assert "run" not in nb.shell.user_ns


def test_psets_at_work_are_attached_to(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    same = study_of(nb).runs[0]
    study_of(nb).next_plan = FakePlan(0, running_same=same)
    out = nb.run("%psweep run f params -o same --stale")
    assert "at work on these psets already, attached\n" in out
    assert "heeded" not in out
    out = nb.run("%psweep run f params -w 2 --timeout 9")
    assert "it does them with" not in out
    nb.run("def g(a):\n    return a")
    assert "it does them with `f`: --again starts" in nb.run("%psweep run g params")
    out = nb.run("%psweep run f params -w 2 --timeout 9")
    assert "\nit keeps its own options: --workers, --timeout not heeded\n" in out
    assert len(study_of(nb).submitted) == 1


def test_what_other_code_did_runs_again_when_asked(nb: Notebook) -> None:
    nb.run("%psweep use calc")
    study_of(nb).next_plan = FakePlan(0, "0 new, 2 done (2 with other code: run again)", [0, 1])
    assert "2 with other code: run again" in nb.run("%psweep run f params --stale")
    (asked,) = study_of(nb).submitted
    assert (asked["skip"], asked["stale"]) == ("done+failed", True)
    assert "--again runs all" in usage_error(nb, "%psweep run f params --again --stale")


def test_plan_takes_what_run_takes_and_runs_nothing(nb: Notebook) -> None:
    nb.run("def load():\n    return 1")
    assert nb.run("%psweep plan f params -w 2 --setup load --stale --label x") == "the plan: \n"
    nb.run("%psweep plan f a=[1] --again --slots [{'D':'0'},{'D':'1'},{'D':'2'}] -d other")
    assert study_of(nb).planned == [
        {"skip": "done+failed", "stale": True, "workers": 2, "setup": nb["load"]}
    ]
    assert study_of(nb, "other").planned == [
        {"skip": None, "stale": False, "workers": 3, "setup": None}
    ]
    assert study_of(nb).submitted == study_of(nb, "other").submitted == []
    assert "which function? %psweep plan FUNC PARAMS" in usage_error(nb, "%psweep plan")
    assert "takes no cell" in usage_error(nb, "%%psweep plan params\nx = a")


# -- names --------------------------------------------------------------------------------------


def test_names_of_the_user_stay_and_it_is_said_once(nb: Notebook) -> None:
    nb.run("run = 'mine'")
    out = nb.run("%psweep run f params")
    assert "`run` is a name of yours and stays as it is" in out
    assert "`run`" not in nb.run("%psweep run f params --again")
    assert nb["run"] == "mine"
    assert nb["study"] is study_of(nb)


def test_names_we_bound_are_bound_anew(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    out = nb.run("%psweep run f params --again -d other")
    assert "a name of yours" not in out
    assert nb["run"] is study_of(nb, "other").runs[0]
    assert nb["study"] is study_of(nb, "other")
    nb.run("run = None\n%psweep run f params --again")
    assert nb["run"] is None


# -- runs and studies ---------------------------------------------------------------------------


def three_runs(nb: Notebook) -> list[FakeRun]:
    for label in ("", "second", "second"):
        nb.run(f"%psweep run f params --again --label '{label}'")
    return study_of(nb).runs


@pytest.mark.parametrize(
    ("word", "which"), [("", 2), ("-1", 2), ("0", 0), ("1", 1), ("second", 2), ("mine", 0)]
)
def test_runs_are_addressed_by_number_label_or_variable(
    nb: Notebook, word: str, which: int
) -> None:
    runs = three_runs(nb)
    nb.shell.user_ns["mine"] = runs[0]
    nb.run(f"%psweep pause {word}")
    assert [run.calls for run in runs] == [["pause"] if i == which else [] for i in range(3)]


def test_a_run_that_is_not_there(nb: Notebook) -> None:
    assert "there is no study calc/" in usage_error(nb, "%psweep status")
    three_runs(nb)
    assert "did you mean second?" in usage_error(nb, "%psweep stop secnd")
    assert "it has runs 0 to 2" in usage_error(nb, "%psweep stop 7")
    assert "nothing expected after 1, found 2" in usage_error(nb, "%psweep stop 1 2")


def test_a_study_that_is_not_there(nb: Notebook, tmp_path: Any) -> None:
    (tmp_path / "heat" / ".psweep").mkdir(parents=True)
    assert "did you mean heat?" in usage_error(nb, "%psweep status -d haet")


def test_commands_reach_the_run(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    run = nb["run"]
    assert "running psets finish first" in nb.run("%psweep stop")
    nb.run("%psweep stop --now")
    nb.run("%psweep resume -w 3")
    assert run.calls == [("stop", False), ("stop", True), ("resume", 3)]


def test_retry_says_when_the_function_changed(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    assert "nothing failed" in nb.run("%psweep retry")
    nb["run"].set(failed=2, state="finished")
    out = nb.run("%psweep retry --match 'out of memory'")
    assert "running what failed with out of memory again" in out
    nb["run"].set(failed=2)
    out = nb.run("%psweep retry")
    assert "has changed since run" in out
    assert "running 2 psets again" in out


def test_opening_a_study_announces_its_active_runs_once(nb: Notebook) -> None:
    study = nb.studies["old"] = FakeStudy("old")
    study.runs.append(FakeRun(study, 5, total=300))
    study.runs[0].set(done=85)
    out = nb.run("%psweep use old")
    assert "run 5 in old/ is running (85 of 300 psets): %psweep attach 5" in out
    assert "attach" not in nb.run("%psweep use old")
    assert nb["study"] is study
    nb.run("%psweep attach 5")
    assert nb["run"] is study.runs[0]


def test_a_directory_that_came_to_nothing_is_not_the_one_used_last(
    nb: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*args: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device", "full/calc")

    nb.run("%psweep run f params")
    monkeypatch.setattr(FakeStudy, "submit", no_room)
    said = usage_error(nb, "%psweep run f params -d full/calc")
    assert said == "full/calc: No space left on device"
    nb.run("%psweep plan f params -d typo")
    nb.run("%psweep pause")
    assert study_of(nb).runs[0].calls == ["pause"]
    for word in ("''", "(3)"):
        assert "a directory is expected" in usage_error(nb, f"%psweep plan f params -d {word}")
    nb.run("%psweep use new")
    assert "new/ has no runs yet" in usage_error(nb, "%psweep status")


def test_the_study_used_last_is_the_one_meant(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    nb.run("%psweep run f params -d other")
    nb.run("%psweep pause")
    assert study_of(nb, "other").runs[0].calls == ["pause"]
    nb.run("%psweep pause -d calc")
    nb.run("%psweep stop")
    assert study_of(nb).runs[0].calls == ["pause", ("stop", False)]


def test_runs_are_a_table(nb: Notebook) -> None:
    three_runs(nb)
    lines = nb.run("%psweep runs").splitlines()
    assert lines[1].split() == ["run", "label", "function", "state", "done", "failed", "total",
                                "started"]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["0", "1", "2"]


def test_status_is_text(nb: Notebook) -> None:
    nb.run("%psweep run f params --label trial")
    run = nb["run"]
    run.failed(0, {"a": 1}, "ValueError: no")
    lines = nb.run("%psweep status").splitlines()
    assert lines[0] == "run 0 trial: running; 0 of 2 done, 1 failed, 1 pending"
    assert "time left unknown" in lines[1]
    assert lines[2] == "  pset 0 failed: ValueError: no"


# -- waiting ------------------------------------------------------------------------------------


def test_wait_returns_when_the_run_has_ended(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    nb["run"].on_wait = lambda: nb["run"].set(state="finished", done=2, pending=0)
    assert "finished; 2 of 2 done" in nb.run("%psweep wait")


def test_an_interrupt_ends_the_waiting_only(nb: Notebook) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    nb.run("%psweep run f params")
    nb["run"].on_wait = interrupt
    assert "stopped waiting; run 0 goes on" in nb.run("%psweep wait")
    assert [call for call in nb["run"].calls if call != ("wait", None)] == []


def test_waiting_has_a_timeout(nb: Notebook) -> None:
    nb.run("%psweep run f params")
    assert "run 0 goes on; waited 500 ms" in nb.run("%psweep wait --timeout 0.5")


@pytest.mark.parametrize(("how", "waits"), [("", False), ("--wait", True), ("env", True)])
def test_a_run_may_wait(
    nb: Notebook, monkeypatch: pytest.MonkeyPatch, how: str, waits: bool
) -> None:
    if how == "env":
        monkeypatch.setenv("PSWEEP_WAIT", "1")
        how = ""
    nb.run(f"%psweep run f params {how}")
    assert (("wait", None) in nb["run"].calls) is waits


# -- cells --------------------------------------------------------------------------------------


def test_a_cell_is_the_workload(nb: Notebook) -> None:
    nb.run("offset = 10")
    nb.run("%%psweep run params -r E,loss --label x\nE = a + offset\nloss = 0\n")
    (asked,) = study_of(nb).submitted
    assert asked["func"](a=1) == {"E": 11, "loss": 0}
    assert asked["label"] == "x"
    assert nb[asked["func"].__name__] is asked["func"]


def test_a_cell_with_axes(nb: Notebook) -> None:
    nb.run("%%psweep run a=[1, 2] b=[3]\nE = a + b\n")
    (asked,) = study_of(nb).submitted
    assert [asked["func"](**pset) for pset in asked["params"]] == [{"E": 4}, {"E": 5}]


def test_a_cell_that_cannot_be_a_workload(nb: Notebook) -> None:
    assert "-r E: the cell never assigns it" in usage_error(nb, "%%psweep run params -r E\nF = a")
    assert "which parameters?" in usage_error(nb, "%%psweep run -r E\nE = 1")


def test_a_comma_between_axes_is_pointed_out(nb: Notebook) -> None:
    nb.run("def f(a, b): return a")
    with pytest.raises(UsageError, match="no commas between axes: the one after a="):
        nb.run("%psweep run f a=[1, 2], b=[1]")


def test_all_studies_under_a_directory(nb: Notebook) -> None:
    Study("one/calc").run(lambda a: a, [{"a": 1}], label="<first>")
    for spelled in ("one", "'one'", "."):
        out = nb.run(f"%psweep runs -a {spelled}")
        assert "calc" in out
        assert "<first>" in out
    assert "no directory nowhere" in usage_error(nb, "%psweep runs -a nowhere")
    Path("none").mkdir()
    assert nb.run("%psweep runs -a none") == "no studies under none/\n"
