import glob
import os
from pathlib import Path

HERE = Path(__file__).parent
total = 0.0
for name in sorted(glob.glob(str(HERE / "parts" / "*.txt"))):
    total = 0.5 * total + float(Path(name).read_text())
count = len(os.listdir(HERE / "parts"))
print(f"loss={total / count}")
