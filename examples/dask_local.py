"""Compute on a Dask cluster: the largest eigenvalue of random symmetric matrices.

All it takes is `dask_client=`: the client of whatever Dask cluster there is. Here it is one of this
machine that ends with the script. Rows, skipping, failures and stopping are as everywhere; run it
twice, and the second time nothing is computed.
"""

import os

import numpy as np
from distributed import Client

import psweep_nb as ps


def largest(n, _seed):
    """The largest eigenvalue, which grows with the size as 2 sqrt(n)."""
    a = np.random.default_rng(_seed).normal(size=(n, n))
    return {"largest": np.linalg.eigvalsh((a + a.T) / np.sqrt(2))[-1], "pid": os.getpid()}


params = ps.repeat(ps.plist("n", [50, 100, 200]), 8, seed=1)

# Workers of a LocalCluster are processes that import this script: hence the guard.
if __name__ == "__main__":
    study = ps.Study("calc_dask_local")
    with Client(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as client:
        study.run(largest, params, dask_client=client, skip="done")

    df = study.table()
    mean = df.groupby("n")["largest"].mean()
    print((mean / (2 * np.sqrt(mean.index))).rename("largest / 2 sqrt(n)"))
    print("computed by", df["pid"].nunique(), "processes")
