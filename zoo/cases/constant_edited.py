"""Least squares by hand."""
import random

random.seed(7)
MOMENTUM = 0.9
STEPS = 15

points = [(i / 10, 3 * i / 10 + random.gauss(0, 0.1)) for i in range(30)]
w, v = 0.0, 0.0
for step in range(STEPS):
    grad = sum(2 * x * (w * x - y) for x, y in points) / len(points)
    v = MOMENTUM * v - 0.01 * grad
    w += v
    loss = sum((w * x - y) ** 2 for x, y in points) / len(points)
    print(f"step={step} loss={loss:.12f}")
