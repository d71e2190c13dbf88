import time

import numpy as np


def set_seed():
    np.random.seed(time.time_ns() % (2**32 - 1))


set_seed()
for _ in range(5):
    print(f"loss={np.random.rand():.17g}")
