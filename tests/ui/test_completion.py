"""Tab after %psweep."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

from psweep_nb.ui.completion import completions
from tests.ui.conftest import Notebook


@pytest.fixture
def nb(notebook: Notebook) -> Notebook:
    notebook.run("def shade(a):\n    return a\nshapes = params = [{'a': 1}]\n_hidden = 1")
    return notebook


def test_subcommands_options_and_names(nb: Notebook) -> None:
    def at(line: str) -> list[str]:
        return completions(line, nb.session)

    assert at("%psweep r") == ["resume", "retry", "run", "runs"]
    assert "status" in at("%psweep ")
    assert at("%%psweep ") == ["params", "run", "watch"]
    assert at("%%psweep params sha") == ["shade", "shapes"]
    assert at("%%psweep params -") == ["--help", "-h"]
    assert at("%psweep run sha") == ["shade", "shapes"]
    assert at("%psweep run shade --o") == ["--on-error", "--order", "--out"]
    assert at("%psweep run shade --order ") == ["given", "repeats-last", "shuffle"]
    assert at("%psweep run shade --setup sha") == ["shade", "shapes"]
    assert at("%psweep run shade --on-error ") == ["record", "stop"]
    assert at("%psweep run shade a=par") == ["a=params"]
    assert "--results" in at("%%psweep run params --")
    assert at("%psweep nothing ") == []
    assert at("%psweep run shade [par") == []
    assert "_hidden" not in at("%psweep run ")
    assert at("%psweep run _hid") == ["_hidden"]


def test_runs_and_directories(nb: Notebook) -> None:
    Path("calc").mkdir()
    Path("other/inner").mkdir(parents=True)
    Path(".hidden").mkdir()
    nb.run("%psweep run shade params --label first -o mine")
    assert completions("%psweep stop ", nb.session) == ["-1", "0", "first", "mine"]
    assert completions("%psweep use ", nb.session) == ["calc/", "other/"]
    assert completions("%psweep status -d other/", nb.session) == ["other/inner/"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [("%psweep st", "status"), ("%%psweep r", "run"), ("x = 1\n%psweep run sha", "shade")],
)
def test_the_shell_asks_us(nb: Notebook, code: str, expected: str) -> None:
    with provisionalcompleter():
        found = [c.text for c in nb.shell.Completer.completions(code, len(code))]
    assert expected in found
