from pathlib import Path

import yaml

import notabene as nb


def load(path):
    found = yaml.safe_load(Path(path).read_text())
    for name in found.pop("include", []):
        found = {**load(Path(path).parent / name), **found}
    return found


cfg = load("conf/train.yaml")
nb.init("zoo", config={"epochs": cfg["epochs"]})
w = 1.0
for epoch in range(cfg["epochs"]):
    w *= cfg["gamma"]
    nb.log({"loss": w})
nb.finish()
