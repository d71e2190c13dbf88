# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene"]
# ///
"""Several processes log into one run at once: no lock, no coordinator, a writer each."""

import multiprocessing
import random

import notabene


def search(run: notabene.Run, worker: int) -> None:
    """What each worker does; a run travels to other processes like any argument."""
    dice = random.Random(worker)
    best = float("inf")
    for step in range(50):
        best = min(best, dice.uniform(-1, 1) ** 2)
        run.log({f"worker-{worker}/best": best}, step=step)


def main() -> None:
    """Start four workers and wait for them."""
    with notabene.init("processes", config={"workers": 4}) as run:
        spawn = multiprocessing.get_context("spawn")
        workers = [spawn.Process(target=search, args=(run, n)) for n in range(run.config.workers)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    metrics = notabene.Api().run(run.id).metrics
    for name in sorted(metrics):
        print(name, metrics[name].n, "points, best", metrics[name].min)
    assert sum(metrics[f"worker-{n}/best"].n for n in range(4)) == 200


if __name__ == "__main__":
    main()
