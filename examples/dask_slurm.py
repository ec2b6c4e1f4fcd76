"""Compute on a cluster with Slurm, through dask-jobqueue: jobs are Dask workers, psets go to them.

Run it where jobs are submitted, on a login node, say; it has to live as long as the run. What your
site wants (queue, account, network interface) is best written into `~/.config/dask/jobqueue.yaml`
(see https://jobqueue.dask.org); psweep_nb has to be installed where the jobs run. Psets that were
under way when a job ended run in another one; what is done is skipped when you start this again.
"""

import os

import numpy as np
from dask_jobqueue import SLURMCluster
from distributed import Client

import psweep_nb as ps


def distance(steps, _seed):
    """How far a random walk of so many steps gets, and which job it walked in."""
    walk = np.random.default_rng(_seed).choice([-1, 1], size=(2, steps)).sum(axis=1)
    return {"distance": float(np.hypot(*walk)), "job": os.environ["SLURM_JOB_ID"]}


params = ps.repeat(ps.plist("steps", [100, 1000, 10_000]), 20, seed=1)

study = ps.Study("calc_dask_slurm")
with (
    SLURMCluster(cores=1, processes=1, memory="500MB", walltime="00:10:00") as cluster,
    Client(cluster) as client,
):
    cluster.scale(jobs=2)  # they wait in Slurm's queue; psets begin when the first one does
    study.run(distance, params, dask_client=client, skip="done")

df = study.table()
print(df.groupby("steps")["distance"].mean())
print("computed in", df["job"].nunique(), "jobs")
