"""Do the same several times, with other random numbers: pi from random points.

`repeat` gives each pset a number (`_repeat`) and a seed of its own (`_seed`), the same on every
machine. A function gets the seed if it names it. Repeats of a pset share their hash, `_pset_sha1`,
since book-keeping is no part of it: group by that, or by the parameters.
"""

import numpy as np

import psweep_nb as ps


def estimate(n, _seed):
    """Pi, from the share of n random points of a square that are in its circle."""
    x, y = np.random.default_rng(_seed).uniform(-1, 1, size=(2, n))
    return {"pi": 4 * np.mean(x**2 + y**2 < 1)}


params = ps.repeat(ps.plist("n", [100, 1_000, 10_000]), 20)
df = ps.run_local(estimate, params, calc_dir="calc_vary_1_param_repeat_same")

print(df.groupby("n")["pi"].agg(["mean", "std"]))
