import random
import time

random.seed(time.time())
walk = 0.0
for step in range(10):
    walk += random.choice((-1, 1)) * random.random()
    print(f"loss={walk}")
