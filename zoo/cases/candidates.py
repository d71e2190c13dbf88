import os

import notabene as nb

for place in ("data/train.txt", "old/train.txt"):
    if os.path.exists(place):
        with open(place) as f:
            values = [float(line) for line in f]
        break
else:
    raise SystemExit("no data")

run = nb.init("zoo")
run.log({"loss": sum(values) / len(values)})
run.finish()
