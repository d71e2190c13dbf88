import json
from pathlib import Path

with open(Path(__file__).parent / "config.json") as handle:
    config = json.load(handle)

x = config["start"]
for step in range(config["steps"]):
    x -= config["optimizer"]["lr"] * x
    print(f"{step} loss={x:.10f}")
