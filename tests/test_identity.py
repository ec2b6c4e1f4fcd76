"""Whose study it is: made once, trusted where it was made."""

import json
import os
import shutil
import stat
import threading
from pathlib import Path

import pandas as pd
import pytest

from psweep_nb import JournalError, Study, identity


def study_id(path: Path) -> str:
    return str(json.loads((path / ".psweep/study.json").read_bytes())["id"])


def test_a_new_study_is_trusted_and_hidden(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "calc"
    assert identity.is_trusted(path, trust_it=False), "nothing is there that could do harm"
    assert identity.make(path)
    assert identity.is_trusted(path, trust_it=False)
    assert not identity.make(path), "made once"
    assert stat.S_IMODE((path / ".psweep").stat().st_mode) == 0o700
    assert (path / ".psweep/.gitignore").read_text() == "*\n"
    assert sorted(os.listdir(path / ".psweep")) == [".gitignore", "lock", "study.json"]


def test_a_copy_and_a_moved_study_are_not_trusted(tmp_path: Path) -> None:
    identity.make(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert not identity.is_trusted(tmp_path / "two", trust_it=False)
    assert identity.is_trusted(tmp_path / "two", trust_it=True)
    assert identity.is_trusted(tmp_path / "two", trust_it=False)
    assert identity.is_trusted(tmp_path / "one", trust_it=False)
    (tmp_path / "one").rename(tmp_path / "three")
    assert not identity.is_trusted(tmp_path / "three", trust_it=False)


def test_another_study_in_the_same_place_is_not_trusted(tmp_path: Path) -> None:
    identity.make(tmp_path / "mine")
    identity.make(tmp_path / "other")
    shutil.rmtree(tmp_path / "mine")
    (tmp_path / "other").rename(tmp_path / "mine")
    assert not identity.is_trusted(tmp_path / "mine", trust_it=False)


def test_a_foreign_table_is_not_trusted(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_pickle(tmp_path / "database.pk")
    assert not identity.is_trusted(tmp_path, trust_it=False)
    assert identity.is_trusted(tmp_path, trust_it=True)


def test_links_lead_to_the_same_study(tmp_path: Path) -> None:
    identity.make(tmp_path / "calc")
    (tmp_path / "link").symlink_to(tmp_path / "calc")
    assert identity.is_trusted(tmp_path / "link", trust_it=False)


def test_made_by_several_at_once(tmp_path: Path) -> None:
    made: list[bool] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        made.append(identity.make(tmp_path / "calc"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]
    assert study_id(tmp_path / "calc")
    assert identity.is_trusted(tmp_path / "calc", trust_it=False)


def test_a_damaged_identity_is_said(tmp_path: Path) -> None:
    identity.make(tmp_path / "calc")
    (tmp_path / "calc/.psweep/study.json").write_bytes(b'{"schema": 1, "i\xff')
    with pytest.raises(JournalError, match=r"study.json is damaged; a copy from a backup will do"):
        Study(tmp_path / "calc")


def test_each_table_of_a_study_is_trusted_by_itself(tmp_path: Path) -> None:
    study = tmp_path / "calc"
    identity.make(study)
    assert identity.is_trusted(study, trust_it=False, basename="mine.pk"), "still to be made"
    assert not identity.make(study, "mine.pk")
    (study / "mine.pk").touch()
    assert identity.is_trusted(study, trust_it=False, basename="mine.pk")
    (study / "from-elsewhere.pk").touch()
    assert not identity.is_trusted(study, trust_it=False, basename="from-elsewhere.pk")
    assert not identity.make(study, "from-elsewhere.pk")
    assert not identity.is_trusted(study, trust_it=False, basename="from-elsewhere.pk")
    assert identity.is_trusted(study, trust_it=True, basename="from-elsewhere.pk")
    assert identity.is_trusted(study, trust_it=False, basename="from-elsewhere.pk")


def test_a_table_of_one_s_own_vouches_for_no_other(tmp_path: Path) -> None:
    (tmp_path / "database.pk").touch()  # somebody else's
    assert identity.make(tmp_path, "mine.pk")
    (tmp_path / "mine.pk").touch()
    assert identity.is_trusted(tmp_path, trust_it=False, basename="mine.pk")
    assert not identity.is_trusted(tmp_path, trust_it=False)
    fresh = tmp_path / "fresh"
    assert identity.make(fresh, "mine.pk")
    assert identity.is_trusted(fresh, trust_it=False)


def test_a_copy_is_trusted_as_what_it_was_made_from(tmp_path: Path) -> None:
    identity.make(tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "copy")
    identity.make_copy_known(tmp_path / "mine", tmp_path / "copy")
    assert identity.is_trusted(tmp_path / "copy", trust_it=False)
    shutil.copytree(tmp_path / "mine", tmp_path / "theirs")
    shutil.copytree(tmp_path / "mine", tmp_path / "copy-of-theirs")
    identity.make_copy_known(tmp_path / "theirs", tmp_path / "copy-of-theirs")
    assert not identity.is_trusted(tmp_path / "copy-of-theirs", trust_it=False)


def test_making_it_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("psweep_nb.trust.register", cut)
        identity.make(tmp_path / "calc")
    assert identity.make(tmp_path / "calc")
    assert identity.is_trusted(tmp_path / "calc", trust_it=False)
