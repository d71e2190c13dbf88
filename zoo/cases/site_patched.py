import math

print(f"loss={math.floor(2.7) + 0.5}")
