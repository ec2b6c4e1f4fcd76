"""Prepare jobs from templates: how far from home does a planet end that is moved in steps?

For each pset a directory is made, calc/<_pset_id>/, with the filled templates/calc/run.py, and a
job script for each machine in templates/machines/. Run the jobs here, one after the other, with

    sh calc/run_local.sh

or submit them on a cluster with `sh calc/run_cluster.sh`. Then 30eval.py collects what they have
found; 20input.py adds psets to the study. If this directory is a git repository, what is prepared
is committed: so it is known which templates made which jobs.
"""

import os

import psweep_nb as ps

params = ps.grid(method=["Euler", "leapfrog"], steps=[1000, 2000])
df = ps.prep_batch(params, git=os.path.isdir(".git"))
ps.df_print(df, cols=["method", "steps", "_run_seq", "_pset_seq"])
