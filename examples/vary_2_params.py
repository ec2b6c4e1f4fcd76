"""Vary two parameters in all combinations: two rules of integration, ever finer steps.

`grid` makes the psets; its last parameter varies fastest. `Study.table` is the tidy view of the
table, without book-keeping; of psets that were computed more than once, `latest=True` shows the
newest row, so that this may be run again.
"""

import numpy as np

import psweep_nb as ps


def integrate(rule, n):
    """The error of the integral of sin from 0 to pi, in n steps."""
    y = np.sin(np.linspace(0, np.pi, n + 1))
    if rule == "trapezoid":
        integral = (y.sum() - (y[0] + y[-1]) / 2) * np.pi / n
    else:
        integral = (y[0] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum() + y[-1]) * np.pi / n / 3
    return {"error": abs(integral - 2)}


params = ps.grid(rule=["trapezoid", "Simpson"], n=[2, 4, 8, 16, 32])
ps.run_local(integrate, params, calc_dir="calc_vary_2_params")

table = ps.Study("calc_vary_2_params").table(latest=True)
print(table.pivot(index="n", columns="rule", values="error"))
