"""Tell studies in one table apart by a column: a coarse scan, then a fine one where it pays.

A constant parameter, here `study`, names what rows belong to. The second list of psets is made from
the results of the first; its rows join the same table.
"""

import numpy as np

import psweep_nb as ps

CALC = "calc_vary_1_param_study_column"


def energy(pset):
    """The Lennard-Jones energy of two atoms at distance r; has the whole pset as its argument."""
    r = pset["r"]
    return {"energy": 4 * (r**-12 - r**-6)}


def lowest(rows):
    """The row with the lowest energy."""
    return rows.sort_values("energy").iloc[0]


coarse = ps.grid(study="coarse", r=np.linspace(0.9, 2, 12))
df = ps.run_local(energy, coarse, calc_dir=CALC)

near = lowest(df[df["study"] == "coarse"])["r"]
fine = ps.grid(study="fine", r=np.linspace(near - 0.1, near + 0.1, 21))
df = ps.run_local(energy, fine, calc_dir=CALC)

for study, rows in df.groupby("study"):
    best = lowest(rows)
    print(f"{study}: {len(rows)} rows, lowest at r = {best['r']:.2f}: {best['energy']:.4f}")
