from multiprocessing import Process, Queue

import numpy as np


def worker(number, out):
    rng = np.random.default_rng()
    out.put((number, float(rng.normal(size=100).mean())))


def main():
    out = Queue()
    workers = [Process(target=worker, args=(n, out)) for n in range(2)]
    for w in workers:
        w.start()
    means = sorted(out.get() for _ in workers)
    for w in workers:
        w.join()
    for number, mean in means:
        print(f"worker {number} loss={mean!r}")


if __name__ == "__main__":
    main()
