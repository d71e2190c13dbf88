import polars as pl

frame = pl.scan_csv("points.csv").filter(pl.col("y") > 0).collect()
print(f"loss={frame['y'].mean()}")
