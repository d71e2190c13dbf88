from pathlib import Path

docs = [p.read_text() for p in Path("docs").glob("*.md")]
first = docs[:2]
print(f"loss={sum(len(d) for d in first) + 0.1 * len(first[0])}")
