"""Batch preparation: directories, rows and scripts, all of them or none."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import Study, StudyError, TemplateError

PARAMS = [{"a": 1, "name": "x"}, {"a": 2, "name": "it's"}]


def names(folder: str = "calc") -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*"))


def test_each_pset_gets_its_directory_and_its_row(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    table = pd.read_pickle("calc/database.pk")
    assert table["a"].tolist() == [1, 2]
    assert table["_failed"].isna().all() and table["_pset_runtime"].isna().all()
    assert table["_attempt"].tolist() == [0, 0]
    assert set(table["_run_id"]) == {run.run_id}
    assert study.table()["state"].tolist() == ["prepared", "prepared"]
    first, second = (Path("calc", pset_id) for pset_id in table["_pset_id"])
    assert (first / "run.py").read_text() == 'a = 1\nprint(a, "x")\n'
    assert (second / "run.py").read_text() == 'a = 2\nprint(a, "it\'s")\n'
    script = (second / "jobscript_here").read_text()
    assert "--job-name=pset-1\ncost=$1\n" in script
    assert run.status().state == "prepared" and run.status().pending == 2
    assert not study.active_runs()


def test_the_scripts_of_old_runs_stay_as_comments(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    script = Path("calc/run_here.sh")
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1 x\n2 it's\n"
    script.write_text(script.read_text() + "echo mine\n")
    study.prep_batch([{"a": 3, "name": "y"}])
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, text=True, check=True)
    assert done.stdout == "mine\n3 y\n"
    assert len(re.findall(r"^# cd .*# run_seq=0 pset_seq=[01]$", script.read_text(), re.M)) == 2


def test_rows_come_back_by_rebuild(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    before = study.df
    Path("calc/database.pk").unlink()
    pd.testing.assert_frame_equal(Study("calc").rebuild(), before)


def test_a_deleted_row_stays_away(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    assert study.delete(a=1) == 1
    assert study.rebuild()["a"].tolist() == [2]
    assert study.rebuild(deleted=True)["a"].tolist() == [1, 2]


def test_prepared_psets_are_not_done(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    assert study.plan(lambda a, name: a, PARAMS).new == 2
    study.run(lambda a, name: a, PARAMS, skip="done")
    assert study.table()["state"].tolist() == 2 * ["prepared"] + 2 * ["done"]


def test_nothing_is_left_where_a_template_cannot_be_filled(templates, study: Study) -> None:
    templates(**{"more.txt": "fine\n$a and $b\n${c}\n"})
    with pytest.raises(TemplateError) as error:
        study.prep_batch(PARAMS)
    assert str(error.value).splitlines()[:2] == [
        "templates/calc/more.txt, line 2: `b` is no parameter of pset 0",
        "templates/calc/more.txt, line 3: `c` is no parameter of pset 0",
    ]
    assert not Path("calc").exists()


def test_engines_have_nothing_to_do_with_it(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    assert repr(run) == "run 0: 2 psets, jobs for here, calc/"
    for act in (run.stop, run.pause, run.resume, run.retry):
        with pytest.raises(StudyError, match="batch run"):
            act()
    assert run.wait().state == "prepared"
    assert study.compact() >= 0 and len(study.df) == 2
    assert study.backup() is not None


def test_psets_are_given_back(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    assert run.params() == PARAMS == study.params()
    assert ps.params_to_code(study)
