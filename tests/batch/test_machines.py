"""Machines are read strictly: a misspelt key or a missing file is said, with its place."""

import os
from pathlib import Path

import pytest

from psweep_nb import OptionError, TemplateError
from psweep_nb.batch.machines import read_machines

# A few lines that are 9**9 words when they are written out.
BOMB = "\n  a0: &a0 [x]\n" + "".join(
    f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


def write(info: str, name: str = "here") -> None:
    folder = Path("machines", name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "info.yaml").write_text(info)
    (folder / "jobscript").write_text("#!/bin/sh\n")


def test_machines_are_read_by_name() -> None:
    write("subcmd: sbatch --parsable\narray: true\npsets_per_job: 4\n", "two")
    write("---\nsubcmd: sh\nhost: cluster\nexcl_pull: ['*.big']\n", "one")
    Path("machines/.ipynb_checkpoints").mkdir()
    Path("machines/README").touch()
    one, two = read_machines("machines", "dollar")
    assert (one.name, one.jobscript.name) == ("one", "jobscript_one")
    assert one.info["excl_pull"] == ["*.big"]
    assert two.info == {"subcmd": "sbatch --parsable", "array": True, "psets_per_job": 4}


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ("", "`subcmd` is missing"),
        ("- a\n", "`subcmd` is missing"),
        ("host: x\n", "`subcmd` is missing"),
        ("subcmd: ''\n", "`subcmd` is ''"),
        ('subcmd: "a\\nrm x"\n', "`subcmd` is"),
        ("subcmd: sbatch 'x\n", "`subcmd` is"),
        ("subcmd: 3\n", "`subcmd` is 3"),
        ("subcmd: sh\nhots: x\n", "line 2: there is no 'hots'; there are subcmd, host"),
        ("subcmd: sh\narray: maybe\n", "line 2: `array` is 'maybe'; it should be true or false"),
        ("subcmd: sh\npsets_per_job: 0\n", "`psets_per_job` is 0"),
        ("subcmd: sh\nexcl_push: x\n", "`excl_push` is 'x'; it should be a list"),
        ("subcmd: sh\n a: [\n", "line 2: this is not YAML"),
        ("subcmd: sh\npath: 2024-99-99\n", "this is not YAML: month must be"),
        ("subcmd: " + "[" * 3000, "this is not YAML"),
        ("subcmd: sh\narray: true\nsubcmd: bash\n", "line 3: `subcmd` is there more than once"),
        (f"subcmd: sh\nhost: {BOMB}", "`host` is {"),
        ("subcmd: !!python/object/apply:os.getcwd []\n", "line 1: this is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(info: str, message: str) -> None:
    write(info)
    with pytest.raises(TemplateError) as error:
        read_machines("machines", "dollar")
    assert str(error.value).startswith("machines/here/info.yaml") and message in str(error.value)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(OptionError, match="no directory 'machines' of machines"):
        read_machines("machines", "dollar")
    os.mkdir("machines")
    with pytest.raises(OptionError, match="has no machine"):
        read_machines("machines", "dollar")
    write("subcmd: sh\n")
    os.unlink("machines/here/jobscript")
    with pytest.raises(TemplateError, match="machines/here/jobscript is missing"):
        read_machines("machines", "dollar")


@pytest.mark.parametrize("name", ["a b", "-x", "x;rm", "$(x)", "a'b"])
def test_names_that_a_shell_would_understand_are_refused(name: str) -> None:
    write("subcmd: sh\n", name)
    with pytest.raises(TemplateError, match="the name of a machine"):
        read_machines("machines", "dollar")
