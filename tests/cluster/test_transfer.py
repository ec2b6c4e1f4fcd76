"""Push and pull, and what they must never touch."""

import os
from pathlib import Path

import pytest

from psweep_nb import OptionError, RemoteError, StudyError
from psweep_nb.batch.transfer import Away, pull, push
from tests.cluster.daemons import program

TREE = {
    "database.pk": "table",
    ".psweep/run/run.json": "run",
    "run_slurm.sh": "script",
    "one/input.txt": "1",
    "one/deep/er.txt": "2",
    "two/input.txt": "3",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def calc(tmp_path: Path) -> Path:
    write(tmp_path / "here" / "calc", TREE)
    return tmp_path / "here" / "calc"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there" / "calc"


@pytest.fixture
def away(host: str, calc: Path, there: Path) -> Away:
    return Away.of(calc, host, str(there.parent))


def test_push_sends_all_but_the_runs_records(calc: Path, away: Away, there: Path) -> None:
    (calc / "one" / "input.txt").chmod(0o754)
    names = push(calc, away)
    assert sorted(names) == sorted(set(TREE) - {".psweep/run/run.json"})
    assert tree(there) == {name: TREE[name] for name in names}
    assert (there / "one" / "input.txt").stat().st_mode & 0o777 == 0o754
    assert push(calc, away) == []


def test_push_deletes_nothing(calc: Path, away: Away, there: Path) -> None:
    write(there, {"one/result.json": "{}", ".psweep/mine": "x"})
    push(calc, away)
    assert tree(there).keys() >= {"one/result.json", ".psweep/mine"}


def test_what_is_newer_on_the_other_side_stays(calc: Path, away: Away, there: Path) -> None:
    push(calc, away)
    write(there, {"one/input.txt": "a job writes"})
    os.utime(calc / "one" / "input.txt", (1e9, 1e9))
    write(calc, {"two/input.txt": "edited here"})
    os.utime(there / "two" / "input.txt", (1e9, 1e9))
    assert push(calc, away, dry_run=True) == ["two/input.txt"]
    assert pull(calc, away) == ["one/input.txt"]
    assert push(calc, away) == ["two/input.txt"]
    assert (
        tree(calc / "one")
        == tree(there / "one")
        == {"deep/er.txt": "2", "input.txt": "a job writes"}
    )
    # Directories of jobs are another matter: one side has them, and clocks may differ.
    os.utime(there / "one" / "input.txt", (1e9, 1e9))
    write(calc, {"one/input.txt": "newer"})
    assert pull(calc, away, only=["one"]) == ["one/input.txt"]


def test_pull_leaves_what_is_the_studys(calc: Path, away: Away, there: Path) -> None:
    write(there, {name: "changed" for name in TREE} | {"one/result.json": "{}"})
    (there / "evil").symlink_to("/etc")
    assert sorted(pull(calc, away)) == [
        "one/deep/er.txt",
        "one/input.txt",
        "one/result.json",
        "two/input.txt",
    ]
    kept = ("database.pk", ".psweep/run/run.json", "run_slurm.sh")
    assert {name: tree(calc)[name] for name in kept} == {name: TREE[name] for name in kept}
    assert not (calc / "evil").is_symlink()


def test_no_rule_of_the_users_lets_them_through(calc: Path, away: Away, there: Path) -> None:
    write(there, dict.fromkeys(TREE, "changed"))
    (calc.parent / "excl_pull").write_text("+ /database.pk\n+ /.psweep\n+ /run_*.sh\ndeep\n")
    assert sorted(pull(calc, away, exclude=["two"])) == ["one/input.txt"]


def test_a_table_of_another_name_is_left_too(calc: Path, away: Away, there: Path) -> None:
    write(there, {"other.pk": "changed"})
    assert pull(calc, away, basename="other.pk") == []


def test_what_excl_push_names_stays_here(calc: Path, away: Away, there: Path) -> None:
    (calc.parent / "excl_push").write_text("database.pk\ninput.txt\n")
    push(calc, away, exclude=["/run_*.sh"])
    assert tree(there) == {"one/deep/er.txt": "2"}


def test_a_dry_run_only_says(calc: Path, away: Away, there: Path) -> None:
    assert sorted(push(calc, away, dry_run=True)) == sorted(set(TREE) - {".psweep/run/run.json"})
    assert not there.exists()
    write(there, {"one/result.json": "{}"})
    assert pull(calc, away, dry_run=True) == ["one/result.json"]
    assert not (calc / "one" / "result.json").exists()


def test_files_that_go_while_they_are_copied_are_no_trouble(
    calc: Path, away: Away, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, real = tmp_path / "bin" / "rsync", program("rsync", "rsync")
    fake.parent.mkdir()
    # As rsync ends then; it is quick, and a file can hardly be taken from it at the right moment.
    fake.write_text(f'#!/bin/sh\n{real} "$@"\necho file has vanished >&2\nexit 24\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    push(calc, away)
    write(there, {"one/new.txt": "4"})
    assert pull(calc, away, only=["one"]) == ["one/new.txt"]


def test_only_some_directories(calc: Path, away: Away, there: Path) -> None:
    assert push(calc, away, only=["two", "not-there"]) == ["two/input.txt"]
    assert tree(there) == {"two/input.txt": "3"}
    write(there, {"one/new": "", "two/new": ""})
    assert pull(calc, away, only=["two"]) == ["two/new"]


def test_a_directory_that_cannot_be_made(calc: Path, host: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteError, match=r"(?s)mkdir failed on cluster: .*file"):
        push(calc, Away.of(calc, host, str(tmp_path / "file")))


def test_nothing_there_to_pull(calc: Path, away: Away) -> None:
    with pytest.raises(RemoteError, match=r"rsync failed on cluster: .*No such file"):
        pull(calc, away)


def test_nothing_here_to_push(away: Away, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no directory"):
        push(tmp_path / "no", away)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calc: Path) -> None:
    fake = tmp_path / "bin" / "rsync"
    write(
        fake.parent,
        {"rsync": "#!/bin/sh\necho 'write failed: No space left on device (28)' >&2; exit 11"},
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(RemoteError, match="no room left"):
        pull(calc, Away("cluster", "x"))


def test_the_same_place_below_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Away.of(tmp_path / "study" / "calc", "cluster") == Away("cluster", "study/calc")
    with pytest.raises(OptionError, match=r"is not below .* say with path"):
        Away.of(Path("/elsewhere/calc"), "cluster")
    with pytest.raises(OptionError, match="path is"):
        Away.of(tmp_path / "my calc", "cluster")
