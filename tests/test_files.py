"""Files that last: what others do to a folder meanwhile."""

import ctypes
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

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


def test_a_new_file_follows_the_umask_an_old_one_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "table"
    umask = os.umask(0o022)
    try:
        files.replace_file(path, lambda file: file.write(b"1"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        path.chmod(0o600)
        files.replace_file(path, lambda file: file.write(b"2"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(umask)


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "table"

    def killed(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        os._exit(0)

    if not (child := os.fork()):
        files.replace_file(path, killed, locked=True)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1
    files.replace_file(path, lambda file: file.write(b"whole"), locked=True)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"whole"


def test_a_file_system_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_file_system(tmp_path / "none")
    all_of_them: list[int] = []
    monkeypatch.setattr(os, "sync", lambda: all_of_them.append(1))

    class Libc:
        def syncfs(self, fd: int) -> int:
            ctypes.set_errno(number)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **options: Libc())
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        files.sync_file_system(tmp_path)
    number = errno.ENOSYS  # a sandbox
    files.sync_file_system(tmp_path)
    monkeypatch.delattr(Libc, "syncfs")  # macOS
    files.sync_file_system(tmp_path)
    assert all_of_them == [1, 1]
