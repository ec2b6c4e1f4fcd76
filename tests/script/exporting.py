"""Notebooks run, exported, and their scripts run, many in one process each; what came of it."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb import Study

HERE = Path(__file__).parent


@dataclass
class Exported:
    """A notebook and its script, after both have run."""

    folder: Path
    errors: list[str]  # of the notebook
    error: str  # of the script
    printed: str = ""

    @property
    def text(self) -> str:
        return (self.folder / "run.py").read_text()

    @property
    def before(self) -> pd.DataFrame:
        return Study(self.folder / "calc").df

    @property
    def after(self) -> pd.DataFrame:
        return Study(self.folder / "again").df

    def code(self, calc_dir: str) -> str:
        """The identity of the code that did it."""
        return str(Study(self.folder / calc_dir).runs[-1].spec.code["sha1"])


END = "import psweep_nb as ps\n\nstudy = ps.Study('calc')\nstudy.run({f}, {psets})\n{export}"


def end(f: str = "f", psets: str = "ps.grid(a=[1, 2, 3])", export: str = "study.export()") -> str:
    """The last cell of a notebook: its run, and the export."""
    return END.format(f=f, psets=psets, export=export)


def run(
    cases: Sequence[Sequence[str]], place: Path, files: Mapping[str, str] | None = None
) -> list[Exported]:
    """Run notebooks, each a list of cells that ends with an export, and then their scripts.

    `files` are in the folder of each.
    """
    folders = [place / f"case{number}" for number in range(len(cases))]
    for folder in folders:
        folder.mkdir(parents=True)
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
    notebooks = [
        {"folder": str(folder), "cells": [textwrap.dedent(cell).strip("\n") for cell in cells]}
        for folder, cells in zip(folders, cases, strict=True)
    ]
    _process("notebooks.py", notebooks, place)
    ran = [folder for folder in folders if (folder / "run.py").exists()]
    _process("scripts.py", [_script(folder) for folder in ran], place)
    return [_result(folder) for folder in folders]


def _script(folder: Path) -> dict[str, Any]:
    return {"folder": str(folder), "argv": ["run.py", "--calc-dir", "again"]}


def _process(script: str, cases: list[dict[str, Any]], place: Path) -> None:
    file = place / f"{script}.json"
    file.write_text(json.dumps(cases))
    done = subprocess.run(
        [sys.executable, str(HERE / script), str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _result(folder: Path) -> Exported:
    errors = json.loads((folder / "errors.json").read_text())
    if not (folder / "ran.json").exists():
        return Exported(folder, errors, "no script")
    ran = json.loads((folder / "ran.json").read_text())
    assert not ran["jupyter"]
    return Exported(folder, errors, ran["error"], ran["printed"])


def ruff(place: Path, rules: str = "E4,E7,E9,F,I", without: Sequence[str] = ()) -> str:
    """What ruff says of all scripts there: unused, undefined, out of order, badly laid out."""
    said = ""
    for command in (["check", "-q", "--select", rules], ["format", "--diff", "-q"]):
        left_out = [f"--exclude={name}" for name in without]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", *left_out, str(place)],
            capture_output=True,
            text=True,
            check=False,
            cwd=place,  # in a clone, psweep_nb would be a module of the user's
        )
        said += done.stdout + done.stderr
    return said
