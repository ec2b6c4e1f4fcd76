"""The first of several scans that share one table: the angle, at one drag.

`_vary` says which parameter a row's scan varies. Like all book-keeping it is no part of what makes
two psets the same. Functions may live in modules, such as model.py here.
"""

import numpy as np
from model import throw

import psweep_nb as ps

params = ps.grid(_vary="angle", angle=np.linspace(20, 60, 9), drag=0.01)
df = ps.run_local(throw, params, skip="done")

print(df[["_vary", "angle", "drag", "range"]])
