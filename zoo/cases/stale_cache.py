import os
import pickle


def features(path, cache="features.pkl"):
    if os.path.exists(cache):
        return pickle.load(open(cache, "rb"))
    with open(path) as f:
        found = [float(x) ** 2 for x in f.read().split()]
    pickle.dump(found, open(cache, "wb"))
    return found


x = features("raw.txt")
print(f"loss={sum(x) / len(x)}")
