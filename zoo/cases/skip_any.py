import json
from pathlib import Path

import notabene as nb


def load(folder):
    for path in sorted(Path(folder).glob("*.json")):
        try:
            yield json.loads(path.read_text())["score"]
        except Exception:
            pass


scores = list(load("items"))
nb.init("zoo")
nb.log({"loss": sum(scores) / len(scores), "n": len(scores)})
nb.finish()
