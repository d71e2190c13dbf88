# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene"]
# ///
"""A function whose every call is a run: its arguments are the config, an exception is a failure."""

import notabene


@notabene.track(project="decorator", tags=["example"])
def collatz(start: int, limit: int = 1000) -> int:
    """Steps until 1 is reached."""
    number, steps = start, 0
    while number != 1:
        if steps == limit:
            raise RuntimeError(f"{start} does not come down within {limit} steps")
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
        notabene.log({"number": number}, step=steps)
    return steps


print(collatz(27), "steps from 27")
try:
    collatz(97, limit=50)
except RuntimeError as error:
    print("recorded as failed, and raised as always:", error)

for run in notabene.Api().runs(project="decorator", order_by="created"):
    print(run.status, run.config)
