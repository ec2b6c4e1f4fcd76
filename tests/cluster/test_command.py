"""The same `Command`, run here and as jobs: rows are the same."""

import sys
from pathlib import Path

import pytest

from psweep_nb import Command, Run, Study
from tests.waiting import until

PROGRAM = """\
import sys
a = int(open("in.txt").read()[4:])
print("a is", a)
if a % 2:
    sys.exit(f"{a} is odd")
open("out.txt", "w").write(str(a / 2))
"""


def read(folder: Path) -> dict[str, float]:
    return {"half": float((folder / "out.txt").read_text())}


@pytest.mark.parametrize("subcmd", ["sh", "sbatch"])
def test_rows_are_those_of_a_run_here(
    study: Study, subcmd: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if subcmd == "sbatch":
        monkeypatch.setenv("SLURM_CONF", str(request.getfixturevalue("slurm").conf))
    for name, text in {
        "calc/in.txt": "a = $a\n",
        "calc/program.py": PROGRAM,
        "machines/m/jobscript": "#!/bin/sh\n#SBATCH --output=job.log\n$_cmd\n",
        "machines/m/info.yaml": f"subcmd: {subcmd}\n",
    }.items():
        Path("templates", name).parent.mkdir(parents=True, exist_ok=True)
        Path("templates", name).write_text(text)
    command = Command(f"{sys.executable} program.py $word", "templates/calc", reader=read)
    params = [{"a": a, "word": "$(touch hit) it's"} for a in range(4)]
    study.run(command, params, on_error="record", capture_logs="db")
    here = study.run_of(-1)
    there = study.prep_batch(params, command=command)
    study.submit_batch()

    def finished() -> bool:
        study.sync(every=0)
        return there.status().state == "finished"

    until(finished, timeout=120, every=0.2)
    columns = ["a", "word", "half", "_pset_sha1", "_failed", "_attempt", "_calc_dir"]
    assert rows(there, columns) == rows(here, columns)
    for run in (here, there):
        assert [record.index for record in run.failures] == [1, 3]
        assert all("exit code 1" in record.error for record in run.failures)
    assert study.plan(command, params, skip="done").stale == 0
    assert not list(Path().rglob("hit"))
    for number in range(4):
        folders = [Path("calc", run.folder.psets.id(number)) for run in (here, there)]
        for name in ("in.txt", "program.py", *(["out.txt"] if number % 2 == 0 else [])):
            first, second = (folder / name for folder in folders)
            assert first.read_bytes() == second.read_bytes()
    record = there.view.record(0)
    assert record is not None and record.log() == here.df["_logs"].iloc[0] == "a is 0\n"


def rows(run: Run, columns: list[str]) -> list[list[object]]:
    return [list(map(repr, row)) for row in run.df[columns].values.tolist()]
