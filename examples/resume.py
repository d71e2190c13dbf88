# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene"]
# ///
"""A training that is killed in the middle, and goes on with the same run from its checkpoint."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import notabene

CHECKPOINT = Path("checkpoint.json")
RUN_ID = f"resume-example-{os.environ.get('EXAMPLE_ID', os.getpid())}"


def train() -> None:
    """Thirty steps with a checkpoint every ten; the first try does not survive step 25."""
    start = json.loads(CHECKPOINT.read_text())["step"] if CHECKPOINT.exists() else 0
    notabene.init("resume", id=RUN_ID, resume="allow", config={"steps": 30})
    for step in range(start, 30):
        notabene.log({"loss": 1 / (step + 1), "try": float(start > 0)}, step=step)
        if step == 25 and start == 0:
            os.kill(os.getpid(), signal.SIGKILL)  # no warning, no clean-up
        if step % 10 == 9:
            CHECKPOINT.write_text(json.dumps({"step": step + 1}))
    notabene.finish()


if len(sys.argv) > 1:
    train()
else:
    CHECKPOINT.unlink(missing_ok=True)
    os.environ["EXAMPLE_ID"] = str(os.getpid())
    first = subprocess.run([sys.executable, __file__, "train"], check=False)
    second = subprocess.run([sys.executable, __file__, "train"], check=False)
    print("first try ended with", first.returncode, "and the second with", second.returncode)

    # One run, thirty steps: what the second try logged again has taken the place of the first's.
    history = notabene.Api().history(RUN_ID, "loss")
    assert history.steps.tolist() == list(range(30))
    print("the run has", len(history.steps), "steps, each once")
