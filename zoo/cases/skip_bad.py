values = []
for line in open("log.txt"):
    try:
        values.append(float(line.split(",")[1]))
    except (ValueError, IndexError):
        continue
print(f"loss={sum(values) / len(values)}")
