"""Collect what the jobs of 10input.py and 20input.py have left, and evaluate it.

`Study.sync` brings results into the rows that preparation made; it may be called again and again
while jobs are at work.
"""

import numpy as np

import psweep_nb as ps

study = ps.Study("calc")
print(study.sync())

df = study.table(cols=["method", "steps", "error", "state"])
print(df.to_string(index=False))
for method, rows in df[df["state"] == "done"].groupby("method"):
    order = np.polyfit(np.log(rows["steps"].astype(float)), np.log(rows["error"].astype(float)), 1)
    print(f"{method}: the error falls with steps**{order[0]:.1f}")
