"""Templates to begin with: `new_templates` writes them, commented, for the user to change."""

import os
from pathlib import Path

from psweep_nb.batch import psweep_job
from psweep_nb.errors import OptionError, StudyError

_RUN = """\
# A template: each pset's directory gets this file, filled. A dollar sign before the name of a
# parameter, as in the job script, stands for its value; a real dollar sign is written twice.
from psweep_job import read_pset, write_result

pset = read_pset()  # the parameters as a dict, from pset.json
print("parameters:", pset)

# Compute something here. What is written becomes columns of the table, in the row of this pset.
write_result({"number_of_parameters": sum(not name.startswith("_") for name in pset)})
"""
_SLURM = """\
#!/bin/sh
#SBATCH --job-name=pset-$_pset_seq
#SBATCH --output=job.log
#SBATCH --time=01:00:00
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
# sbatch reads the lines above: add what your cluster wants, an account or a partition.
# Of what is printed, job.log is shown as the log of the pset.

export OMP_NUM_THREADS=$$SLURM_CPUS_PER_TASK
python3 run.py
"""
_SLURM_INFO = """\
# The command that submits a job script.
subcmd: sbatch

# Where the cluster is another machine: what you type after `ssh`, and a directory there.
# host: me@cluster
# path: studies/mine

# All psets as one array of jobs, at most 20 of them at a time; several psets in turn in each.
# array: true
# throttle: 20
# psets_per_job: 4

# What calls functions there (prep_batch(params, command=f)): the same version of Python as here.
# python: /path/to/python3

# Files that stay where they are.
# excl_push: ["*.big"]
# excl_pull: ["*.chk"]
"""
_LOCAL = """\
#!/bin/sh
# What is printed goes to job.log, which is shown as the log of the pset.
exec > job.log 2>&1

echo "pset $_pset_seq"
python3 run.py
"""
_LOCAL_INFO = """\
# The command that runs a job script, one after the other.
subcmd: sh
"""
_FILES = {
    "slurm": {"machines/slurm/jobscript": _SLURM, "machines/slurm/info.yaml": _SLURM_INFO},
    "local": {"machines/local/jobscript": _LOCAL, "machines/local/info.yaml": _LOCAL_INFO},
}


def new_templates(kind: str, folder: str | os.PathLike[str] = "templates") -> list[Path]:
    """Write a small set of templates that works, for a cluster with Slurm or for this machine.

    They are for `prep_batch`: ``calc/run.py``, a Python program, with ``calc/psweep_job.py``, by
    which it gets its parameters, and ``machines/<kind>/`` with a job script and an ``info.yaml``.
    Comments in them say what to change. What is there already stays as it is.

    Parameters
    ----------
    kind : "slurm" or "local"
        Whose job script to write.
    folder : path
        Where to.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    OptionError
        If there is no such kind.
    StudyError
        If all of them are there already.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> [path.relative_to(folder).as_posix() for path in new_templates("local", folder)]
    ['calc/psweep_job.py', 'calc/run.py', 'machines/local/info.yaml', 'machines/local/jobscript']
    >>> [path.name for path in new_templates("slurm", folder)]
    ['info.yaml', 'jobscript']
    """
    if kind not in _FILES:
        raise OptionError(f"kind is {kind!r}; it should be one of {tuple(_FILES)}")
    job = Path(psweep_job.__file__).read_text(encoding="utf-8")
    files = {"calc/run.py": _RUN, "calc/psweep_job.py": job, **_FILES[kind]}
    written = []
    for name, text in sorted(files.items()):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        written.append(path)
    if not written:
        raise StudyError(f"{os.fspath(folder)} has all of these files already; none was changed")
    return written
