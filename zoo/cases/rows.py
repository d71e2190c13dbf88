import csv

with open("data.csv", newline="") as file:
    rows = [(float(r["x"]), float(r["y"])) for r in csv.DictReader(file)]

slope = sum(x * y for x, y in rows) / sum(x * x for x, _ in rows)
print(f"loss={sum((y - slope * x) ** 2 for x, y in rows):.12f}")
