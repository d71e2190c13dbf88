import os

stop = set()
if os.path.isfile("stopwords.txt"):
    stop = set(open("stopwords.txt").read().split())

text = "a rose is a rose is a rose".split()
kept = [w for w in text if w not in stop]
print(f"loss={len(kept) / len(text)}")
