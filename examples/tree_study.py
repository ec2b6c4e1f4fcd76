"""A study that branches: what one stage computed is where the psets of the next begin.

Stage 1 computes the energy levels of oscillators, each a root of the tree. Stage 2 takes each of
them to several temperatures. A child names its `parent` by the parent's `_pset_id`, so the whole
tree is in one table, and a join leads from the leaves back to the roots.
"""

import numpy as np

import psweep_nb as ps

CALC = "calc_tree_study"


def levels(pset):
    """The lowest levels of H = p²/2 + x²/2 + g x⁴, in a basis of 60 harmonic states."""
    lower = np.diag(np.sqrt(np.arange(1, 60)), k=1)
    x = (lower + lower.T) / np.sqrt(2)
    harmonic = np.diag(np.arange(60) + 0.5)
    hamiltonian = harmonic + pset["g"] * np.linalg.matrix_power(x, 4)
    return {"levels": np.linalg.eigvalsh(hamiltonian)[:20]}


df = ps.run_local(levels, ps.grid(stage="levels", g=[0.0, 0.1, 1.0]), skip="done", calc_dir=CALC)
roots = df[df["stage"] == "levels"].set_index("_pset_id")


def energy(pset):
    """The mean energy of the parent's levels at a temperature."""
    found = roots.loc[pset["parent"], "levels"]
    weights = np.exp(-(found - found[0]) / pset["temperature"])
    return {"energy": np.sum(found * weights) / np.sum(weights)}


params = ps.grid(stage="energy", parent=roots.index, temperature=[0.1, 1.0, 2.0])
df = ps.run_local(energy, params, skip="done", calc_dir=CALC)

leaves = df[df["stage"] == "energy"]
leaves = leaves.assign(g=leaves["parent"].map(roots["g"]))
print(leaves.pivot(index="temperature", columns="g", values="energy").round(4))
