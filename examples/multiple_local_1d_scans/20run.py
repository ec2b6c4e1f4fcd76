"""The second scan: the drag, at the best angle that the first has found.

Its rows join those of 10run.py in the table. `skip="done"` leaves out what was computed there: at
the point where the scans meet, nothing is computed twice.
"""

from model import throw

import psweep_nb as ps

table = ps.Study("calc").df
best = table[table["_vary"] == "angle"].sort_values("range").iloc[-1]["angle"]

params = ps.grid(_vary="drag", angle=best, drag=[0.0, 0.01, 0.02, 0.05, 0.1])
df = ps.run_local(throw, params, skip="done")

print(df[df["angle"] == best][["_vary", "angle", "drag", "range"]])
