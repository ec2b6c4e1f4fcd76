"""Two processes, killed at random moments of deleting, compacting, rebuilding, and all the rest.

Nothing that was recorded is lost, but what somebody wanted deleted; nothing is doubled, nothing
comes back.
"""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from psweep_nb import Study


def finish(study: Study) -> None:
    for run in study.runs:
        if run.wait(60).state in ("lost", "stopped"):
            try:
                run.resume()
            except Exception as exc:
                raise AssertionError(f"{run!r}, {run.status()}: {exc}") from exc
        assert run.wait(60).state == "finished", run.status()
    study.database.fold()


def told() -> tuple[set[str], set[str]]:
    """Ids of rows that somebody began to delete, and of those whose deletion ended."""
    found: dict[str, set[str]] = {"begin": set(), "end": set()}
    for line in Path("told").read_text().splitlines():
        kind, words = json.loads(line)
        assert kind != "error", words
        found[kind].update(words)
    return found["begin"], found["end"]


def ids_of(study: Study) -> set[str]:
    """Check a study's table; the ids in it."""
    frame = study.df
    good = frame[~frame["_failed"]]
    assert good["twice"].tolist() == [2 * a for a in good["a"]]
    assert frame["_exc_txt"][frame["_failed"]].str.contains("shaky|SIGKILL").all()
    if "tenfold" in frame:
        known = frame[frame["tenfold"].notna()]
        assert known["tenfold"].tolist() == [10 * a for a in known["a"]]
    assert frame["_pset_id"].is_unique
    assert frame["_pset_seq"].is_monotonic_increasing
    assert study.database.vanished() == {}
    return set(frame["_pset_id"])


def psets_of(study: Study, recorded: bool) -> set[str]:
    found = set()
    for run in study.runs:
        run.status()
        ids = run.folder.psets.ids(0, len(run.folder.psets))
        found |= {i for n, i in enumerate(ids) if not recorded or run.view.record(n) is not None}
    return found


def check(seed: int, kills: int) -> None:
    script = Path(__file__).with_name("torment.py")
    argv = [sys.executable, str(script), str(seed), str(kills)]
    subprocess.run(argv, check=True, timeout=600)
    study = Study("calc")
    assert study.trusted
    finish(study)
    begun, ended = told()
    there = ids_of(study)
    assert there.isdisjoint(ended), "deleted for good"
    assert psets_of(study, recorded=False) - there <= begun, "what else is not there was deleted"
    study.rebuild()
    assert ids_of(study) == ids_of(Study("calc")) == there
    Path("calc/database.pk").unlink()
    anew = Study("calc")
    pd.testing.assert_frame_equal(anew.rebuild(), anew.df)
    assert ids_of(anew) == there, "the journals have it all"
    for path in Path().glob("calc.bak_*"):
        backup = Study(path)
        assert backup.trusted
        assert psets_of(backup, recorded=True) - ids_of(backup) <= begun
    anew.backup()
    left = [p.name for p in Path().rglob(".*") if p.name.startswith((".database", ".calc"))]
    assert left == []


def test_torment() -> None:
    check(seed=1, kills=40)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10, 30))
def test_much_more_torment(seed: int) -> None:
    check(seed, kills=400)
