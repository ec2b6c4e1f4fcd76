"""A planet on a circle, once around in steps: how far is it from where it began?"""

from math import hypot, pi

from psweep_job import write_result

method, steps = "$method", $steps  # filled for each pset

dt = 2 * pi / steps
x, y, vx, vy = 1.0, 0.0, 0.0, 1.0
for _ in range(steps):
    if method == "leapfrog":
        x, y = x + vx * dt / 2, y + vy * dt / 2
        pull = dt / hypot(x, y) ** 3
        vx, vy = vx - pull * x, vy - pull * y
        x, y = x + vx * dt / 2, y + vy * dt / 2
    else:
        pull = dt / hypot(x, y) ** 3
        x, y, vx, vy = x + vx * dt, y + vy * dt, vx - pull * x, vy - pull * y

print(f"{method}: at {x:.6f}, {y:.6f} after {steps} steps")
write_result({"error": hypot(x - 1, y)})
