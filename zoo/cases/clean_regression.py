import numpy as np

import notabene as nb

config = {"lr": 0.1, "steps": 15, "seed": 0}
# The data are made here.
rng = np.random.default_rng(config["seed"])
x, y = rng.normal(size=(40, 3)), rng.normal(size=40)
w = np.zeros(3)
nb.init("zoo", config=config)
for step in range(config["steps"]):
    w -= config["lr"] * x.T @ (x @ w - y) / len(y)
    nb.log({"loss": float(((x @ w - y) ** 2).mean())}, step=step)
nb.finish()
