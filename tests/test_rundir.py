"""A run's folder: what is written is read back, what is damaged is said and harms no other run."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from psweep_nb import JournalError, Study, StudyError
from psweep_nb.rundir import RunDir, SessionSpec, new_run, publish
from tests import workloads

slow_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
SPEC = SessionSpec(
    kind="submit", host="here", mode="inline", workers=2, on_error="record",
    call={"style": "pset", "names": None}, function="f", module="m", source="", time_ns=1,
)  # fmt: skip
INFO = {"run_seq": 0, "pset_seq": 0, "n": 1, "label": "", "params": ["a"], "calc_dir": "calc"}


def made(path: Path) -> RunDir:
    run = new_run(path, "some-id", [b"x"], [None])
    run.add_session(SPEC, b"function", [(0, 1)])
    return publish(run, {"run_id": "some-id", **INFO})


# -- sessions and commands ---------------------------------------------------------------------


def test_a_session_is_read_back(tmp_path: Path) -> None:
    run = made(tmp_path)
    (session,) = run.sessions()
    assert replace(session.spec, can=(), sys_path=()) == SPEC
    assert session.number == 0
    assert session.todo.tolist() == [0, 1]
    assert session.function.read_bytes() == b"function"
    assert session.cells.slots == 2
    assert run.add_session(SPEC, None, [(0, 2)]).number == 1
    assert [s.number for s in run.sessions()] == [0, 1]
    assert run.info["run_id"] == run.run_id == "some-id"


def test_what_a_killed_caller_left_is_no_session(tmp_path: Path) -> None:
    run = made(tmp_path)
    (run.path / ".001").mkdir()
    (run.path / ".001" / "session.json").write_text("{}")
    assert len(run.sessions()) == 1
    assert run.add_session(SPEC, None, [(0, 2)]).spec.kind == "submit"


def test_a_command_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    run = made(tmp_path)
    (run.path / "commands").symlink_to("/dev/full")
    with pytest.raises(
        StudyError, match=r"cannot be told to stop: No space left on device \(.*/co"
    ):
        run.command("stop")


def test_commands_are_read_once(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert run.commands(0) == ([], 0)
    run.command("pause")
    names, offset = run.commands(0)
    assert names == ["pause"]
    assert offset == run.commands_size()
    run.command("stop")
    assert run.commands(offset)[0] == ["stop"]


def test_what_is_no_command_is_passed_over(tmp_path: Path) -> None:
    run = made(tmp_path)
    lines = [b"\xff\xfe", b"{}", b"[1]", b"", b'"stop"', b'{"command": "pause"}', b'{"comm']
    (run.path / "commands").write_bytes(b"\n".join(lines))
    names, offset = run.commands(0)
    assert names == ["pause"]
    with open(run.path / "commands", "ab") as file:
        file.write(b'and": "stop"}\n')
    assert run.commands(offset)[0] == ["stop"], "a line that was still being written"


# -- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b"\xff\xff", b'{"schema": 1}', b'{"schema": 1, "run_id": 3}', None],
)
def test_a_damaged_run_json_is_said(tmp_path: Path, damage: bytes | None) -> None:
    run = made(tmp_path)
    path = run.path / "run.json"
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(JournalError, match=r"run.json is (damaged|missing)"):
        RunDir(run.path).info  # noqa: B018


def test_a_newer_schema_asks_for_an_update(tmp_path: Path) -> None:
    run = made(tmp_path)
    (run.path / "run.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(StudyError, match="update psweep_nb to open this study"):
        RunDir(run.path).info  # noqa: B018


def test_unknown_fields_of_a_session_are_passed_over(tmp_path: Path) -> None:
    path = made(tmp_path).sessions()[0].path / "session.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "from_the_future": 1}))
    assert RunDir(tmp_path / "some-id").sessions()[0].spec.kind == "submit"
    del data["mode"]
    path.write_text(json.dumps(data))
    with pytest.raises(JournalError, match=r"session.json is damaged: .*'mode'"):
        RunDir(tmp_path / "some-id").sessions()[0].spec  # noqa: B018


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("name", ["run.json", "psets", "000/session.json", "folded.json"])
def test_damage_in_one_run_leaves_the_others_alone(name: str, folded: bool) -> None:
    study = Study("calc")
    for a in range(3):
        study.run(workloads.double, numbers(a))
    if not folded:
        Path("calc/database.pk").unlink()
    victim = study.run_of(1).folder.path
    content = bytearray((victim / name).read_bytes())
    content[len(content) // 3] ^= 0xFF
    (victim / name).write_bytes(content)
    study = Study("calc")
    harmless = name == "folded.json" or (folded and name != "run.json")
    if harmless:
        df = study.run(workloads.double, numbers(3))
    else:
        with pytest.warns(UserWarning, match=rf"run {victim.name} is left out: .*damaged"):
            df = study.run(workloads.double, numbers(3))
    lost = not folded and name != "folded.json"
    assert df["a"].tolist() == ([0, 2, 3] if lost else [0, 1, 2, 3])
    assert df["_pset_seq"].is_unique
    assert [run.run_seq for run in study.runs] == (
        [0, 2, 3] if name == "run.json" else [0, 1, 2, 3]
    )
    assert study.run_of(-1).status().state == "finished"


def first_of(a: list[int]) -> dict[str, int]:
    return {"first": a[0]}


def test_a_damaged_pset_fails_its_own_row_when_read_again() -> None:
    study = Study("calc")
    study.run(first_of, [{"a": [10]}, {"a": [11]}, {"a": [12]}])  # lists: a pickle each
    path = study.run_of(0).folder.path / "psets"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)
    Path("calc/database.pk").unlink()
    df = Study("calc").df
    assert df["_failed"].tolist() == [False, False, True]
    assert "pset 2 is damaged" in df["_exc_txt"].iloc[2]
    assert df["a"].tolist()[:2] == [[10], [11]]


def test_damaged_plain_psets_fail_with_those_stored_beside_them() -> None:
    study = Study("calc")
    study.run(workloads.double, numbers(*range(70)))
    path = study.run_of(0).folder.path / "psets"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)
    Path("calc/database.pk").unlink()
    df = Study("calc").df
    assert df["_failed"].tolist() == [False] * 64 + [True] * 6
    assert "psets from 64 on are damaged" in df["_exc_txt"].iloc[-1]
    assert df["a"].tolist()[:64] == list(range(64))


def test_a_damaged_journal_is_said_and_gives_the_rest() -> None:
    study = Study("calc")
    study.run(workloads.double, numbers(0, 1, 2))
    run = study.run_of(0)
    path = run.folder.path / "000" / "w0.journal"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    Path("calc/database.pk").unlink()
    study = Study("calc")
    assert study.df["a"].tolist() == [0, 2]
    status = study.run_of(0).status()
    assert (status.done, status.pending) == (2, 1)
    assert "w0.journal: bytes" in status.message
    assert "are damaged and were skipped" in status.message
    assert study.run_of(0).resume().wait(30).done == 3
    assert study.df["a"].tolist() == [0, 1, 2]


def test_foreign_things_in_the_hidden_folder() -> None:
    study = Study("calc")
    study.run(workloads.double, numbers(0))
    (study.path / ".psweep" / "notes.txt").touch()
    os.mkdir(study.path / ".psweep" / "somebodys")
    study = Study("calc")
    with pytest.warns(UserWarning, match="run somebodys is left out: .*run.json is missing"):
        assert study.run(workloads.double, numbers(1))["a"].tolist() == [0, 1]
