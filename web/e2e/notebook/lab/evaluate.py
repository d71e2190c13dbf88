"""Looks at the model of the lab."""

import numpy as np

import notabene

with notabene.init("lab", name="evaluate") as run:
    w = float(np.load("model.npz")["w"])
    run.log({"test/w": w})
    with open("report.txt", "w") as file:
        file.write(f"{w}\n")
