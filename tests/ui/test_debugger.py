"""IPython's debugger on a pset: in a shell, where nobody can be asked, and in a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from psweep_nb import Study, debugging, ui


@pytest.fixture
def shell(ipython: InteractiveShell) -> Iterator[InteractiveShell]:
    before = debugging._debugger
    ui.load(ipython)
    yield ipython
    debugging.use(before)


def failing(a: int) -> float:
    x = a + 41
    return x / 0


def test_it_is_ipythons(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Study("calc").run(failing, [{"a": 1}], on_error="record")
    said = iter(["p x * 10", "up", "q"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(said))
    assert Study("calc").pset().debug() is None
    out = capsys.readouterr().out
    assert "420" in out
    assert "failing" in out
    assert "Oldest frame" in out  # none of ours above the function's
    assert next(said, None) is None


def test_where_nobody_can_be_asked(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_prompt: str) -> str:
        raise StdinNotImplementedError("raw_input was called, but this frontend does not ...")

    monkeypatch.setattr("builtins.input", refuse)
    Study("calc").run(failing, [{"a": 1}], on_error="record")
    assert Study("calc").pset().debug() is None
    assert "it failed in failing, line " in capsys.readouterr().out


def test_in_a_kernel(own_directory: Path) -> None:
    manager, client = start_new_kernel(cwd=str(own_directory))
    printed: list[str] = []
    said = iter(["p x * 10", "q"])

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    def run(code: str) -> None:
        reply = client.execute_interactive(
            code,
            timeout=60,
            allow_stdin=True,
            output_hook=take,
            stdin_hook=lambda _: client.input(next(said)),
        )
        assert reply["content"]["status"] == "ok", reply["content"]

    try:
        run("%load_ext psweep_nb\ndef f(a):\n    x = a + 41\n    return x / 0")
        run("%psweep run f a=[1, 2] --wait")
        run("run.failures[0].debug()")
        assert "420" in "".join(printed)
        assert next(said, None) is None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
