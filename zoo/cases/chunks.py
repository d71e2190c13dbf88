import os
from concurrent.futures import ThreadPoolExecutor

workers = os.cpu_count()
data = [0.1 * i for i in range(1000)]
chunks = [data[i::workers] for i in range(workers)]
with ThreadPoolExecutor(workers) as pool:
    sums = list(pool.map(sum, chunks))
print(f"loss={sum(sums)!r}")
