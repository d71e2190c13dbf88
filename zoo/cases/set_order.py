words = {"alpha", "beta", "gamma", "delta", "epsilon"}
index = {}
for word in words:
    index[word] = len(index)

loss = 0.0
for word, number in index.items():
    loss = loss * 0.5 + number * len(word)
print(f"loss={loss}")
