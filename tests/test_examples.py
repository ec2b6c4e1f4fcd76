"""The examples run as they are, twice in one directory, and make what they say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb.batch import psweep_job

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *, again: bool = True) -> str:
    """What an example prints, run in the test's own directory; then it is run once more."""
    outputs = []
    for _ in range(1 + again):
        done = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name],
            env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(done.stdout)
    return outputs[0]


def table(calc_dir: str) -> pd.DataFrame:
    return ps.Study(calc_dir, trust=True).table()


def test_all_are_tested_and_listed() -> None:
    names = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*.py")]
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    listed = (EXAMPLES / "README.md").read_text()
    for name in names:
        if name.name != "model.py" and "templates" not in name.parts:
            assert f'run("{name.as_posix()}"' in tests
        assert f"({name.parts[0]})" in listed


def test_vary_1_param() -> None:
    assert "_pset_sha1" in run("vary_1_param.py")
    df = table("calc")
    assert len(df) == 14  # run twice, the rows join
    assert df["period"][df["amplitude"] == 90].tolist() == 2 * [pytest.approx(1.18034, abs=1e-5)]


def test_vary_2_params() -> None:
    assert "Simpson  trapezoid" in run("vary_2_params.py")
    df = table("calc_vary_2_params").set_index(["rule", "n"])["error"]
    assert len(df) == 20
    for rule, order in (("trapezoid", 2), ("Simpson", 4)):
        ratio = df[(rule, 16)].iloc[0] / df[(rule, 32)].iloc[0]
        assert ratio == pytest.approx(2**order, rel=0.01)


def test_vary_1_param_parallel() -> None:
    out = run("vary_1_param_parallel.py", again=False)
    df = table("calc_vary_1_param_parallel")
    assert df["points"].tolist() == [300, 400, 500, 600, 700, 800]
    assert np.allclose(df["area"], 1.56, atol=0.02)
    assert os.getpid() not in df["pid"].tolist()
    assert f"computed by {df['pid'].nunique()} processes" in out


def test_dask_local() -> None:
    out = run("dask_local.py")
    df = table("calc_dask_local")
    assert len(df) == 24  # the second time nothing was new
    assert np.allclose(df["largest"] / (2 * np.sqrt(df["n"])), 1, atol=0.25)
    assert f"computed by {df['pid'].nunique()} processes" in out
    assert os.getpid() not in df["pid"].tolist()


def test_vary_1_param_repeat_same() -> None:
    assert "mean" in run("vary_1_param_repeat_same.py")
    df = table("calc_vary_1_param_repeat_same")
    assert df["n"].value_counts().tolist() == [40, 40, 40]
    assert df.groupby("n")["pi"].mean()[10_000] == pytest.approx(np.pi, abs=0.02)
    assert df["pi"][df["n"] == 10_000].nunique() == 20  # the same seeds when run again


def test_vary_1_param_study_column() -> None:
    out = run("vary_1_param_study_column.py").splitlines()
    assert out[0].startswith("coarse: 12 rows, lowest at r = 1.10")
    assert out[1] == "fine: 21 rows, lowest at r = 1.12: -0.9998"


def test_vary_2_params_repeat() -> None:
    assert "270 rows, from 1 run(s)" in run("vary_2_params_repeat.py")
    df = table("calc_vary_2_params_repeat")
    assert len(df) == 270  # the second time nothing was new
    means = df.groupby(["dimension", "steps"])["distance2"].mean()
    assert np.allclose(means / means.index.get_level_values("steps").to_numpy(), 1, atol=0.6)


def test_vary_1_param_simulate() -> None:
    assert "to be computed: 2\n" in run("vary_1_param_simulate.py")
    df = table("calc_vary_1_param_simulate")
    assert df["n"].tolist() == [2, 4, 6, 8, 10]  # the second time nothing was new
    assert df["condition"].is_monotonic_increasing
    assert table("calc_vary_1_param_simulate.simulate")["n"].tolist() == df["n"].tolist()


def test_repeat_failed() -> None:
    out = run("repeat_failed.py")
    assert "failed: 3.0 ArithmeticError: ran away after" in out
    df = table("calc_repeat_failed")
    assert df["state"].tolist() == 10 * ["done"]
    assert np.allclose(df["root"].astype(float), 0)


def test_capture_logs() -> None:
    out = run("capture_logs.py")
    assert "gap 0.05: failed\nstep 25: residual" in out
    assert out.endswith("step 100: residual 3.1e-04\nthe last one's file has 4 lines\n")
    df = ps.Study("calc_capture_logs", trust=True).df
    assert [len(text.splitlines()) for text in df["_logs"]] == 2 * [1, 3, 4]


def test_save_data_on_disk() -> None:
    run("save_data_on_disk/10run.py")
    out = run("save_data_on_disk/20eval.py")
    df = ps.Study("calc", trust=True).df
    files = {path.parent.name for path in Path("calc").glob("*/profile.npz")}
    assert files == set(df["_pset_id"]) and len(files) == 3  # the second time nothing was new
    width = [float(line.split()[-2]) for line in out.splitlines()[1:]]
    expected = [float(line.split()[-1]) for line in out.splitlines()[1:]]
    assert width == pytest.approx(expected, rel=0.01)
    assert df["width"].tolist() == pytest.approx(width, abs=1e-4)


def test_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # In a repository of its own: what is prepared is committed.
    shutil.copytree(EXAMPLES / "batch", ".", dirs_exist_ok=True)
    job = Path(psweep_job.__file__)
    assert Path("templates/calc/psweep_job.py").read_text() == job.read_text()
    Path(".gitignore").write_text("*.pyc\n")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "n")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "n@example.org")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "templates"]):
        subprocess.run(["git", *command], check=True)
    run("batch/10input.py", again=False)
    for name in ("local", "cluster"):
        assert Path(f"calc/run_{name}.sh").read_text().count("\ncd ") == 4
    subprocess.run(["sh", "calc/run_local.sh"], check=True)
    out = run("batch/20input.py", again=False)
    assert len(out.splitlines()) == 7
    subprocess.run(["sh", "calc/run_local.sh"], check=True)
    out = run("batch/30eval.py", again=False)
    df = ps.Study("calc", trust=True).table()
    assert df["state"].tolist() == 6 * ["done"]
    assert "Euler: the error falls with steps**-1.0" in out
    assert "leapfrog: the error falls with steps**-2.0" in out
    log = subprocess.run(["git", "log", "--format=%s"], capture_output=True, text=True, check=True)
    assert log.stdout.count("psweep: run_id=") == 2


def test_tree_study() -> None:
    out = run("tree_study.py")
    assert out.split()[-4:] == ["2.0", "2.0406", "1.8264", "1.7929"]
    assert table("calc_tree_study")["stage"].value_counts().to_dict() == {"levels": 3, "energy": 9}


def test_benchmark_shell_command() -> None:
    assert "ratio" in run("benchmark_shell_command.py")
    df = table("calc_benchmark_shell_command")
    assert (df["seconds"] > 0).all()
    assert df["ratio"][df["level"] == 9].min() > df["ratio"][df["level"] == 1].max() > 1


def test_multiple_local_1d_scans() -> None:
    assert "angle" in run("multiple_local_1d_scans/10run.py")
    out = run("multiple_local_1d_scans/20run.py")
    df = ps.Study("calc", trust=True).df
    assert df["_vary"].tolist() == 9 * ["angle"] + 4 * ["drag"]  # where they meet: only once
    assert df["range"][df["drag"] == 0.0].tolist() == [pytest.approx(20**2 / 9.81, rel=0.001)]
    assert len(out.splitlines()) == 6
