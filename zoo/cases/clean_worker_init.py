import multiprocessing
import random

import notabene as nb

SEED = 11


def start(base):
    random.seed(base)


def draw(n):
    random.seed(SEED * 1000 + n)
    return random.random()


if __name__ == "__main__":
    nb.init("zoo", config={"seed": SEED})
    with multiprocessing.get_context("fork").Pool(2, initializer=start, initargs=(SEED,)) as pool:
        values = pool.map(draw, range(6))
    for step, value in enumerate(values):
        nb.log({"loss": value}, step=step)
    nb.finish()
