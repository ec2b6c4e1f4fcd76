"""See what a run would do before it does it: how badly conditioned Hilbert matrices are.

With `simulate=True` nothing is computed and the study is not touched: a copy of its table, in a
directory of the same name with `.simulate` behind it, gets a row for each pset that would run, with
its ids and its hash and without results. Together with `skip="done"` that shows what is new.
"""

import numpy as np

import psweep_nb as ps

CALC = "calc_vary_1_param_simulate"


def condition(n):
    """The condition number of the n by n Hilbert matrix."""
    i = np.arange(n)
    return {"condition": np.linalg.cond(1 / (i[:, None] + i + 1))}


ps.run_local(condition, ps.plist("n", [2, 4, 6]), skip="done", calc_dir=CALC)
params = ps.plist("n", [2, 4, 6, 8, 10])

would_be = ps.run_local(condition, params, skip="done", simulate=True, calc_dir=CALC)
print(would_be[["_pset_seq", "n", "condition"]])
print("to be computed:", would_be["condition"].isna().sum())

df = ps.run_local(condition, params, skip="done", calc_dir=CALC)
print(df[["_pset_seq", "n", "condition"]])
