"""Keep what each pset prints: power iteration, step by step, until it gives up.

With `capture_logs="db+file"` what a pset prints goes into the column `_logs` and into logs.txt
in the pset's directory, `<calc_dir>/<_pset_id>/`; `"db"` and `"file"` are one of the two. What a
failed pset printed before it failed is there, too.
"""

from pathlib import Path

import numpy as np

import psweep_nb as ps

CALC = "calc_capture_logs"


def dominant(gap):
    """Steps to the largest eigenvalue of a matrix; the smaller the gap to the next, the more."""
    matrix = np.diag([1.0, 1.0 - gap, 0.5])
    vector = np.ones(3) / np.sqrt(3)
    for step in range(1, 101):
        product = matrix @ vector
        residual = np.linalg.norm(product - (vector @ product) * vector)
        vector = product / np.linalg.norm(product)
        if step % 25 == 0:
            print(f"step {step}: residual {residual:.1e}")
        if residual < 1e-8:
            return {"steps": step}
    raise ArithmeticError("not converged after 100 steps")


params = ps.plist("gap", [0.5, 0.2, 0.05])
df = ps.run_local(dominant, params, on_error="record", capture_logs="db+file", calc_dir=CALC)

for _, row in df.tail(len(params)).iterrows():
    print(f"gap {row['gap']}: {'failed' if row['_failed'] else 'done'}")
    print(row["_logs"], end="")

log = Path(CALC, row["_pset_id"], "logs.txt")
print(f"the last one's file has {len(log.read_text().splitlines())} lines")
