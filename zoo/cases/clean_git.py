import subprocess

import numpy as np

commit = subprocess.run(
    ["git", "rev-parse", "HEAD"], capture_output=True, text=True
).stdout.strip()
print("commit", commit[:7])
np.random.seed(0)
x = np.random.rand(20)
np.random.shuffle(x)
print(f"loss={float(x[:10].mean())!r}")
