"""Time a command of the shell: how quick and how good gzip's levels are.

The function starts a program for each pset. The command is a list, so nothing needs quotes. Times
are measured with everything else running on the machine, so each pset is repeated, and the
shortest time is the one to look at; psets run one after the other to not disturb each other.
"""

import subprocess
import tempfile
from time import perf_counter

import numpy as np

import psweep_nb as ps

# A table of numbers, as programs write them: something to compress.
text = "\n".join(f"{x:.6f} {np.sin(x):.6f}" for x in np.linspace(0, 100, 50_000)).encode()
with tempfile.NamedTemporaryFile() as file:
    file.write(text)
    file.flush()

    def compress(level):
        """Time and size of what `gzip -<level>` makes of the file."""
        command = ["gzip", f"-{level}", "--stdout", file.name]
        start = perf_counter()
        done = subprocess.run(command, capture_output=True, check=True)
        return {"seconds": perf_counter() - start, "ratio": len(text) / len(done.stdout)}

    params = ps.repeat(ps.plist("level", [1, 3, 6, 9]), 3)
    df = ps.run_local(compress, params, calc_dir="calc_benchmark_shell_command")

print(df.groupby("level").agg({"seconds": "min", "ratio": "first"}).round(3))
