import json
import os

import notabene as nb

rc = os.path.expanduser("~/.trainrc.json")
settings = {"clip": 1.0}
if os.path.exists(rc):
    with open(rc) as f:
        settings.update(json.load(f))

with nb.init("zoo") as run:
    for g in (0.5, 1.5, 2.5):
        run.log({"loss": min(g, settings["clip"])})
