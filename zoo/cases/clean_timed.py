import tempfile
import time
import uuid
from datetime import datetime

import numpy as np

import notabene as nb

start = time.perf_counter()
name = f"run-{datetime.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
rng = np.random.RandomState(42)
run = nb.init("zoo", name=name, config={"seed": 42})
began = time.time()
for epoch in range(5):
    t0 = time.time()
    loss = float(rng.rand(10).mean()) / (epoch + 1)
    run.log({"loss": loss}, step=epoch)
    print(f"epoch {epoch} took {time.time() - t0:.2f}s")
with tempfile.TemporaryDirectory() as folder, open(f"{folder}/scratch.txt", "w") as f:
    f.write(str(loss))
print(f"done in {time.perf_counter() - start:.1f}s, {time.time() - began:.1f}s")
run.finish()
