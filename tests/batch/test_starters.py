"""The templates to begin with work as they are, with whatever parameters."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from psweep_nb import OptionError, Study, StudyError, new_templates
from psweep_nb.batch.ending import End, record
from psweep_nb.batch.machines import KEYS, read_machines


def test_the_local_ones_run(study: Study) -> None:
    new_templates("local")
    run = study.prep_batch([{"größe": 1.5, "b c": [1, 2]}, {"größe": 2.5}])
    subprocess.run(["sh", "calc/run_local.sh"], check=True)
    folders = [Path("calc", pset_id) for pset_id in run.folder.psets.ids(0, 2)]
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert results == [{"number_of_parameters": 2}, {"number_of_parameters": 1}]
    assert (folders[1] / "job.log").read_text().startswith("pset 1\nparameters: {'größe': 2.5,")
    record(study.database, run.folder, [End(1, 1, 1e9, 1.0, "", results[1])])
    found = run.view.record(1) if run.status().done else None
    assert found is not None and found.log().startswith("pset 1\n")


def test_the_slurm_ones_are_prepared_and_say_all_there_is(study: Study) -> None:
    new_templates("slurm")
    run = study.prep_batch([{"a": 1}])
    script = Path("calc", run.folder.psets.id(0), "jobscript_slurm").read_text()
    assert "--job-name=pset-0\n" in script and "=$SLURM_CPUS_PER_TASK\n" in script
    info = Path("templates/machines/slurm/info.yaml")
    assert all(key in info.read_text() for key in KEYS)
    info.write_text("\n".join(re.findall(r"^(?:# )?(\w+: .*)$", info.read_text(), re.M)))
    [machine] = read_machines("templates/machines", "dollar")
    assert set(machine.info) == set(KEYS)  # each example is right


def test_nothing_is_overwritten() -> None:
    new_templates("slurm")
    Path("templates/calc/run.py").write_text("mine")
    written = new_templates("local")
    assert [path.parent.name for path in written] == ["local", "local"]
    assert Path("templates/calc/run.py").read_text() == "mine"
    with pytest.raises(StudyError, match="none was changed"):
        new_templates("local")
    with pytest.raises(OptionError, match="kind is 'pbs'"):
        new_templates("pbs")
