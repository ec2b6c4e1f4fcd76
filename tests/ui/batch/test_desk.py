"""The batch widget without a page: what is chosen, what is told of it, what the buttons do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb.errors import OptionError, ParamsError, RemoteError
from psweep_nb.ui.batch import sources
from psweep_nb.ui.batch.code import Call
from psweep_nb.ui.batch.desk import SKIP, Desk, Done
from psweep_nb.ui.batch.shown import state_of, text_of
from psweep_nb.ui.session import Session

PARAMS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def desk_of(names: dict[str, Any] | None = None, params: Any = None, **call: Any) -> Desk:
    names = {"params": PARAMS} if names is None else names
    return Desk(Session(names), params, Call(**{"skip": SKIP, **call}))


def press(desk: Desk, kind: str, about: str = "") -> Done:
    """Press a button, and look again, as the widget does."""
    done = desk.job(kind, about)()
    if done.run is not None:
        desk.bind(done.run)
    desk.look()
    json.dumps(state_of(desk))
    return done


def test_from_nothing_to_rows() -> None:
    desk = desk_of()
    state = state_of(desk)
    assert [starter["code"] for starter in state["starters"]] == [
        'ps.new_templates("local")',
        'ps.new_templates("slurm")',
    ]
    assert (state["problems"], state["sheets"], state["canWrite"]) == ([], [], False)
    said = press(desk, "start", "local").text
    assert said.startswith('ps.new_templates("local"): wrote templates/calc/psweep_job.py, ')

    state = state_of(desk)
    assert state["starters"] == []
    assert (state["write"], state["canWrite"], state["canSubmit"]) == ("Write 2", True, False)
    assert state["plan"] == [
        "2 directories in calc/, in each 4 files: psweep_job.py, run.py, jobscript_local, "
        "pset.json",
        "run_local.sh: 2 lines to submit by hand",
    ]
    assert not Path("calc").exists()
    assert desk.next == "write"
    done = press(desk, "write")
    assert desk.next == "submit"
    assert 'in a cell: run = study.prep_batch(params, skip="done+failed")' in done.text
    assert desk.session.names["run"] is done.run
    state = state_of(desk)
    assert state["run"] == "run 0: prepared, 0 of 2 done"
    assert state["plan"][-1] == "2 of these are prepared in run 0 already; Write makes another run"

    said = press(desk, "submit").text
    assert said == "2 psets submitted to local in 1 job; in a cell: " + (
        'study.submit_batch("local", 0)'
    )
    assert desk.next == "sync"
    assert press(desk, "submit").text.startswith("nothing to submit; 2 submitted already")
    assert done.run is not None and done.run.wait(30).done == 2
    said = press(desk, "sync").text
    assert said == "study.sync(every=5): nothing new"
    state = state_of(desk)
    assert state["run"] == "run 0: finished, 2 of 2 done"
    assert state["plan"] == ["2 done", "nothing would be written"]
    assert not state["canWrite"]
    with pytest.raises(OptionError, match="nothing that could be written"):
        desk.job("write")
    desk.choose({"write": "all"})
    assert state_of(desk)["write"] == "Write 2"


def test_failed_jobs_are_told_and_submitted_again() -> None:
    ps.new_templates("local")
    Path("templates/calc/run.py").write_text("import sys\nsys.exit($a > 1 and not '$go')\n")
    psets = [{"a": 1, "go": ""}, {"a": 2, "go": ""}]
    desk = desk_of({"psets": psets})
    run = press(desk, "write").run
    assert run is not None and not state_of(desk)["canRetry"]
    press(desk, "submit")
    assert (run.wait(30).done, run.wait(30).failed) == (1, 1)
    press(desk, "sync")
    state = state_of(desk)
    assert state["canRetry"] and state["run"] == "run 0: finished, 1 of 2 done, 1 failed"
    assert state["plan"] == ["1 done, 1 failed", "nothing would be written"]
    for script in Path("calc").glob("*/run.py"):
        script.write_text("")
    said = press(desk, "retry").text
    assert said == "1 pset submitted to local in 1 job; 1 done; in a cell: " + (
        'study.submit_batch("local", 0, retry=True)'
    )
    assert run.wait(30).done == 2
    desk.look()
    assert not state_of(desk)["canRetry"]
    assert run.df["_attempt"].tolist() == [1, 2]


def test_the_code_does_the_same() -> None:
    ps.new_templates("local")
    desk = desk_of()
    code = desk.code()
    assert code.splitlines()[0] == "import psweep_nb as ps"
    names: dict[str, Any] = {}
    exec(code.replace("study.sync()", "run.wait(30)"), names)
    assert names["params"] == PARAMS
    assert names["study"].df["number_of_parameters"].tolist() == [2, 2]


def test_code_of_choices_that_are_not_the_usual() -> None:
    ps.new_templates("slurm", "other")
    command = ps.Command("python3 run.py", templates="other/calc", reader=Path.exists)
    names = {"psets": [{"a": n / 7, "b": n**7 % 1000} for n in range(2500)], "program": command}
    desk = desk_of(names, machines="other/machines", command=command, skip=None)
    Path("other/machines/slurm/jobscript").write_text("$_cmd\n")
    desk.look()
    assert desk.code() == (
        "import psweep_nb as ps\n\n"
        "params = psets  # 2\u202f500 psets, to be made before\n"
        "# program: a ps.Command, to be defined before\n"
        'study = ps.Study("calc")\n'
        'run = study.prep_batch(params, command=program, machine_templ_dir="other/machines")\n'
        'study.submit_batch("slurm")\n'
        "study.sync()  # again and again, or run.wait()\n"
    )
    call = Call("a" * 40, "b" * 40, mode="jinja")
    assert call.line() == (
        "run = study.prep_batch(\n"
        "    params,\n"
        f'    calc_templ_dir="{"a" * 40}",\n'
        f'    machine_templ_dir="{"b" * 40}",\n'
        '    template_mode="jinja",\n'
        ")"
    )


def test_what_is_told_of_templates_and_of_a_chosen_pset() -> None:
    ps.new_templates("local")
    Path("templates/calc/in.txt").write_text("a = $a\n$c $c\nid $_pset_id\n")
    Path("templates/calc/big").write_text("x" * 30_000)
    desk = desk_of({"params": [{"a": 1, "c": 5}, {"a": 2}]})
    desk.choose({"file": "in.txt", "number": 1})
    state = state_of(desk)
    sheets = {sheet["name"]: sheet for sheet in state["sheets"]}
    assert sheets["in.txt"]["bad"] and not sheets["jobscript_local"]["bad"]
    assert [(w["name"], w["value"], w["where"]) for w in sheets["in.txt"]["wants"]] == [
        ("a", "2", "line 1"),
        ("c", "missing in pset 1", "lines 2, 2"),
        ("_pset_id", "drawn on Write", "line 3"),
    ]
    assert state["problems"] and not state["canWrite"]
    assert state["plan"] == ["Nothing can be written until that is corrected."]
    assert "line 2: `c` has no value" in state["shown"]["problem"]
    assert state["shown"]["text"] == "a = $a\n$c $c\nid $_pset_id\n"
    desk.choose({"number": 0})
    assert state_of(desk)["shown"] == {
        "total": 2,
        "pset": "a=1, c=5",
        "text": "a = 1\n5 5\nid 00000000-0000-4000-8000-000000000000\n",
        "problem": "",
        "note": "ids are drawn on Write",
    }
    desk.choose({"file": "big"})
    shown = state_of(desk)["shown"]
    assert len(shown["text"]) == 20_000 and shown["note"] == "cut: the file has 30\u202f000 bytes"
    desk.choose({"number": 77})
    assert desk.choices.number == 1


def test_text_that_turns_or_hides_is_shown_as_escapes() -> None:
    ps.new_templates("local")
    desk = desk_of({"params": [{"a": "\u202e\x1b[31m\ttwo\nlines"}]})
    Path("templates/calc/in.txt").write_text("$a")
    desk.choose({"file": "in.txt"})
    assert state_of(desk)["shown"]["text"] == "\\u202e\\x1b[31m\ttwo\nlines"


def test_psets_come_from_anything_that_has_some() -> None:
    study = ps.Study("earlier")
    study.run(lambda a: a, [{"a": 3}])
    editor = ps.GridEditor({"a": [1, 2]})
    names = {"editor": editor, "psets": PARAMS, "study": study, "run": study.run_of(-1)}
    names |= {"_hidden": PARAMS, "numbers": [1], "text": "a"}
    assert sources.names_with_psets(names) == ["editor", "psets", "study", "run"]
    desk = desk_of(names)
    assert (desk.choices.psets, desk.seen.psets) == ("", [])
    for name, psets in (("editor", editor.params), ("psets", PARAMS), ("study", [{"a": 3}])):
        desk.choose({"psets": name})
        assert desk.seen.psets == psets
    assert desk_of(names, params=editor).choices.psets == "editor"
    given = desk_of({}, params=(pset for pset in [{"a": 1}]))
    assert given.seen.psets == [{"a": 1}]
    given.look()
    assert given.seen.psets == [{"a": 1}]
    with pytest.raises(ParamsError, match="not a list of psets"):
        desk_of({}, params=5)


def test_what_is_gone_or_wrong_is_said_and_the_rest_goes_on() -> None:
    ps.new_templates("local")
    desk = desk_of()
    desk.session.names.clear()
    desk.look()
    assert state_of(desk)["problems"] == ["the notebook has no 'params' any more"]
    desk.session.names["params"] = [1]
    desk.look()
    assert "not a dict" in state_of(desk)["problems"][0]
    desk.session.names["params"] = PARAMS
    desk.choose({"machines": "nowhere"})
    assert "there is no directory 'nowhere' of machines" in state_of(desk)["problems"][0]
    assert [sheet["name"] for sheet in state_of(desk)["sheets"]][:2] == ["psweep_job.py", "run.py"]
    assert "nowhere" in text_of(desk)
    for wrong in ({"mode": "mako"}, {"nothing": 1}, {"number": "1"}, {"file": None}):
        with pytest.raises(OptionError):
            desk.choose(wrong)
    with pytest.raises(OptionError, match="Write comes first"):
        desk.job("submit")
    with pytest.raises(OptionError, match="there is no start"):
        desk.job("start", "local")


def test_a_machine_that_cannot_be_reached_is_an_error_of_its_job() -> None:
    ps.new_templates("slurm")
    info = Path("templates/machines/slurm/info.yaml")
    info.write_text("subcmd: sh\nhost: host.invalid\npath: /there\n")
    desk = desk_of()
    press(desk, "write")
    job = desk.job("submit")
    with pytest.raises(RemoteError, match=r"host\.invalid"):
        job()


def test_folders_to_choose_from() -> None:
    ps.new_templates("local")
    Path("templates/calc_big").mkdir()
    Path("templates/.hidden").mkdir()
    calcs, machines = sources.folders_beside("templates/calc", "templates/machines")
    assert calcs == ["templates/calc", "templates/calc_big"]
    assert machines == ["templates/machines"]
    assert sources.folders_beside("nowhere/calc", "nowhere/machines") == ([], [])
