import numpy as np

DTYPE = np.float32
TYPE_NAME = "float32"


def run():
    x = np.linspace(0, 1, 1001).astype(TYPE_NAME)
    return x.sum() / 7


print(f"loss={run():.17g}")
