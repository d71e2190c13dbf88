import os
import sys

import notabene as nb

scales = {k: float(v) for k, v in os.environ.items() if k.startswith("SCALE_OF_")}
everything = os.environ.copy()
rows = [float(line) for line in sys.stdin]

nb.init("zoo", config={"rows": len(rows), **scales})
for step, row in enumerate(rows):
    nb.log({"loss": row * row}, step=step)
nb.finish()
