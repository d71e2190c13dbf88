import glob
import json

import notabene as nb

nb.init("zoo", config={"pattern": "shards/*.json"})
count, total = 0, 0.0
for name in sorted(glob.glob("shards/*.json")):
    with open(name) as f:
        part = json.load(f)
    count += len(part)
    total += sum(part)
nb.log({"loss": total / count})
nb.finish()
