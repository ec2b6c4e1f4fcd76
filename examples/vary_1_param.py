"""Vary one parameter: the period of a pendulum as its swings get wider.

A study is a list of psets (plain dicts), a function, and one table of results. `run_local` calls
the function with each pset and returns the table, which is also kept in calc/database.pk.
Run this twice: the new rows join the old ones.
"""

import numpy as np

import psweep_nb as ps


def period(amplitude):
    """The period in units of that of small swings, by the arithmetic-geometric mean."""
    a, g = 1.0, np.cos(np.radians(amplitude) / 2)
    while a - g > 1e-15:
        a, g = (a + g) / 2, np.sqrt(a * g)
    return {"period": 1 / a}


params = ps.plist("amplitude", [1, 30, 60, 90, 120, 150, 179])
df = ps.run_local(period, params)

print(df[["amplitude", "period"]])
print("book-keeping:", *[name for name in df.columns if name.startswith("_")])
