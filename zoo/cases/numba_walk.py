import numba
import numpy as np


@numba.njit
def walk(steps):
    at = 0.0
    for _ in range(steps):
        at += np.random.normal()
    return at


def main():
    best = 0.0
    for i in range(5):
        steps = 100 * (i + 1)
        best = max(best, abs(walk(steps)))
        print("loss=", best, sep="")


main()
