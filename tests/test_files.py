"""Files that last: what others do to a folder meanwhile."""

from pathlib import Path

import pytest

from psweep_nb import files


def test_a_file_that_goes_while_its_folder_is_forced_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    synced = []
    sync_file = files.sync_file

    def meanwhile(path: Path) -> None:
        (tmp_path / "b").unlink(missing_ok=True)
        sync_file(path)
        synced.append(path.name)

    monkeypatch.setattr(files, "sync_file", meanwhile)
    files.sync_folder(tmp_path)
    assert set(synced) == {"a", "c", tmp_path.name}
