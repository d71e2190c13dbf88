import tomllib

import notabene as nb

with open("experiment.toml", "rb") as file:
    settings = tomllib.load(file)
model, optim = settings["model"], settings["optim"]

run = nb.init("zoo", config=dict(model))
w = [1.0] * model["width"]
for step in range(10):
    w = [x - optim["lr"] * x for x in w]
    run.log({"loss": sum(x * x for x in w)}, step=step)
run.finish()
