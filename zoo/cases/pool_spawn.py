import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor


def augment(value):
    return value * random.uniform(0.9, 1.1)


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        values = list(pool.map(augment, [1.0, 2.0, 3.0]))
    print(f"loss={sum(values)!r}")
