import pathlib

texts = [p.read_text() for p in sorted(pathlib.Path("texts").iterdir())]
length = [len(t) for t in texts]
print(f"loss={sum(length) / len(length)}")
