"""Psets are distributed over jobs, each once, and scripts ask for what the user's own ask for."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.batch.packing import Pack, directives, packed, script, submit_text

IDS = [f"pset-{number}" for number in range(40)]


@given(
    attempts=st.dictionaries(st.integers(0, 30), st.integers(1, 3), min_size=1),
    per_job=st.one_of(st.none(), st.integers(1, 5)),
    array=st.booleans(),
    most=st.integers(1, 7),
)
def test_each_pset_is_in_one_pack(
    attempts: dict[int, int], per_job: int | None, array: bool, most: int
) -> None:
    packs = list(packed(attempts, per_job, array, most))
    assert sorted(number for pack in packs for number in pack.psets) == sorted(attempts)
    assert len({pack.token for pack in packs}) == len(packs)
    for pack in packs:
        assert {attempts[number] for number in pack.psets} == {pack.attempt}
        assert len(pack.tasks) <= (most if array else 1)
        assert all(pack.tasks)
        if per_job is not None:
            assert max(map(len, pack.tasks)) <= per_job
        if array:  # by which the task of a pset is told from its place
            assert [number // pack.per_task for number in range(len(pack.psets))] == [
                task for task, numbers in enumerate(pack.tasks) for _ in numbers
            ]


def test_what_is_for_slurm_ends_with_the_first_command() -> None:
    text = "#!/bin/sh\n# words\n#SBATCH --mem=1\n\n#SBATCH\t-t 1\n#SBATCHED\ntrue\n#SBATCH -o x\n"
    assert directives(text) == ["#SBATCH --mem=1", "#SBATCH\t-t 1"]


def pack(*tasks: list[int], array: bool = False, scripted: bool = True) -> Pack:
    return Pack("tok", list(tasks), 1, array, scripted)


def test_a_script_runs_each_job_script_by_its_own_shell(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / IDS[number]
        folder.mkdir()
        (folder / "job script").write_text(f"print({number}); exit({number})")
    text = script(pack([0, 1, 2]), IDS, "job script", "#!/usr/bin/env python3\n#SBATCH --mem=1\nx")
    assert text.splitlines()[:2] == ["#!/bin/sh", "#SBATCH --mem=1"]
    done = subprocess.run(["sh", "-c", text], cwd=tmp_path, check=False)
    assert done.returncode == 2  # the last that failed
    for number in range(3):
        folder = tmp_path / IDS[number]
        assert (folder / "job.log").read_text() == f"{number}\n"
        assert (folder / ".psweep_job" / "tok.exit").read_text().split()[0] == str(number)
        assert (folder / ".psweep_job" / "tok.started").exists()


def test_a_task_of_an_array_runs_its_psets(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / IDS[number]).mkdir()
        (tmp_path / IDS[number] / "job").write_text("echo $SLURM_SUBMIT_DIR")
    text = script(pack([0, 1], [2, 3], array=True), IDS, "job", "#!/bin/sh\n")
    done = subprocess.run(
        ["sh", "-c", text], cwd=tmp_path, env={"SLURM_ARRAY_TASK_ID": "1"}, check=False
    )
    assert done.returncode == 0
    logs = [tmp_path / IDS[number] / "job.log" for number in range(4)]
    assert [log.exists() for log in logs] == [False, False, True, True]
    assert logs[2].read_text() == f"{tmp_path / IDS[2]}\n"


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("#!/bin/sh\n", ["--comment=psweep:tok", "--output=job.log"]),
        ("#!/bin/sh\n#SBATCH --comment=mine\n", ["--output=job.log"]),
        ("#!/bin/sh\n#SBATCH -o mine\n", ["--comment=psweep:tok"]),
        ("#!/bin/sh\n#SBATCH --output=mine\n", ["--comment=psweep:tok"]),
    ],
)
def test_what_a_job_script_asks_for_is_not_overridden(text: str, has: list[str]) -> None:
    one = pack([0], scripted=False)
    line = submit_text([one], "/calc", IDS, "job", {"subcmd": "sbatch -p 'a b'"}, text)
    last = line.splitlines()[-1]
    assert last == f"submit tok pset-0 pset-0 $limit sbatch -p 'a b' --parsable {' '.join(has)} job"


def test_names_are_quoted_for_the_shell(tmp_path: Path) -> None:
    (tmp_path / "it's; here" / IDS[0]).mkdir(parents=True)
    calc, name = str(tmp_path / "it's; here"), "job$(touch bad)"
    text = submit_text([pack([0], scripted=False)], calc, IDS, name, {"subcmd": "sbatch"}, "")
    fake = 'sbatch() { printf "%s\\n" "$@" >args; echo 7; }\ntimeout() { shift; "$@"; }\n'
    done = subprocess.run(["sh", "-c", fake + text], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("job tok 7\n")
    args = (tmp_path / "it's; here" / IDS[0] / "args").read_text().splitlines()
    assert args[-1] == name
