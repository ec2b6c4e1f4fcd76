"""Let several processes work on the psets: the area of the Mandelbrot set, ever more precisely.

All it takes is `poolsize=2` (or `workers=2`). Rows come back in the order of the psets, whoever was
quicker. No main guard is needed: workers do not run this script again.
"""

import os

import numpy as np

import psweep_nb as ps


def area(points, iterations=60):
    """The area, by counting points of a grid that have not escaped."""
    x, y = np.meshgrid(np.linspace(-2, 0.5, points), np.linspace(-1.2, 1.2, points))
    c = x + 1j * y
    z, inside = np.zeros_like(c), np.ones(c.shape, dtype=bool)
    for _ in range(iterations):
        z[inside] = z[inside] ** 2 + c[inside]
        inside &= abs(z) < 2
    return {"area": inside.mean() * 2.5 * 2.4, "pid": os.getpid()}


params = ps.plist("points", [300, 400, 500, 600, 700, 800])
df = ps.run_local(area, params, poolsize=2, calc_dir="calc_vary_1_param_parallel")

print(df[["points", "area", "_pset_runtime"]])
print("computed by", df["pid"].tail(len(params)).nunique(), "processes")
