"""``%psweep export``, and the cells that are kept for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from psweep_nb.script.watched import watched_cells
from psweep_nb.ui.completion import completions
from tests.ui.conftest import Notebook, Shell, usage_error


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ipython: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shell = Shell(ipython, capsys)
    shell.run(
        "%load_ext psweep_nb\ndef f(a):\n    return {'r': 2 * a}\ndef g(a):\n    return ex(a)"
    )
    shell.run("exec('def ex(a): return a')")
    return shell


def test_a_study_and_a_run(shell: Shell) -> None:
    shell.run("%psweep run f a=[1, 2] --in-kernel --wait")
    shell.run("%psweep run f a=[3] --in-kernel --wait --label more")
    assert shell.run("%psweep export run.py") == "written: run.py\n"
    assert "PARAMS = ps.grid(a=[1, 2, 3])" in Path("run.py").read_text()
    said = usage_error(shell, "%psweep export run.py")
    assert said.endswith("run.py exists already: choose another name, or --force")
    assert shell.run("%psweep export run.py more --force") == "written: run.py\n"
    assert 'PARAMS = [{"a": 3}]' in Path("run.py").read_text()
    Path("some dir").mkdir()
    assert shell.run("%psweep export 'some dir/x.py' -1") == "written: some dir/x.py\n"


def test_wrong_use(shell: Shell) -> None:
    said = usage_error(shell, "%psweep export")
    assert said == "which file? %psweep export FILE [RUN]"
    shell.run("%psweep run g a=[1, 2] --in-kernel --wait")
    assert "it should end in .py" in usage_error(shell, "%psweep export run")
    assert "has no run 7" in usage_error(shell, "%psweep export run.py 7")
    assert "nothing expected after" in usage_error(shell, "%psweep export run.py 0 1")
    said = usage_error(shell, "%psweep export run.py")
    assert "`ex` (line 2 of `g`: return ex(a))" in said and "or --pickles, to have it" in said
    assert shell.run("%psweep export run.py --pickles") == "written: run.py, run.pkl\n"
    out = shell.run("%psweep export -h")
    assert out.startswith("usage: %psweep export FILE [RUN]") and "--pickles" in out


def test_watched_cells_are_kept_as_they_are_last(shell: Shell) -> None:
    shell.run("%psweep run f a=[1, 2] --in-kernel --wait\nunit = 'eV'")
    for _ in range(2):
        shell.run("%%psweep watch\nprint(unit, len(study.df))")
    shell.run("%%psweep watch\n%matplotlib --list\nrun.df")
    first, second = watched_cells([shell["run"].folder])
    assert first.source == "print(unit, len(study.df))\n"
    assert [part["names"] for part in first.needed.code] == [["unit"]]
    assert first.roles["study"] is None and first.roles["run"] == 0
    assert second.source.endswith("run.df\n")
    # Half a line, of a full disk, is passed over.
    with open(shell["run"].folder.path / "watched", "a") as file:
        file.write('{"key": "x", "sou')
    assert len(watched_cells([shell["run"].folder])) == 2


def test_tab(notebook: Notebook) -> None:
    notebook.run("def shade(a):\n    return a\n%psweep run shade a=[1] --label first")
    Path("scripts").mkdir()
    assert completions("%psweep export ", notebook.session) == ["run.py", "calc/", "scripts/"]
    assert completions("%psweep export run.py --", notebook.session)[1:3] == ["--force", "--help"]
    assert "first" in completions("%psweep export run.py ", notebook.session)
