import notabene as nb
import polars as pl

table = pl.DataFrame({"x": [float(n) for n in range(200)]})
nb.init("zoo")
for step in range(5):
    batch = table.sample(20)
    nb.log({"loss": batch["x"].mean()}, step=step)
nb.finish()
