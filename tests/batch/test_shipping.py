"""Functions as jobs: the Python there is asked first, results are those of a run here."""

import ast
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

import psweep_nb as ps
from psweep_nb import FunctionError, OptionError, RemoteError, Run, Study, TemplateError
from psweep_nb.batch import run_function
from tests.cluster.following import collected, quiet

HERE = "{}.{}".format(*sys.version_info[:2])
LINE = "#!/bin/sh\nexec >job.log 2>&1\n$_cmd\n"
Write = Callable[..., None]


class Thing:
    """Of a module that jobs do not have: it goes with the function."""

    def __init__(self, a: int) -> None:
        self.a = a

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.a == other.a


@pytest.fixture
def machine() -> Write:
    """Writes the one machine `here`."""

    def write(jobscript: str = LINE, **info: str) -> None:
        folder = Path("templates/machines/here")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "jobscript").write_text(jobscript)
        (folder / "info.yaml").write_text(json.dumps({"subcmd": "sh", **info}))

    return write


def shipped(run: Run) -> Path:
    return run.folder.calc_path / f"function-{run.run_id}"


def python(path: Path, text: str) -> str:
    """A program that stands for a Python."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def without_cloudpickle(path: Path) -> str:
    hide = path.parent / "hide"
    hide.mkdir()
    (hide / "cloudpickle.py").write_text("raise ImportError('hidden')")
    return python(path, f'PYTHONPATH={hide} exec {sys.executable} "$@"')


def test_rows_are_those_of_a_run(machine: Write, study: Study) -> None:
    def by_name(a: int, x: Any) -> Any:
        if a == 1:
            return {"b": x + np.float64(a), "n": {1, 2}}
        if a == 2:
            raise ZeroDivisionError("no luck")
        return {3: lambda: None, 4: lambda: {"_b": 1}, 5: lambda: sys.exit(0)}.get(a, lambda: x)()

    machine()
    params = [{"a": a, "x": np.arange(2)} for a in range(6)]
    run = study.prep_batch(params, command=by_name)
    assert json.loads((shipped(run) / "made_with.json").read_text())["python"] == HERE
    assert len(list(Path("calc").glob("*/function.pk"))) == 1
    study.submit_batch(notes=quiet)
    collected(study, 6)
    here = ps.run_local(by_name, params, calc_dir="here", on_error="record")
    columns = ["_failed", "b", "n", "result", "a", "_pset_sha1"]
    assert repr(study.df[columns].values.tolist()) == repr(here[columns].values.tolist())
    error = {failure.index: failure.traceback for failure in run.failures}
    assert "no luck" in error[2] and ", in by_name" in error[2]
    assert "run_function" not in error[2]
    assert "returned None" in error[3] and "'_b'" in error[4] and "sys.exit(0)" in error[5]
    # The same code: neither new nor stale.
    assert study.plan(by_name, params[:2]).new == 0
    assert study.plan(by_name, params[:2]).stale == 0


def test_what_is_changed_and_classes_of_ones_own(
    machine: Write, study: Study, request: pytest.FixtureRequest
) -> None:
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    request.addfinalizer(lambda: cloudpickle.unregister_pickle_by_value(module))

    def by_pset(pset: dict) -> dict:
        pset["v"].append(pset["_pset_seq"])
        pset["extra"] = pset["_run_seq"]
        return {"thing": Thing(pset["a"]).a, "keeps": Thing}

    machine()
    study.prep_batch([{"a": 7, "v": []}], command=by_pset)
    study.submit_batch(notes=quiet)
    collected(study, 1)
    row = study.df.iloc[0]
    assert (row["v"], row["extra"], row["thing"], row["keeps"](1).a) == ([0], 0, 7, 1)


def test_another_python_is_refused_before_anything_is_submitted(
    machine: Write, study: Study, tmp_path: Path
) -> None:
    old = python(tmp_path / "old", "echo 3.6")
    machine(python=old)
    run = study.prep_batch([{"a": 1}], command=lambda a: a)
    with pytest.raises(RemoteError) as error:
        study.submit_batch(notes=quiet)
    said = str(error.value)
    assert said.startswith(f"nothing was submitted: the function was pickled by Python {HERE}")
    assert f"{old} on this machine is Python 3.6" in said and "info.yaml" in said
    assert run.status().state == "prepared" and not list(Path("calc").glob("*/.psweep_job"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (without_cloudpickle, "has no cloudpickle"),
        (lambda path: str(path), "not found"),
        (lambda path: python(path, "echo 'no license' >&2; exit 3"), "no license"),
    ],
)
def test_a_python_that_cannot_load_it_is_refused(
    machine: Write, study: Study, tmp_path: Path, make: Callable[[Path], str], said: str
) -> None:
    machine(python=make(tmp_path / "python"))
    study.prep_batch([{"a": 1}], command=lambda a: a)
    with pytest.raises(RemoteError, match=f"nothing was submitted: [^$]*{said}"):
        study.submit_batch(notes=quiet)


def test_python3_of_the_path_is_meant_by_its_name(
    machine: Write, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(python="python3")
    study.prep_batch([{"a": 1}], command=lambda a: a)
    (tmp_path / "bin").mkdir()
    python(tmp_path / "bin" / "python3", "echo 3.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(RemoteError, match=r"python3 on this machine is Python 3\.1"):
        study.submit_batch(notes=quiet)


@pytest.mark.parametrize("ending", ["", "echo the end\n"])
def test_a_job_with_another_python_fails_and_says_so(
    machine: Write, study: Study, ending: str
) -> None:
    machine(LINE + ending)
    run = study.prep_batch([{"a": 1}], command=lambda a: a)
    # As if the job's Python were not the one that was asked.
    file = shipped(run) / "made_with.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "python": "3.99"}))
    (shipped(run) / "function.pk").write_bytes(b"not to be loaded")
    study.submit_batch(notes=quiet)
    collected(study, 1)
    [failure] = run.failures
    assert "pickled by Python 3.99" in failure.traceback
    assert f"{sys.executable} is Python {HERE}" in failure.traceback
    # Once that is put right, as any failed pset.
    file.write_text(json.dumps({**json.loads(file.read_text()), "python": HERE}))
    (shipped(run) / "function.pk").write_bytes(cloudpickle.dumps(lambda a: a + 1))
    study.submit_batch(retry=True, notes=quiet)
    collected(study, 1)
    assert study.df["result"].tolist() == [2]


def test_a_job_without_cloudpickle_fails_and_says_so(
    machine: Write, study: Study, tmp_path: Path
) -> None:
    machine("#!/bin/sh\n$_cmd\n", python=without_cloudpickle(tmp_path / "python"))
    run = study.prep_batch([{"a": 1}], command=lambda a: a)
    done = subprocess.run(["sh", "calc/run_here.sh"], capture_output=True, text=True)
    assert f"cloudpickle=={cloudpickle.__version__}" in done.stderr
    assert "Traceback" not in done.stderr
    assert repr(study.sync()) == "nothing new" and run.status().state == "prepared"


def test_modules_that_are_missing_there_are_named(machine: Write, study: Study) -> None:
    machine()
    run = study.prep_batch([{"a": 1}], command=lambda a: a)
    (shipped(run) / "function.pk").write_bytes(b"cno_such_module\nf\n.")
    study.submit_batch(notes=quiet)
    collected(study, 1)
    text = run.failures[0].traceback
    assert "what it uses must be installed here" in text and "'no_such_module'" in text


def test_nothing_is_written_where_it_cannot_be_sent(machine: Write, study: Study) -> None:
    machine()
    lock = threading.Lock()

    def locked(a: int) -> bool:
        return lock.locked()

    with pytest.raises(FunctionError, match="`lock`"):
        study.prep_batch([{"a": 1}], command=locked)
    with pytest.raises(FunctionError, match="b"):
        study.prep_batch([{"a": 1}], command=lambda a, b: a)
    with pytest.raises(OptionError, match="a function has no templates"):
        study.prep_batch([{"a": 1}], "templates/mine", command=lambda a: a)
    machine("#!/bin/sh\npython3 run.py\n")
    with pytest.raises(TemplateError, match=r"nothing runs the command; a line \$_cmd does"):
        study.prep_batch([{"a": 1}], command=lambda a: a)
    assert not Path("calc").exists()


def test_a_dry_run_shows_it(machine: Write, study: Study) -> None:
    machine()
    study.simulate_batch([{"a": 1}], command=lambda a: a)
    subprocess.run(["sh", "calc.simulate/run_here.sh"], check=True)
    [result] = Path("calc.simulate").glob("*/result.json")
    assert result.read_text() == '{"result": 1}'


def test_other_code_says_what_to_do(machine: Write, study: Study) -> None:
    machine()
    run = study.prep_batch([{"a": 1}], command=lambda a: a)
    with pytest.raises(ps.StudyError, match=r"prep_batch"):
        study.rerun(run.run_seq)
    with pytest.raises(ps.StudyError, match=r"prep_batch"):
        run.export()


def test_old_pythons_can_read_the_program() -> None:
    """At least so far that it says which version is needed."""
    ast.parse(Path(run_function.__file__).read_text(), feature_version=(3, 7))
