"""Where every test and doctest runs: a directory of its own, and nobody's real user data."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_HOMES = {
    "XDG_DATA_HOME": "data",  # the register of trusted studies
    "IPYTHONDIR": "ipython",  # history and startup files of the user's
    "JUPYTER_CONFIG_DIR": "jupyter",
}
_home_key = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # In the environment and for the whole session, not by a fixture: kernels and drivers that
    # tests start inherit it, and some outlive the test that started them by a moment.
    home = Path(tempfile.mkdtemp(prefix="psweep-tests-"))
    config.stash[_home_key] = home
    for variable, name in _HOMES.items():
        os.environ[variable] = str(home / name)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_home_key], ignore_errors=True)


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The test's working directory: a study's default place, `calc/`, is below it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]  # another test may write a module of that name
