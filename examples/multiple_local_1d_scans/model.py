"""How far a ball flies: what the scripts beside this one vary the parameters of."""

import numpy as np


def throw(angle, drag, speed=20.0, dt=0.001):
    """The range (m) of a ball thrown at an angle (degrees), with drag (1/m) of the air."""
    velocity = speed * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    place = np.zeros(2)
    while place[1] >= 0:
        acceleration = np.array([0.0, -9.81]) - drag * np.linalg.norm(velocity) * velocity
        velocity = velocity + dt * acceleration
        place = place + dt * velocity
    return {"range": place[0]}
