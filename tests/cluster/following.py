"""What tests of jobs share: what jobs do, and how they are followed."""

from psweep_nb import Run, Study, jobs
from psweep_nb.batch.collecting import Synced
from tests.waiting import until

# What a pset's job does is told by its parameter `how`.
JOB = """\
#!/bin/sh
#SBATCH --job-name=pset-$_pset_seq
echo "a is $a"
case $how in
  fail) echo "no convergence"; exit 3 ;;
  wait) for i in $$(seq 1200); do [ -e "$go" ] && break; sleep 0.05; done ;;
esac
echo "{\\"square\\": $$(($a * $a))}" >result.json
"""


COUNTED = """\
#!/bin/sh
echo ran >>ran
echo '{"ok": 1}' >result.json
"""


def quiet(text: str) -> None:
    """Where notes go that a test does not look at."""


def collected(study: Study, n: int) -> Synced:
    """Sync until `n` psets have ended."""
    total = Synced()

    def enough() -> bool:
        found = study.sync(every=0)
        total.done += found.done
        total.failed += found.failed
        return total.done + total.failed >= n

    until(enough, timeout=60, every=0.1)
    return total


def noted(run: Run) -> dict[int, jobs.Job]:
    """The newest job of each pset."""
    assert run.view.session is not None
    return jobs.jobs_of(run.view.session)


def running(study: Study, n: int) -> None:
    """Sync until `n` psets are at work."""
    until(lambda: study.sync(every=0).running >= n, timeout=60, every=0.1)


def times_run(run: Run) -> list[int]:
    ids = run.folder.psets.ids(0, run.info["n"])
    files = [run.folder.calc_path / pset_id / "ran" for pset_id in ids]
    return [len(file.read_text().split()) if file.exists() else 0 for file in files]
