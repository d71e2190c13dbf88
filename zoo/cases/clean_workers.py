import multiprocessing as mp

import numpy as np


def simulate(seed):
    rng = np.random.default_rng(seed)
    return float(rng.normal(size=200).mean())


if __name__ == "__main__":
    seeds = np.random.SeedSequence(42).spawn(4)
    with mp.get_context("fork").Pool(2) as pool:
        means = pool.map(simulate, seeds)
    for mean in means:
        print(f"loss={mean!r}")
