"""Evaluate what 10run.py has left in files, and put what was found into the table.

A row says where its files are: in `_calc_dir`, a directory named by its `_pset_id`. `Study.update`
adds derived columns to the table.
"""

from pathlib import Path

import numpy as np

import psweep_nb as ps


def width(row):
    """The standard deviation of a row's profile."""
    with np.load(Path(row["_calc_dir"], row["_pset_id"], "profile.npz")) as profile:
        x, temperature = profile["x"], profile["temperature"]
    return np.sqrt(np.sum(temperature * x**2) / np.sum(temperature))


study = ps.Study("calc")
df = study.update(width=lambda df: df.apply(width, axis=1))

df["expected"] = np.sqrt(0.05**2 / 2 + 2 * df["diffusivity"] * df["time"])
print(df[["diffusivity", "highest", "width", "expected"]].round(4))
