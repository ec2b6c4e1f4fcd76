"""A program as workload: the same rows wherever it runs, its failures as a person wants them."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import Command, CommandError, OptionError, Study, TemplateError, run_local
from psweep_nb.functions.identity import code_of
from tests.test_layers import HEAVY, loaded_by
from tests.waiting import until

PYTHON = sys.executable


@pytest.fixture
def program() -> Command:
    """Fails for odd `a`; its results come from what it has written."""
    os.mkdir("templates")
    Path("templates/in.txt").write_text("a = $a\n")
    code = (
        "import sys; a = int(open('in.txt').read()[4:]); print('a is', a)\n"
        "if a % 2: sys.exit('first line\\nodd')\n"
        "open('out.txt', 'w').write(str(a // 2))"
    )
    return Command([PYTHON, "-c", code], "templates", reader=half)


def half(folder: Path) -> dict[str, int]:
    return {"half": int((folder / "out.txt").read_text())}


def test_it_runs_wherever_functions_do(execute, study: Study, program: Command) -> None:
    run = execute(program, [{"a": a} for a in range(4)])
    df = run.df
    assert df["half"].tolist() == [0, pd.NA, 1, pd.NA]
    assert df["_failed"].tolist() == [False, True, False, True]
    folder = Path("calc", df["_pset_id"].iloc[2])
    assert (folder / "in.txt").read_text() == "a = 2\n"
    pset = json.loads((folder / "pset.json").read_text())
    assert (pset["a"], pset["_pset_id"]) == (2, folder.name)
    failure = run.failures[0]
    assert failure.error == "CommandError: exit code 1: odd"
    assert "the end of its stderr:\nfirst line\nodd" in df["_exc_txt"].iloc[1]
    assert "File" not in failure.traceback  # nothing of ours, and the user has no code in it


def test_what_it_prints_is_the_log(study: Study) -> None:
    command = Command("echo out $a; echo err $a >&2")
    run = study.submit(command, [{"a": 1}, {"a": 2}])
    run.wait(60)
    record = run.view.record(1)
    assert record is not None and record.log() == "out 2\nerr 2\n"
    df = study.run(command, [{"a": 3}], capture_logs="db+file")
    assert df["_logs"].iloc[-1] == "out 3\nerr 3\n"


def test_results_are_read_from_its_file(study: Study) -> None:
    script = Path("job.py")
    script.write_text(
        "import datetime\nfrom psweep_nb import read_pset, write_result\n"
        "a = read_pset()['a']\n"
        "write_result({'a2': a**2} if a else {'day': datetime.date(2024, 5, 1)})\n"
    )
    df = run_local(Command([PYTHON, str(script.absolute())]), [{"a": 0}, {"a": 3}])
    assert df["a2"].iloc[1] == 9
    assert str(df["day"].iloc[0]) == "2024-05-01"


def test_a_command_without_results_is_done(study: Study) -> None:
    study.run(Command("true"), [{"a": 1}])
    assert study.table().columns.tolist() == ["a", "state"]


@pytest.mark.parametrize(
    ("cmd", "error"),
    [
        ("exit 3", "exit code 3"),
        (["false"], "exit code 1"),
        ("kill -SEGV $$$$", "killed by SIGSEGV"),
        (["no-such-program", "x"], "'no-such-program' cannot be started: "),
        ("no-such-program", "exit code 127: .*not found"),
        (["head", "$a"], "exit code 1: head: cannot open 'x"),
    ],
)
def test_how_it_failed_is_said(study: Study, cmd: Any, error: str) -> None:
    with pytest.raises(CommandError, match=f"^{error}"):
        study.run(Command(cmd), [{"a": "x\ny"}])


def test_a_timeout_ends_all_it_has_started(study: Study) -> None:
    started = Path("started").absolute()
    command = Command(f"(sleep 300 & echo $$! > {started}; wait) & sleep 300; wait")
    run = study.submit(command, [{"a": 1}], timeout=1.0)
    assert run.wait(60).failed == 1
    pid = int(started.read_text())
    until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))
    assert "timeout" in run.failures[0].error.lower() or "longer than" in run.failures[0].error


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_goes_on_in_the_background_is_not_waited_for(study: Study) -> None:
    study.run(Command("sleep 300 & echo $$! > pid"), [{"a": 1}])
    [pid] = Path("calc").glob("*/pid")
    os.kill(int(pid.read_text()), 9)


def test_it_is_checked_before_anything_is_written(study: Study, program: Command) -> None:
    for command in (program, Command("echo $a $b"), Command(["x", "$b"])):
        with pytest.raises(TemplateError, match=r"`[ab]` is no parameter of pset 0"):
            study.run(command, [{"c": 1}])
    assert not Path("calc").exists()
    with pytest.raises(OptionError, match="no directory 'nowhere'"):
        study.run(Command("true", templates="nowhere"), [{"c": 1}])
    with pytest.raises(OptionError, match="reader is 3"):
        Command("true", reader=3)  # type: ignore[arg-type]
    with pytest.raises(ps.FunctionError, match="setup"):
        study.run(Command("true"), [{"c": 1}], setup=dict)


def test_its_code_is_command_templates_and_reader(study: Study, program: Command) -> None:
    before = code_of(program)
    assert "a = $a" in before.parts["template in.txt"]
    assert code_of(Command(program.cmd, "templates", reader=half)).sha1 == before.sha1
    assert code_of(Command("true", "templates", reader=half)).sha1 != before.sha1
    assert code_of(Command(program.cmd, "templates", reader=str)).sha1 != before.sha1
    study.run(program, [{"a": 0}])
    assert study.plan(program, [{"a": 0}]).stale == 0
    Path("templates/in.txt").write_text("a =  $a\n")
    plan = study.plan(program, [{"a": 0}])
    assert plan.stale == 1
    assert "changed since run 0: `template in.txt`" in str(plan)
    assert "-a = $a\n+a =  $a" in plan.diff


def test_a_failed_one_is_tried_again_with_the_templates_as_they_are_now(study: Study) -> None:
    os.mkdir("templates")
    Path("templates/run.sh").write_text("exit 1\n")
    command = Command("sh run.sh", "templates")
    run = study.submit(command, [{"a": 1}])
    assert run.wait(60).failed == 1
    Path("templates/run.sh").write_text("echo '{\"x\": 5}' > result.json\n")
    run.retry(recorded=True).wait(60)
    assert run.status().failed == 1  # as it was submitted
    run.retry(command).wait(60)
    df = study.df
    assert (df["x"].tolist(), df["_attempt"].tolist()) == ([5], [3])


def test_results_of_an_earlier_attempt_do_not_count(study: Study) -> None:
    command = Command("test -e seen && exit 0; touch seen; echo '{\"x\": 5}' > result.json; exit 1")
    run = study.submit(command, [{"a": 1}], retries=1)
    assert run.wait(60).done == 1
    assert "x" not in study.df


def test_ctrl_c_ends_the_program() -> None:
    script = (
        "import psweep_nb as ps; "
        "ps.run_local(ps.Command('echo $$$$ > ../../pid; sleep 300; true'), [{'a': 1}])"
    )
    # A group of its own, so that the signal reaches this process alone.
    with subprocess.Popen([PYTHON, "-c", script], start_new_session=True, stderr=-3) as process:
        pid = int(until(lambda: Path("pid").exists() and Path("pid").read_text()))
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))


def test_a_log_that_cannot_be_written_ends_the_program(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no log")

    monkeypatch.setattr(sys, "stdout", Broken())
    with pytest.raises(OSError, match="no log"):
        study.run(Command("echo $$$$ > ../../pid; echo x; sleep 300"), [{"a": 1}])
    pid = int(Path("pid").read_text())
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_workers_need_no_pandas_for_it() -> None:
    assert loaded_by("import psweep_nb.batch.command", HEAVY) == set()


def test_names_of_our_own_files_are_no_templates(study: Study) -> None:
    os.mkdir("templates")
    Path("templates/pset.json").touch()
    with pytest.raises(TemplateError, match=r"pset.json is no name for a template"):
        study.run(Command("true", "templates"), [{"a": 1}])


def test_names_and_texts_for_people(study: Study) -> None:
    assert repr(Command("x $a", "t")) == "Command('x $a', templates='t')"
    run = study.submit(Command("true"), [{"pset": 1}])  # a parameter of that name is none of ours
    assert run.wait(60).done == 1
    assert (run.spec.function, run.spec.source) == ("true", "Command('true')")
