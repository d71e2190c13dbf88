import pyarrow.parquet as pq

table = pq.read_table("table.parquet")
column = table.column("value").to_pylist()
print(f"loss={sum(column) / len(column)!r}")
