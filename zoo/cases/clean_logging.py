import argparse
import json
import logging
import random

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("train")

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--log-level", default="info")
args = parser.parse_args()

import notabene as nb  # noqa: E402

run = nb.init("zoo", config=vars(args))
random.seed(args.seed)
history = []
for step in range(5):
    loss = random.random() / (step + 1)
    history.append(loss)
    log.info("step %d loss %.3f", step, loss)
    run.log({"loss": loss}, step=step)
with open("history.json", "w") as f:
    json.dump(history, f)
run.finish()
