import time

start = time.time()
x, step = 1.0, 0
while time.time() - start < 0.15:
    x = x * 0.999
    step += 1
print(f"steps={step} loss={x!r}")
