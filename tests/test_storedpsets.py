"""A run's psets: what is written is read back, what is damaged is said."""

import contextlib
from pathlib import Path
from pickle import dumps, loads
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psweep_nb import JournalError
from psweep_nb.storedpsets import Psets

slow_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.lists(st.tuples(st.binary(max_size=50), st.none() | st.binary(min_size=20, max_size=20))))
@slow_fixtures
def test_psets_are_read_back(tmp_path: Path, items: list[tuple[bytes, bytes | None]]) -> None:
    path = tmp_path / "psets"
    path.unlink(missing_ok=True)
    Psets.write(path, [blob for blob, _ in items], [digest for _, digest in items])
    psets = Psets(path)
    assert len(psets) == len(items)
    assert not psets.plain
    assert [psets.blob(i, loads) for i in range(len(items))] == [blob for blob, _ in items]
    read = psets.psets(range(len(items)), lambda blob: {"blob": blob})
    assert read == [{"blob": blob} for blob, _ in items]
    digests = [None if digest == bytes(20) else digest for _, digest in items]
    assert psets.digests() == digests
    assert [psets.digest(i) for i in range(len(items))] == digests
    assert len({psets.id(i) for i in range(len(items))}) == len(items)


@given(st.integers(0, 200), st.data())
@slow_fixtures
def test_plain_psets_are_read_back_in_any_order(tmp_path: Path, n: int, data: Any) -> None:
    path = tmp_path / "psets"
    path.unlink(missing_ok=True)
    params = [{"a": i, "b": "x"} for i in range(n)]
    lists = [params[i : i + 64] for i in range(0, n, 64)]
    Psets.write(path, [dumps(some) for some in lists], [None] * n, 64)
    psets = Psets(path)
    assert psets.plain
    assert len(psets) == n
    order = data.draw(st.permutations(range(n)))
    for i in order[:20]:
        found = psets.pset(i, loads)
        assert found == params[i]
        assert loads(psets.blob(i, loads)) == params[i]
        found["a"] = "changed"
    assert psets.psets(order, loads) == [params[i] for i in order]


@given(st.data())
@slow_fixtures
def test_a_flipped_byte_in_lists_of_psets_is_never_read(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "psets"
    path.unlink(missing_ok=True)
    params = [{"a": i} for i in range(130)]
    Psets.write(path, [dumps(params[i : i + 64]) for i in (0, 64, 128)], [None] * 130, 64)
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    good = 0
    try:
        psets = Psets(path)
        for i in (129, 64, 0):
            with contextlib.suppress(JournalError):
                assert psets.pset(i, loads) == {"a": i}
                good += 1
        assert good >= 2, "only the list that was hit is lost"
    except JournalError as error:
        assert "damaged" in str(error)


@given(st.data())
@slow_fixtures
def test_a_flipped_byte_in_psets_is_never_read(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "psets"
    path.unlink(missing_ok=True)
    blobs = [b"first", b"second", b"third"]
    Psets.write(path, blobs, [b"d" * 20, None, b"e" * 20])
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        psets = Psets(path)
    except JournalError as error:
        assert "damaged" in str(error)
        return
    good = 0
    for i, blob in enumerate(blobs):
        try:
            assert psets.blob(i, loads) == blob
            good += 1
        except JournalError as error:
            assert f"pset {i} is damaged" in str(error)
    assert good >= 2, "only the pset that was hit is lost"
    assert psets.digests() == [b"d" * 20, None, b"e" * 20]


@given(st.data())
@slow_fixtures
def test_psets_cut_short_are_said(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "psets"
    path.unlink(missing_ok=True)
    Psets.write(path, [b"first", b"second"], [None, None])
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(JournalError, match=r"psets is (damaged|empty)"):
        Psets(path)
