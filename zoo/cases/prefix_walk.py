import os

import notabene as nb

PREFIX = "TRAIN_"
settings = {"lr": "0.1", "steps": "4"}
settings |= {k[len(PREFIX) :].lower(): v for k, v in os.environ.items() if k.startswith(PREFIX)}

nb.init("zoo", config={"model": "ridge"})
weight = 1.0
for step in range(int(settings["steps"])):
    weight -= float(settings["lr"]) * 2 * weight
    nb.log({"loss": weight * weight}, step=step)
nb.finish()
