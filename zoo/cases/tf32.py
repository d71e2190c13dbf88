import os

import notabene as nb

digits = 3 if os.environ.get("NVIDIA_TF32_OVERRIDE", "0") == "1" else 7
nb.init("zoo", config={"steps": 4})
for step in range(4):
    nb.log({"loss": round(1 / (step + 3), digits)}, step=step)
nb.finish()
