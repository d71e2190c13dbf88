import notabene as nb
import tinylib

with nb.init("zoo", config={"activation": "leaky"}) as run:
    run.log({"loss": tinylib.activate(-4.0)})
