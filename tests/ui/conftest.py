"""A shell in this process with the magics on a fake study."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from playwright.sync_api import Browser, sync_playwright

from psweep_nb.ui.completion import completer
from psweep_nb.ui.magics import PsweepMagics
from psweep_nb.ui.session import Session
from tests.ui.fakes import FakeStudy
from tests.ui.lab import Server


class Shell:
    """A shell, and what its cells print."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self.capsys = capsys

    def run(self, source: str) -> str:
        """Run a cell; what it printed. Raises what the cell raised."""
        self.capsys.readouterr()
        result = self.shell.run_cell(source)
        printed = self.capsys.readouterr()
        result.raise_error()
        return printed.out

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


def usage_error(shell: Shell, source: str) -> str:
    """What is said of a cell that is wrong, in a line."""
    with pytest.raises(UsageError) as caught:
        shell.run(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Notebook(Shell):
    """A shell, and the stand-ins of studies that it opened."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(shell, capsys)
        self.studies: dict[str, FakeStudy] = {}
        self.session = Session(shell.user_ns, self._open)
        shell.register_magics(PsweepMagics(shell, self.session))
        for magic in ("%psweep", "%%psweep"):
            shell.set_hook("complete_command", completer(self.session), str_key=magic)

    def _open(self, path: Path) -> Any:
        return self.studies.setdefault(str(path), FakeStudy(path))


@pytest.fixture
def ipython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PSWEEP_WAIT", raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    yield shell
    shell.restore_sys_module_state()
    if shell.history_manager is not None:
        shell.history_manager.end_session()  # it writes from a thread
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(ipython: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Notebook:
    return Notebook(ipython, capsys)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab."""
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where screenshots go: ``PSWEEP_SHOTS``, else the test's own directory."""
    folder = Path(os.environ.get("PSWEEP_SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
