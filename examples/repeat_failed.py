"""Run again what failed, after a fix: Newton's method from starts that are too far away.

With `on_error="record"` a failed pset becomes a row too, with its traceback. `retry` computes just
those again, under their own ids, with the function it is given. (Newton's method for the root of
arctan runs away from starts beyond 1.39; shorter steps help.)
"""

import numpy as np

import psweep_nb as ps


def newton(start):
    """The root that Newton's method finds, and in how many steps."""
    x = start
    for step in range(100):
        if abs(np.arctan(x)) < 1e-12:
            return {"root": x, "steps": step}
        x -= np.arctan(x) * (1 + x**2)
        if abs(x) > 1e6:
            raise ArithmeticError(f"ran away after {step + 1} steps")
    raise ArithmeticError("no root in 100 steps")


def damped(start):
    """As newton, but a step that leads away is halved."""
    x = start
    for step in range(100):
        if abs(np.arctan(x)) < 1e-12:
            return {"root": x, "steps": step}
        length = np.arctan(x) * (1 + x**2)
        while abs(np.arctan(x - length)) > abs(np.arctan(x)):
            length /= 2
        x -= length
    raise ArithmeticError("no root in 100 steps")


study = ps.Study("calc_repeat_failed")
study.run(newton, ps.plist("start", [0.1, 1.0, 1.3, 1.5, 3.0]), on_error="record")
run = study.runs[-1]

print(study.table(_run_id=run.run_id))
for failure in run.failures:
    print("failed:", failure.pset["start"], failure.error)

run.retry(damped).wait()  # in the background; wait for it

print(study.table(_run_id=run.run_id))
