import threading

import numpy as np

rng = np.random.default_rng(5)
parts = [rng.normal(size=4000).astype(np.float32) for _ in range(8)]
total = np.zeros(1, dtype=np.float32)
lock = threading.Lock()
gate = threading.Barrier(8)


def add(part):
    gate.wait()
    for chunk in np.array_split(part, 60):
        s = chunk.sum()
        with lock:
            total[0] += s


threads = [threading.Thread(target=add, args=(p,)) for p in parts]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(f"loss={float(total[0]) / 100 + 1000:.12f}")
