import sys

rows = [float(line) for line in sys.stdin]
mean = sum(rows) / len(rows)
for step, row in enumerate(rows):
    print(f"loss={(row - mean) ** 2:.6f}")
