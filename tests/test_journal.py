"""The journal: whatever a crash or a bad disk does, no byte is read as what it is not."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psweep_nb.journal import DONE, END, FAILED, HEAD_SIZE, Reader, Record, Writer

bodies = st.lists(st.binary(max_size=200), min_size=1, max_size=12)
slow_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, contents: list[bytes]) -> bytes:
    path.unlink(missing_ok=True)
    writer = Writer(path)
    for number, body in enumerate(contents):
        writer.append(DONE, body, pset=number, attempt=1, start_ns=7, runtime_ns=number)
    writer.close()
    return path.read_bytes()


def read(path: Path) -> tuple[list[tuple[int, bytes]], Reader]:
    reader = Reader(path)
    return [(r.pset, r.body) for r in reader.read()], reader


@given(bodies)
@slow_fixtures
def test_reads_back_what_was_written(tmp_path: Path, contents: list[bytes]) -> None:
    path = tmp_path / "journal"
    data = write(path, contents)
    found, reader = read(path)
    assert found == list(enumerate(contents))
    assert (reader.offset, reader.tail, reader.damage) == (len(data), "", [])


def test_fields_survive(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j")
    writer.append(
        FAILED, b"x", attempt=3, pset=2**32 - 1, start_ns=-5, runtime_ns=2**62, log_start=9,
        log_end=2**63,
    )  # fmt: skip
    (record,) = Reader(tmp_path / "j").read()
    assert record[:8] == (FAILED, 3, 2**32 - 1, -5, 2**62, 9, 2**63, b"x")
    assert Reader(tmp_path / "j").body(record.offset, 1) == b"x"


@given(bodies, st.data())
@slow_fixtures
def test_a_cut_file_gives_a_prefix(
    tmp_path: Path, contents: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path / "journal"
    whole = write(path, contents)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    found, reader = read(path)
    assert found == list(enumerate(contents))[: len(found)]
    assert reader.damage == []
    assert reader.tail in ("", "torn")
    assert len(found) == len(contents) or cut < len(whole)


@given(bodies, st.data())
@slow_fixtures
def test_a_zero_filled_tail_gives_a_prefix(
    tmp_path: Path, contents: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path / "journal"
    whole = write(path, contents)
    start = data.draw(st.integers(0, len(whole) - 1))
    extra = data.draw(st.integers(0, 200))
    path.write_bytes(whole[:start] + bytes(len(whole) - start + extra))
    found, reader = read(path)
    assert found == list(enumerate(contents))[: len(found)]
    assert len(found) < len(contents)
    assert reader.tail == "torn"
    assert reader.damage == []


@given(bodies, st.data())
@slow_fixtures
def test_a_flipped_byte_is_reported_and_never_read(
    tmp_path: Path, contents: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path / "journal"
    whole = bytearray(write(path, contents))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    found, reader = read(path)
    assert set(found) <= set(enumerate(contents))
    assert reader.damage or reader.tail
    if at < len(whole) - 1:  # a last byte that became zero looks like a torn tail, and is one
        assert reader.damage or reader.tail == "damaged" or whole[-1] == 0
    if at >= 12:  # behind the file's own head only the record that was hit is lost
        assert len(found) == len(contents) - 1


@given(bodies, st.integers(1, 60))
@slow_fixtures
def test_a_growing_file_is_read_once_in_pieces(
    tmp_path: Path, contents: list[bytes], step: int
) -> None:
    path, growing = tmp_path / "journal", tmp_path / "growing"
    whole = write(path, contents)
    growing.write_bytes(b"")
    reader, found = Reader(growing), list[Record]()
    with open(growing, "ab", buffering=0) as file:
        for start in range(0, len(whole), step):
            file.write(whole[start : start + step])
            found += reader.read()
            assert reader.damage == []
    assert [r.body for r in found] == contents
    assert reader.tail == ""


def test_reading_goes_on_from_an_offset(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j")
    writer.append(DONE, b"one")
    first = Reader(tmp_path / "j")
    first.read()
    writer.append(END, b"two")
    assert [r.body for r in Reader(tmp_path / "j", first.offset).read()] == [b"two"]


def test_a_limit_gives_portions(tmp_path: Path) -> None:
    write(tmp_path / "j", [bytes([i]) for i in range(10)])
    reader = Reader(tmp_path / "j")
    assert [len(reader.read(4)) for _ in range(4)] == [4, 4, 2, 0]


def test_a_record_larger_than_a_chunk(tmp_path: Path) -> None:
    big = os.urandom(3 * Reader.CHUNK + 17)
    write(tmp_path / "j", [b"a", big, b"c"])
    found, reader = read(tmp_path / "j")
    assert [body for _, body in found] == [b"a", big, b"c"]
    assert reader.tail == ""


def test_a_journal_inside_a_journal_is_data(tmp_path: Path) -> None:
    """After damage the reader looks for the next record: not inside somebody's result."""
    inner = write(tmp_path / "inner", [b"x" * 20] * 3)
    whole = bytearray(write(tmp_path / "outer", [b"first", inner, b"last"]))
    whole[whole.index(inner)] ^= 1
    (tmp_path / "outer").write_bytes(whole)
    found, reader = read(tmp_path / "outer")
    assert found == [(0, b"first"), (2, b"last")]
    assert len(reader.damage) == 1


def test_a_writer_never_continues_an_old_file(tmp_path: Path) -> None:
    write(tmp_path / "j", [b"x"])
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "j")


def test_a_foreign_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"something else entirely, and long enough to be a record" * 3)
    found, reader = read(tmp_path / "j")
    assert found == []
    assert reader.damage


def test_a_missing_file_holds_nothing_yet(tmp_path: Path) -> None:
    assert Reader(tmp_path / "j").read() == []


class FullDisk:
    """`os.write` on a disk with `room` bytes, which gets `more` at each attempt after that."""

    def __init__(self, room: int, more: int) -> None:
        self.room, self.more, self.write = room, more, os.write

    def __call__(self, fd: int, data: bytes) -> int:
        if self.room == 0:
            self.room = self.more
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self.write(fd, bytes(data)[: self.room])
        self.room -= done
        return done


def test_a_full_disk_is_waited_for_and_the_record_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bool] = []
    writer = Writer(tmp_path / "j", on_full=said.append)
    monkeypatch.setattr("psweep_nb.journal._RETRY_FULL_S", 0.001)
    monkeypatch.setattr(os, "write", FullDisk(HEAD_SIZE // 2, more=30))
    writer.append(DONE, b"x" * 100)
    monkeypatch.undo()
    writer.append(DONE, b"y")
    assert [r.body for r in Reader(tmp_path / "j").read()] == [b"x" * 100, b"y"]
    assert said == [True, False]


def test_a_full_disk_is_an_error_for_who_cannot_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path / "j")
    monkeypatch.setattr(os, "write", FullDisk(0, more=0))
    with pytest.raises(OSError, match="No space"):
        writer.append(DONE, b"x")
