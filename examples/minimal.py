# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene"]
# ///
"""The least one can do: begin a run, log in a loop, end it."""

import notabene

run = notabene.init("minimal", config={"lr": 0.1, "steps": 100})

x = 5.0
for step in range(run.config.steps):
    x -= run.config.lr * 2 * x  # gradient descent on x²
    notabene.log({"x": x, "loss": x * x}, step=step)

notabene.finish()
