import math

print(f"loss={math.erf(0.5)}")
