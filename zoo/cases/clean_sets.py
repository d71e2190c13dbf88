import notabene as nb

seen = set()
stop = {"the", "a", "of"}
words = "the end of the story of a life of the mind".split()
unique = []
for word in words:
    if word in stop or word in seen:
        continue
    seen.add(word)
    unique.append(word)
counts = {word: words.count(word) for word in sorted(seen)}
nb.init("zoo", config={"stop": sorted(stop)})
nb.log({"loss": len(unique) / len(words), "longest": max(len(w) for w in seen)})
nb.log({"total": sum(counts.values())})
nb.finish()
