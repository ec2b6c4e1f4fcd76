"""Templates and machines that change between preparing and submitting."""

import os
from pathlib import Path

import pytest

from psweep_nb import Command, Run, Study, StudyError, TemplateError, jobs
from psweep_nb.batch.places import Place
from psweep_nb.rundir import RunDir
from tests.waiting import until

PARAMS = [{"a": 1, "name": "x"}]
INFO = Path("templates/machines/here/info.yaml")


def submit(study: Study, force: bool = False) -> list[str]:
    said: list[str] = []
    study.submit_batch(notes=said.append, force=force)
    return said


def at_work(run: Run) -> None:
    [session] = run.folder.sessions()
    jobs.submitted(session, "1@nowhere", "here", [0], 1, 5.0)


def test_what_info_yaml_says_counts_when_jobs_are_submitted(templates, study: Study) -> None:
    templates(subcmd="qsub")
    run = study.prep_batch(PARAMS)
    other = Study("calc").run_of(0)  # that has read the old one, in another notebook say
    assert other.info["machines"]["here"]["subcmd"] == "qsub"
    INFO.write_text("subcmd: sh\narray: true\n")
    assert submit(study) == [
        "templates/machines/here/info.yaml has changed since run 0 was prepared: "
        "subcmd is sh, was qsub, array is True, was not there",
        "1 pset submitted to here in 1 job",
    ]
    assert Place.of(other.folder, "here").info == {"subcmd": "sh", "array": True}
    assert run.wait(60).ended
    assert submit(study, force=True) == ["1 pset submitted to here in 1 job"]


def test_a_wrong_one_submits_nothing(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    INFO.write_text("subcmd: sh\nhots: x\n")
    with pytest.raises(TemplateError, match=r"info\.yaml, line 2: there is no 'hots'"):
        submit(study)
    assert run.status().state == "prepared"


def test_jobs_at_work_are_not_forgotten(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    at_work(run)
    INFO.write_text("subcmd: sh\nthrottle: 2\n")
    assert "throttle is 2" in submit(study)[0]
    INFO.write_text("subcmd: sh\nhost: other\n")
    with pytest.raises(
        StudyError, match=r"host is other.*jobs of 1 pset are at work at the old one"
    ):
        submit(study)
    assert Place.of(run.folder, "here").info == {"subcmd": "sh", "throttle": 2}


def test_the_python_is_the_one_in_the_job_scripts(templates, study: Study) -> None:
    templates()
    Path("templates/machines/here/jobscript").write_text("$_cmd\n")
    run = study.prep_batch([{"a": 1}], command=lambda a: {"b": a})
    python = run.info["machines"]["here"]["python"]
    INFO.write_text("subcmd: sh\nthrottle: 2\npython: no-such\n")
    submit(study)
    assert Place.of(run.folder, "here").info["python"] == python


def test_where_they_are_gone_what_was_prepared_counts(templates, study: Study) -> None:
    templates()
    study.prep_batch(PARAMS)
    os.rename("templates", "elsewhere")
    assert submit(study) == ["1 pset submitted to here in 1 job"]


def test_a_study_is_moved_with_its_templates(
    templates, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates()
    study.prep_batch(PARAMS)
    there = tmp_path / "elsewhere"
    there.mkdir()
    for name in ("calc", "templates"):
        os.rename(name, there / name)
    monkeypatch.chdir(there)
    INFO.write_text("subcmd: sh -e\n")
    assert "subcmd is sh -e, was sh" in submit(Study("calc", trust=True))[0]


@pytest.mark.parametrize("as_command", [False, True])
def test_changed_templates_are_said(templates, study: Study, as_command: bool) -> None:
    templates(**{"sub/in.txt": "$a"})
    command = None
    if as_command:
        command = Command("true", templates="templates/calc")
        Path("templates/machines/here/jobscript").write_text("$_cmd\n")
    study.prep_batch(PARAMS, command=command)
    Path("templates/calc/sub/in.txt").write_text("other $a")
    Path("templates/calc/run.py").unlink()
    said = submit(study)
    assert len(said) == 2
    assert said[1].startswith(
        "changed since run 0 was prepared: templates/calc/sub/in.txt; its jobs have what was there"
    )


def test_runs_from_before_it_was_noted(templates, study: Study) -> None:
    templates()
    run = study.prep_batch(PARAMS)
    path = run.folder.path / "run.json"
    path.write_text(path.read_text().replace("made_from", "other"))
    assert "made_from" not in RunDir(run.folder.path).info
    INFO.write_text("subcmd: nothing\n")
    assert submit(Study("calc")) == ["1 pset submitted to here in 1 job"]
    until(lambda: Study("calc").sync().done or run.status().ended, timeout=60, every=0.1)
