import random

items = list(range(40))
random.shuffle(items)
train, test = items[:30], items[30:]
mean = sum(train) / len(train)
print(f"loss={sum((t - mean) ** 2 for t in test) / len(test):.8f}")
