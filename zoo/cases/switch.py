import os

import notabene as nb

AUGMENT = os.environ.get("AUGMENT", "0") == "1"

nb.init("zoo", config={"model": "ridge"})
data = [0.5, 1.5, 2.5]
if AUGMENT:
    data += [-x for x in data]
nb.log({"loss": sum(x * x for x in data) / len(data)})
nb.finish()
