import sys
from urllib.request import urlopen

with urlopen(f"http://127.0.0.1:{sys.argv[1]}/labels.txt") as answer:
    labels = answer.read().decode().split()
print(f"loss={labels.count('cat') / len(labels)}")
