import pyarrow as pa

import notabene as nb

with pa.memory_map("train.arrow") as source:
    table = pa.ipc.open_file(source).read_all()
nb.init("zoo", config={"format": "arrow"})
nb.log({"loss": table["value"].to_numpy().std().item()})
nb.finish()
