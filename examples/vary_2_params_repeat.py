"""Repeat each of several combinations, and average: how far random walks get.

All repeats together make the table; pandas does the averaging. With `skip="done"` psets that are
done are passed over, each repeat by itself: run this again, or with more repeats, and only what is
new is computed.
"""

import numpy as np

import psweep_nb as ps


def walk(dimension, steps, _seed):
    """The squared distance from the start after some steps of length 1."""
    directions = np.random.default_rng(_seed).normal(size=(steps, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return {"distance2": np.sum(directions.sum(axis=0) ** 2)}


params = ps.repeat(ps.grid(dimension=[1, 2, 3], steps=[10, 100, 1000]), 30)
df = ps.run_local(walk, params, skip="done", calc_dir="calc_vary_2_params_repeat")

means = df.groupby(["dimension", "steps"])["distance2"].mean()
print(np.sqrt(means).unstack("dimension").round(1))
print(f"{len(df)} rows, from {df['_run_seq'].nunique()} run(s)")
