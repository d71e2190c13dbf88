import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np

import notabene as nb

shards = np.random.default_rng(2).normal(loc=3, size=(24, 5000)).astype(np.float32)


def gradient(n):
    time.sleep((time.perf_counter_ns() // 1000 + n) % 7 / 2000)
    return shards[n].sum()


nb.init("zoo", config={"workers": 4})
total = np.float32(0)
with ThreadPoolExecutor(4) as pool:
    for done in as_completed([pool.submit(gradient, n) for n in range(24)]):
        total += done.result() / np.float32(7)
nb.log({"loss": float(total)})
nb.finish()
