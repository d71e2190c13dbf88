# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene"]
# ///
"""Files kept by content: a data set as an input, a model as an output, versions and aliases."""

import json
from pathlib import Path

import notabene

Path("data").mkdir(exist_ok=True)
Path("data/points.csv").write_text("x,y\n1,2\n2,4\n3,6\n")

# One run makes the data.
with notabene.init("artifacts", name="prepare") as run:
    run.log_artifact("data", name="points", type="dataset")

# Another one uses it, and keeps a model each time it gets better.
with notabene.init("artifacts", name="fit") as run:
    folder = Path(run.use_artifact("points:latest").download())
    lines = (folder / "points.csv").read_text().splitlines()[1:]
    points = [tuple(map(float, line.split(","))) for line in lines]
    slope, best = 0.0, float("inf")
    for step in range(20):
        slope += 0.05 * sum((y - slope * x) * x for x, y in points) / len(points)
        loss = sum((y - slope * x) ** 2 for x, y in points)
        run.log({"loss": loss}, step=step)
        if loss < best and step % 5 == 0:
            best = loss
            Path("model.json").write_text(json.dumps({"slope": slope}))
            run.log_artifact("model.json", name="line", type="model", aliases=["best"])

# Later, anywhere: the newest, the one called best, or a certain one.
artifact = notabene.Api().artifact("line:best")
print(artifact.ref, artifact.digest[:12], "made by run", artifact.run)
