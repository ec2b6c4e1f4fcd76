"""Names and values that no page may take for more than text, for the browser tests."""

from __future__ import annotations

HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>\u202e\u200b"

#: A cell that defines `hostile` (a function) and `nasty` (psets), each of another kind of value.
CELL = f"""\
import numpy as np
import psweep_nb as ps
BAD = {HOSTILE!r}
class Odd:
    def __repr__(self):
        raise RuntimeError(BAD)
    def _repr_html_(self):
        return "<script>window.hacked=1</script>"
def hostile(pset):
    if pset["n"] == 3:
        raise ValueError(BAD)
    return {{"r" + BAD: pset[BAD], "loss" + BAD: pset["n"] * 0.5}}
values = [BAD, 1_000_000 * "y", [BAD, None], BAD, float("nan"), float("inf"), None,
          np.arange(3), {{BAD: BAD}}, Odd(), b"\\x00\\xff", "</script><!--"]
nasty = [
    {{BAD: value, "n": n, "constructor": 1, "hasOwnProperty": 2, "text" + BAD: [BAD, "b"][n % 2]}}
    for n, value in enumerate(values)
]
"""
