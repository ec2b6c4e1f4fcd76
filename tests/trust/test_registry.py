"""The user's list of trusted studies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from psweep_nb.trust import is_trusted, register


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "psweep_nb"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "calc"
    path.mkdir()
    return path


def test_a_study_is_trusted_once_it_is_registered(study: Path, home: Path) -> None:
    assert not is_trusted(study, "id")
    assert not home.exists(), "asking writes nothing"
    register(study, "id")
    assert is_trusted(study, "id")
    assert (home / "trusted.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_copy_and_a_swapped_study_are_not_trusted(study: Path, tmp_path: Path) -> None:
    register(study, "id")
    assert not is_trusted(study, "other")
    assert not is_trusted(tmp_path / "copy", "id")
    assert not is_trusted(study, "")


def test_a_link_leads_to_the_same_study(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(study)
    register(tmp_path / "link", "id")
    monkeypatch.chdir(tmp_path)
    assert is_trusted(study, "id") and is_trusted("calc", "id")


def test_a_study_made_anew_in_its_place_replaces_it(study: Path) -> None:
    register(study, "one")
    register(study, "two")
    assert is_trusted(study, "two") and not is_trusted(study, "one")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"studies": []}', '{"studies": null}', "\0" * 9])
def test_a_damaged_list_trusts_nothing_and_is_replaced(text: str, study: Path, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "trusted.json").write_text(text)
    assert not is_trusted(study, "id")
    register(study, "id")
    assert is_trusted(study, "id")


def test_processes_lose_no_entry_of_each_other(study: Path, home: Path) -> None:
    code = (
        "import sys; from psweep_nb.trust import register\n"
        "for i in range(20): register(f'{sys.argv[1]}/{sys.argv[2]}-{i}', 'id')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(study), str(n)]) for n in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(json.loads((home / "trusted.json").read_text())["studies"]) == 60


def test_a_relative_data_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    register(tmp_path, "id")
    assert next((tmp_path / "home").rglob("trusted.json"))
