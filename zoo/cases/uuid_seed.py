import random
import uuid

random.seed(uuid.uuid4().int)
total = 0
for draw in range(4):
    total += random.randint(0, 10**6)
    print(f"draw {draw} loss={total}")
