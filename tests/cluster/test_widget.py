"""The batch widget against a real Slurm: its buttons, what it says of what fails and is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb.batch import collecting
from psweep_nb.ui.batch import desk
from psweep_nb.ui.batch.prep import BatchPrep
from tests.cluster.following import JOB
from tests.cluster.slurm import Slurm
from tests.ui.batch.test_prep import Page
from tests.waiting import until


def press(page: Page, kind: str) -> str:
    """Press a button, wait until its thread is done; what was said."""
    page.ask(kind)
    said = page.finish()
    assert not said["bad"], said
    assert page.state["working"] == ""
    return str(said["text"])


@pytest.mark.parametrize("info", ["", "array: true\n"])
@pytest.mark.parametrize("over", ["", "ssh"])
def test_from_psets_to_rows_with_some_that_fail_and_are_killed(
    info: str,
    over: str,
    slurm: Slurm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(desk, "EVERY_S", 0)
    monkeypatch.setattr(collecting, "LATE_S", 1.0)
    if over:
        info += f"host: {request.getfixturevalue('host')}\npath: {tmp_path / 'there'}\n"
    else:
        request.getfixturevalue("on_slurm")
    ps.new_templates("slurm")
    Path("templates/machines/slurm/jobscript").write_text(JOB)
    Path("templates/machines/slurm/info.yaml").write_text(f"subcmd: sbatch\n{info}")
    hows = ("well", "fail", "wait", "well")
    psets = [{"a": a, "how": how, "go": str(tmp_path / "go")} for a, how in enumerate(hows)]
    page = Page(BatchPrep(psets, study=ps.Study("calc")))

    assert page.state["canWrite"] and not page.state["canSubmit"]
    assert press(page, "write").startswith("run 0: 4 psets, jobs for slurm, calc/")
    assert page.state["run"] == "run 0: prepared, 0 of 4 done"
    assert press(page, "submit").startswith("4 psets submitted to slurm in 4 jobs")
    assert page.state["next"] == "sync" and not page.state["canRetry"]

    said: list[str] = []

    def synced(state: str) -> bool:
        said.append(press(page, "sync"))
        return str(page.state["run"]).startswith(state)

    until(lambda: synced("run 0: submitted, 2 of 4 done, 1 failed"), timeout=60, every=0.1)
    until(lambda: synced("") and "1 running" in said[-1], timeout=60, every=0.1)
    assert " done" in "".join(said) and "1 failed" in "".join(said)
    [job] = slurm.queue()
    slurm.do("scancel", job)
    until(lambda: synced("run 0: finished, 2 of 4 done, 2 failed"), timeout=60, every=0.1)

    run: Any = page.prep._desk.seen.run
    failed, killed = run.failures
    assert failed.pset["how"] == "fail" and "exit code 3" in failed.error
    assert killed.pset["how"] == "wait" and "CANCELLED" in killed.error
    assert "a is 2" in killed.log()
    assert page.state["plan"] == ["2 done, 2 failed", "nothing would be written"]
    assert page.state["canRetry"] and not page.state["canWrite"]

    (tmp_path / "go").touch()
    assert press(page, "retry").startswith("2 psets submitted to slurm in 2 jobs; 2 done")
    until(lambda: synced("run 0: finished, 3 of 4 done, 1 failed"), timeout=60, every=0.1)
    assert run.df["_attempt"].tolist() == [1, 2, 2, 1]
    assert run.df["square"].fillna(-1).tolist() == [0, -1, 4, 9]
