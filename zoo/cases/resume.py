import json
import os

import notabene as nb

state = {"step": 0, "w": 4.0}
if os.path.exists("checkpoint.json"):
    with open("checkpoint.json") as f:
        state = json.load(f)

nb.init("zoo", config={"lr": 0.2})
for _ in range(5):
    state["w"] -= 0.2 * state["w"]
    state["step"] += 1
    nb.log({"loss": state["w"] ** 2}, step=state["step"])
with open("checkpoint.json", "w") as f:
    json.dump(state, f)
nb.finish()
