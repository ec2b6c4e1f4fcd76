"""Prepare more jobs in the study of 10input.py: finer steps.

The new jobs are added to calc/run_local.sh and calc/run_cluster.sh; those of the first run stay
there as comments, so that nothing is submitted twice. What is done already is passed over.
"""

import os

import psweep_nb as ps

params = ps.grid(method=["Euler", "leapfrog"], steps=[4000])
df = ps.prep_batch(params, git=os.path.isdir(".git"), skip_dups=True)
ps.df_print(df, cols=["method", "steps", "_run_seq", "_pset_seq"])
