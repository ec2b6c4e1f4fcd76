"""The code in README.md runs as it stands, in one notebook from top to bottom."""

from __future__ import annotations

import re
import textwrap

import pandas as pd
import pytest

from tests.test_examples import EXAMPLES
from tests.ui.conftest import Shell, usage_error

README = (EXAMPLES.parent / "README.md").read_text()
BLOCKS = [
    textwrap.dedent(text)
    for text in re.findall(r"^ *```python\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
]
LINES = re.findall(r"`(%psweep [^`]+)`", README)


@pytest.fixture
def shell(ipython, tmp_path, monkeypatch, capsys) -> Shell:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PSWEEP_WAIT", "1")
    return Shell(ipython, capsys)


def test_each_block_does_something(shell: Shell) -> None:
    start, look, cell, script = BLOCKS
    assert "6 of 6 done" in shell.run(start)
    table = shell.run(f"print({look.partition('#')[0].strip()})")
    assert table.split()[:4] == ["a", "b", "energy", "state"]
    assert "10 of 10 done" in shell.run(cell)
    shell.run(script)
    df = pd.read_pickle("calc/database.pk")
    assert df["_run_seq"].tolist() == [0] * 6 + [1] * 10 + [2] * 3
    assert df["area"].notna().sum() == 10
    assert df["energy"].notna().sum() == 9


def test_each_line_is_a_command(shell: Shell) -> None:
    shell.run(BLOCKS[0])
    shell.run("params = ps.grid(a=[1])")
    assert "%psweep retry" in LINES
    for line in LINES:
        if line.split()[1] in ("stop", "resume"):
            assert "nothing to stop" in usage_error(shell, "%psweep stop")
        else:
            shell.run(line)
