"""The command line: in this process by `main(argv)`, and through scripts where that matters."""

import fcntl
import json
import os
import pickle
import pty
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import Run, Study
from psweep_nb.cli.convert import db2json, db2table
from psweep_nb.cli.studies import main
from psweep_nb.rundir import write_json
from tests import workloads
from tests.conftest import Psweep
from tests.test_layers import NOTEBOOK, loaded_by
from tests.waiting import until

COMMANDS = (
    "runs",
    "status",
    "follow",
    "failures",
    "stop",
    "resume",
    "plan",
    "table",
    "check",
    "submit",
    "sync",
)


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


def gated(folder: Path, *values: int) -> list[dict[str, Any]]:
    return [{"folder": str(folder), "a": a} for a in values]


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    """What a command printed; on stderr, if it is to fail."""
    assert main(argv) == code
    out, err = capsys.readouterr()
    if code == 2:
        assert out == ""
        assert err.count("\n") == 1
        return err
    assert err == ""
    return out


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "psweep_nb.cli.studies", *argv]


# -- looking -----------------------------------------------------------------------------------


def test_runs_and_status(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1), on_error="record", label="first")
    study.run(workloads.double, numbers(1))
    lines = said(capsys, "runs").splitlines()
    assert lines[0].split() == (
        ["run", "label", "state", "psets", "done", "failed", "function", "began"]
    )
    assert lines[2].split()[:7] == ["0", "first", "finished", "2", "1", "1", "fail_on_odd"]
    assert lines[3].split()[:5] == ["1", "finished", "1", "1", "0"]
    for key in (["0"], ["-2"], ["first"]):
        lines = said(capsys, "status", *key).splitlines()
        assert lines[0].startswith("run 0 first: finished, 1 failed; 1 of 2 done")
        assert lines[-1] == "  pset 1 failed: ValueError: 1 is odd"
    assert said(capsys, "status").startswith("run 1: finished; 1 of 1 done")
    shutil.move("calc", "elsewhere")
    assert said(capsys, "status", "-d", "elsewhere").startswith("run 1: finished")


def test_a_damaged_run_leaves_the_others_in_the_list(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(workloads.double, numbers(0))
    study.run(workloads.double, numbers(1))
    shutil.rmtree(study.runs[0].folder.path / "000")
    lines = said(capsys, "runs").splitlines()
    assert lines[2].split()[:4] == ["0", "lost", "1", "0"]
    assert lines[3].split()[:3] == ["1", "finished", "1"]


def test_a_study_of_psweeps_has_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("calc").mkdir()
    pd.DataFrame({"a": [1]}).to_pickle("calc/database.pk")
    assert said(capsys, "runs") == "no runs yet\n"
    assert said(capsys, "table").split() == ["a", "---", "1"]


def test_table(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1, 2), on_error="record")
    study.run(workloads.double, numbers(1))
    lines = said(capsys, "table").splitlines()
    assert lines[0].split() == ["a", "half", "twice", "state"]
    assert lines[3].split() == ["1", "<NA>", "<NA>", "failed"]
    assert said(capsys, "table", "state", "a", "--latest", "-f", "plain").split() == (
        ["state", "a", "done", "0", "done", "2", "done", "1"]
    )
    assert said(capsys, "table", "-a", "_run_seq", "-f", "plain").split() == (
        ["_run_seq", "0", "0", "0", "1"]
    )
    assert said(capsys, "table", "-ai").splitlines()[0].split()[0] == "_run_id"
    assert "unknown table format 'xls'; there are" in said(capsys, "table", "-f", "xls", code=2)
    for options in (["z"], ["-a", "z"]):
        assert "there is no column 'z'; there are" in said(capsys, "table", *options, code=2)
    assert "leave out --latest" in said(capsys, "table", "-a", "--latest", code=2)


def test_text_is_shown_as_it_is_and_moves_no_cursor(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(lambda a: {"t": ["001", "\x1b[31mred\r", "1\n2"][a]}, numbers(0, 1, 2))
    out = said(capsys, "table", "t", "-f", "plain")
    assert [line.strip() for line in out.splitlines()] == ["t", "001", r"\x1b[31mred\r", "1", "2"]


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["status", "7"], "calc/ has no run 7; it has 0"),
        (["status", "-d", "none"], "there is no study in none/; -d names another directory"),
        (["stop"], "there is nothing to stop: run 0 is finished"),
        (["resume", "-w", "0", "stopped"], "has no run 'stopped'"),
        (["runs", "-d", "file"], "there is no study in file/"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line(
    study: Study, capsys: pytest.CaptureFixture[str], argv: list[str], error: str
) -> None:
    study.run(workloads.double, numbers(1))
    Path("file").touch()
    line = said(capsys, *argv, code=2)
    assert line.startswith("psweep-nb: ")
    assert error in line
    assert not Path("none").exists()


def test_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["nope"], ["status", "--nope"], ["resume", "-w", "x"], ["stop", "1", "2"]):
        assert main(argv) == 2
        assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    out = said(capsys, *filter(None, [name]), "--help")
    assert "exit codes:" in out
    if name:
        assert "--dir DIR" in out
    else:
        assert all(f"    {command} " in out for command in COMMANDS)


def test_warnings_are_lines_too(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(workloads.double, numbers(1))
    [path] = Path("calc/.psweep").glob("*/run.json")
    path.write_text("{")
    assert main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert out == "no runs yet\n"
    assert err.startswith("psweep-nb: warning: run ")
    assert err.count("\n") == 1


class Mine:
    value = 3


def test_a_study_of_somebody_else(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(lambda a: {"x": Mine()}, numbers(1))
    shutil.copytree("calc", "copy")
    assert "here: --trust" in said(capsys, "table", "-d", "copy", code=2)
    assert "Mine" in said(capsys, "table", "-d", "copy", "--trust")
    assert "Mine" in said(capsys, "table", "-d", "copy"), "asked once"


def test_nothing_of_the_notebook_is_loaded(study: Study) -> None:
    study.run(workloads.double, numbers(1))
    silent = """
import io, sys
from psweep_nb.cli import convert, studies
out, sys.stdout = sys.stdout, io.StringIO()
for name in ("runs", "status", "follow", "check", "table"):
    assert studies.main([name]) == 0
sys.stdout = out
"""
    assert loaded_by(silent, NOTEBOOK) == set()


def test_who_reads_the_output_may_go_away(study: Study) -> None:
    study.run(workloads.double, numbers(*range(3000)))
    with subprocess.Popen(
        command("table"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("closed", "code"), [("table >&-", 0), ("runs >&- 2>&- <&-", 0), ("status 7 2>&-", 2)]
)
def test_streams_that_are_closed(study: Study, closed: str, code: int) -> None:
    study.run(workloads.double, numbers(1))
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command())} {closed}"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_terminal_of_few_characters(study: Study) -> None:
    study.run(lambda a: {"t": "\N{GREEK SMALL LETTER ALPHA}"}, numbers(1))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out = subprocess.run(command("table", "t"), env=environment, capture_output=True, check=True)
    assert rb"\u03b1" in out.stdout


# -- planning ----------------------------------------------------------------------------------

MODEL = """
import helper

params = [{"a": 1}, {"a": 2}, {"a": 3}]
others = [{"a": 9}]
number = 3

def simulate(a):
    return {"loss": a / helper.TWO}

if __name__ == "__main__":
    raise SystemExit("not for import")
"""


@pytest.fixture
def model() -> Path:
    Path("code").mkdir()
    Path("code/helper.py").write_text("TWO = 2\n")
    path = Path("code/model_of_a_test.py")
    path.write_text(MODEL)
    return path


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files that a command imports are forgotten, as when it is a process of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("psweep_nb", "pandas", "numpy", "tabulate", "tqdm")):
            del sys.modules[name]


def test_plan(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    func = f"{model}:simulate"
    assert said(capsys, "plan", func, "params").startswith("3 psets, `simulate`: 3 new")
    assert not Path("calc").exists()
    script = "import model_of_a_test as m, psweep_nb as ps; ps.run_local(m.simulate, m.params[:2])"
    environment = {**os.environ, "PYTHONPATH": f"code:{os.environ.get('PYTHONPATH', '')}"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert "1 new, 2 done\n" in said(capsys, "plan", func, f"{model}:params")
    assert "1 new" in said(capsys, "plan", func, f"{model}:others", "-d", "calc", "-w", "2")
    assert "3 would run" in said(capsys, "plan", func, "params", "--again")
    Path("psets.CSV").write_text("a\n1\n7\n")
    assert "2 psets, `simulate`: 1 new, 1 done" in said(capsys, "plan", func, "psets.CSV")


def test_a_plan_tells_code_that_has_changed(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of a script that ran as `__main__`, in which names have other modules."""
    script = MODEL.replace('SystemExit("not for import")', "SystemExit(main())")
    model.write_text(
        script.replace("if __name__", "def main():\n    import psweep_nb as ps\n    "
                       "ps.run_local(simulate, params)\n\nif __name__")
    )  # fmt: skip
    subprocess.run([sys.executable, model.name], cwd="code", check=True)
    argv = ["plan", f"{model}:simulate", "params", "-d", "code/calc"]
    assert "0 new, 3 done" in said(capsys, *argv)
    assert "other code" not in said(capsys, *argv)
    model.write_text(model.read_text().replace("a / helper", "-a / helper"))
    del sys.modules[model.stem]
    assert "3 done (3 with other code" in said(capsys, *argv)
    assert "3 would run" in said(capsys, *argv, "--stale")


@pytest.mark.parametrize(
    ("func", "params", "error"),
    [
        ("simulate", "params", "FUNC is 'simulate'; it should be FILE.py:NAME, such as"),
        ("none.py:f", "params", "there is no Python file 'none.py'"),
        ("code:f", "params", "there is no Python file 'code'"),
        ("MODEL:none", "params", "has no 'none'; it has helper, params, others, number, simulate"),
        ("MODEL:number", "params", "model_of_a_test.py:number is a int, not a function"),
        ("MODEL:simulate", "none", "has no 'none'"),
        ("MODEL:simulate", "none.csv", "there is no file 'none.csv'"),
        ("MODEL:simulate", "number", "not a list of psets"),
        ("bad.py:f", "params", "bad.py cannot be imported: NameError: name 'x' is not defined (li"),
        ("exits.py:f", "params", "exits.py cannot be imported: SystemExit: 3 (line 2)"),
        ("syntax.py:f", "params", "syntax.py cannot be imported: SyntaxError: "),
    ],
)
def test_what_cannot_be_planned(
    model: Path, capsys: pytest.CaptureFixture[str], func: str, params: str, error: str
) -> None:
    Path("bad.py").write_text("\nx\n")
    Path("exits.py").write_text("import sys\nsys.exit(3)\n")
    Path("syntax.py").write_text("def\n")
    assert error in said(capsys, "plan", func.replace("MODEL", str(model)), params, code=2)
    assert not Path("calc").exists()


# -- commanding --------------------------------------------------------------------------------


def test_stop_and_resume(study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2, 3))
    until(lambda: list(tmp_path.glob("began-*")))
    assert said(capsys, "stop") == ("run 0 is told to stop; psets that are running finish first\n")
    (tmp_path / "go").touch()
    assert run.wait(30).state == "stopped"
    assert "workers is 0" in said(capsys, "resume", "-w", "0", code=2)
    assert said(capsys, "resume", "-w", "2") == "run 0 goes on; 2 psets to be done\n"
    assert run.wait(30).done == 3
    assert said(capsys, "resume") == "run 0 is finished; nothing is left to do\n"


def test_resume_says_what_failed(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1), on_error="record")
    assert said(capsys, "resume", "0") == (
        "run 0 is finished; nothing is left to do; 1 pset failed\n"
    )


def test_stop_now(study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2))
    until(lambda: list(tmp_path.glob("began-*")))
    assert said(capsys, "stop", "--now", "0") == "run 0 is told to stop\n"
    assert run.wait(30).state == "stopped"
    assert not (tmp_path / "go").exists()


def test_what_ran_in_a_kernel_is_resumed_there(
    study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2), in_kernel=True)
    until(lambda: list(tmp_path.glob("began-*")))
    run.stop()
    (tmp_path / "go").touch()
    assert run.wait(30).pending == 1
    assert "resume it there" in said(capsys, "resume", code=2)


# -- following ---------------------------------------------------------------------------------


def test_following_moves_no_cursor(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run(workloads.double, numbers(1))
    ended = study.run_of(0).status()
    going = replace(ended, state="running", message="\x1b[2J gone")
    seen = iter([going, ended])
    monkeypatch.setattr(Run, "status", lambda run: going)
    monkeypatch.setattr(Run, "wait", lambda run, timeout: next(seen))
    assert main(["follow"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_following_what_has_ended(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(workloads.double, numbers(1))
    assert said(capsys, "follow").startswith("run 0: finished; 1 of 1 done")
    study.run(workloads.fail_on_odd, numbers(1), on_error="record")
    assert "ValueError: 1 is odd" in said(capsys, "follow", code=1)


def test_following_in_a_pipe(study: Study, tmp_path: Path) -> None:
    study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2))
    with subprocess.Popen(command("follow"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("running: 0 of 2 done")
        (tmp_path / "go").touch()
        rest = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert rest[-2].startswith("run 0: finished; 2 of 2 done")


def test_interrupting_ends_only_the_following(study: Study, tmp_path: Path) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2))
    with subprocess.Popen(
        command("follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "no longer followed; run 0 goes on\n"
    assert process.returncode == 130
    assert run.status().state == "running"
    (tmp_path / "go").touch()
    assert run.wait(30).state == "finished"


def test_following_in_a_terminal(study: Study, tmp_path: Path) -> None:
    study.submit(workloads.wait_for_go, gated(tmp_path, 1, 2))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    with subprocess.Popen(command("follow"), stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 1 << 16):
                shown += part
                if b"0/2" in shown:
                    (tmp_path / "go").touch()
        except OSError:  # how the end of a terminal is told
            pass
        os.close(ours)
    assert process.returncode == 0
    assert b"2/2" in shown
    assert b"run 0: finished; 2 of 2 done" in shown
    assert b"running: " not in shown


# -- directories -------------------------------------------------------------------------------


def as_of_batch(study: Study) -> None:
    """Make it as if the newest run had been prepared for other machines."""
    info = study.run_of(-1).info
    write_json(study.run_of(-1).folder.path / "run.json", {**info, "kind": "batch"})


def test_check(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    ids = study.run(workloads.double, numbers(1, 2, 3))["_pset_id"].tolist()
    assert said(capsys, "check") == "no pset has a directory\n"
    for pset_id in ids:
        Path("calc", pset_id).mkdir()
    Path("calc/templates").mkdir()
    assert said(capsys, "check") == "3 directories match a row\n"
    Path("calc", ids[0]).rmdir()
    assert said(capsys, "check") == "2 directories match a row\n", "they come on demand"
    as_of_batch(study)
    out = said(capsys, "check", code=1)
    assert (
        out == f"1 rows of batch runs without a directory:\n  {ids[0]}\n2 directories match a row\n"
    )
    Path("calc", ids[0]).mkdir()
    study.delete(ids[1])
    other = str(uuid.UUID(int=2**128 - 1))
    Path("calc", other).mkdir()
    out = said(capsys, "check", code=1)
    assert out == (
        f"2 directories without a row:\n  {ids[1]}\n  {other}\n2 directories match a row\n"
    )


def test_check_knows_psets_that_have_not_ended(
    study: Study, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path / "gate", 1, 2), in_kernel=True)
    (tmp_path / "gate").mkdir(exist_ok=True)
    pset_id = run.folder.psets.id(1)
    Path("calc", pset_id).mkdir()
    out = said(capsys, "check")
    run.stop()
    (tmp_path / "gate/go").touch()
    run.wait(30)
    assert out == (
        f"1 directories of psets that have not ended:\n  {pset_id}\n0 directories match a row\n"
    )


def test_check_names_no_more_than_a_screen(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = study.run(workloads.double, numbers(*range(50)))["_pset_id"].tolist()
    Path("calc", ids[0]).mkdir()
    as_of_batch(study)
    out = said(capsys, "check", code=1).splitlines()
    assert out[0] == "49 rows of batch runs without a directory:"
    assert out[21:] == ["  and 29 more", "1 directories match a row"]


# -- psweep's commands -------------------------------------------------------------------------


def psweeps(psweep: Psweep, name: str, argv: Sequence[str]) -> str:
    script = Path(psweep.python).with_name(name)
    done = subprocess.run([script, *argv], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values"])
def test_json_is_psweeps(
    psweep: Psweep, psweep_study: Path, capsys: pytest.CaptureFixture[str], orient: str
) -> None:
    argv = ["-o", orient, str(psweep_study / "database.pk")]
    assert db2json(argv) == 0
    ours = json.loads(capsys.readouterr().out)
    assert ours == json.loads(psweeps(psweep, "psweep-db2json", argv))


@pytest.mark.parametrize(
    "options", [[], ["-a"], ["-i"], ["-a", "-i", "-f", "psql"], ["a", "loss_"], ["-i", "_run_seq"]]
)
def test_table_is_psweeps(
    psweep: Psweep, psweep_study: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    flags = [option for option in options if option[0] == "-" or option == "psql"]
    columns = [option for option in options if option not in flags]
    argv = [*flags, str(psweep_study / "database.pk"), *columns]
    assert db2table(argv) == 0
    ours = capsys.readouterr().out
    assert cells(ours) == cells(psweeps(psweep, "psweep-db2table", argv))


def cells(text: str) -> list[list[Any]]:
    """What is in a table, however it is aligned; numbers as such, absent times as absent."""
    rows = [line.split() for line in text.splitlines() if set(line) - set("+-| ")]
    return [[_number(word) for word in row] for row in rows]


def _number(word: str) -> Any:
    try:
        return float(word) if word != "nan" else word
    except ValueError:
        return word.replace("NaT", "<NA>")


def test_rows_of_one_second_are_all_in_json(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(workloads.double, numbers(1, 2, 3))
    assert db2json(["-o", "index", "calc/database.pk"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["0", "1", "2"]


def test_errors_of_the_converters(capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"a": [1, 2]}, index=[5, 5]).to_pickle("t.pk")
    Path("text").write_text("x")
    Path("odd.pk").write_bytes(pickle.dumps(pd.DataFrame({"a": pd.Series([Mine()], dtype=object)})))
    for act, argv, error in (
        (db2json, ["none"], "psweep-db2json: none: No such file or directory\n"),
        (db2json, ["text"], "psweep-db2json: text cannot be read as pickle: "),
        (db2json, ["-o", "index", "t.pk"], "-o index needs an index without duplicates"),
        (db2json, ["-o", "x", "t.pk"], "invalid choice: 'x'"),
        (db2json, [], "the following arguments are required: FILE"),
        (db2table, ["t.pk", "z"], "psweep-db2table: there is no column 'z'; there are a\n"),
        (db2table, ["-f", "xls", "t.pk"], "unknown table format 'xls'; there are"),
        (db2table, ["odd.pk"], "trust=True"),
        (db2table, ["odd.pk"], "here: --trust"),
    ):
        assert act(argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert error in err
        assert "Traceback" not in err
    assert db2table(["--trust", "odd.pk"]) == 0


# -- as installed ------------------------------------------------------------------------------


def test_the_installed_scripts(study: Study) -> None:
    script = Path(sys.executable).with_name("psweep-nb")
    if not script.exists():
        pytest.skip("psweep_nb was installed before it had scripts; pip install -e . adds them")
    study.run(workloads.double, numbers(1))
    for name, argv, text in (
        ("psweep-nb", ["status"], "run 0: finished; 1 of 1 done"),
        ("psweep-db2json", ["calc/database.pk"], '"twice":2'),
        ("psweep-db2table", ["calc/database.pk", "a"], "a\n"),
    ):
        done = subprocess.run(
            [script.with_name(name), *argv], capture_output=True, text=True, check=True
        )
        assert text in done.stdout
    assert subprocess.run([script, "status", "9"], capture_output=True, check=False).returncode == 2


def test_failures_by_kind_and_with_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    study = Study("calc")
    study.submit(_prints_and_fails, numbers(0, 1, 2)).wait()
    assert said(capsys, "failures") == (
        "ValueError: # is odd\\x1b[31m (2 psets: 0, 2)\nKeyError: # (1 pset: 1)\n"
    )
    out = said(capsys, "failures", "-t")
    assert "pset 2: {'a': 2}\nTraceback (most recent call last):\n" in out
    assert "in _prints_and_fails" in out
    assert "\nprinted 2\n" in out
    assert "\x1b" not in out
    study.submit(_prints, numbers(1)).wait()
    assert said(capsys, "failures") == "nothing failed\n"


def _prints(a: int) -> int:
    print(f"printed {a}")
    return a


def _prints_and_fails(a: int) -> None:
    _prints(a)
    raise KeyError(a) if a == 1 else ValueError(f"{a} is odd\x1b[31m")
