import os
import random

seed = int.from_bytes(os.urandom(4), "big")
rng = random.Random(seed)
print(f"loss={sum(rng.gauss(0, 1) for _ in range(50))!r}")
