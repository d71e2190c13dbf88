import math
import multiprocessing as mp
import random

import notabene as nb


def crop(index):
    return random.random()


if __name__ == "__main__":
    random.seed(0)
    nb.init("zoo")
    with mp.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        crops = pool.map(crop, range(8), chunksize=4)
    nb.log({"loss": math.fsum(crops)})
    nb.finish()
