# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene[pandas]"]
# ///
"""Search runs, and take them into pandas."""

import notabene

# Something to look at: nine runs of a small grid.
for lr in (0.01, 0.1, 0.3):
    for decay in (0.0, 0.5, 1.0):
        config = {"lr": lr, "decay": decay}
        with notabene.init("to-pandas", config=config, tags=["grid"], capture=False) as run:
            x = 5.0
            for step in range(30):
                x -= lr / (1 + decay * step) * 2 * x
                run.log({"loss": x * x}, step=step)

api = notabene.Api()
good = api.runs("params.lr >= 0.1 and metrics.loss < 20", project="to-pandas")
table = good.to_pandas()
print(len(table), "of 9 runs, and what is known of them:", *table.columns[:6])

best = next(iter(api.runs(project="to-pandas", order_by="metrics.loss", limit=1)))
history = api.history(best.id, "loss")
print("best:", best.name, best.config, "went from", history.values[0], "to", history.values[-1])
