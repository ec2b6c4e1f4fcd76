"""Write large results to disk, a directory for each pset: how heat spreads along a rod.

`workdir()` is the pset's own directory, calc/<_pset_id>/, made when it is first asked for. What is
small goes into the table, what is large into files there; 20eval.py finds them again.
"""

import numpy as np

import psweep_nb as ps


def spread(diffusivity, steps=2000):
    """Temperatures along a rod that was hot in the middle, by finite differences."""
    x = np.linspace(-1, 1, 201)
    h = x[1] - x[0]
    dt = 0.4 * h**2  # stable for diffusivities up to 1
    temperature = np.exp(-((x / 0.05) ** 2))
    for _ in range(steps):
        temperature[1:-1] += dt * diffusivity * np.diff(temperature, 2) / h**2
    np.savez(ps.workdir() / "profile.npz", x=x, temperature=temperature)
    return {"time": steps * dt, "highest": temperature.max()}


df = ps.run_local(spread, ps.plist("diffusivity", [0.05, 0.1, 0.2]), skip="done")
print(df[["diffusivity", "time", "highest"]])
