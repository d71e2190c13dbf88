# /// script
# requires-python = ">=3.11"
# dependencies = ["notabene", "numpy"]
# ///
"""A small network in numpy learns a spiral: config, metrics with goals, a table, a conclusion."""

import numpy as np

import notabene

CONFIG = {"seed": 0, "hidden": 32, "lr": 0.5, "epochs": 200}


def spiral(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points on two arms, and which arm each is on."""
    label = random.integers(0, 2, n)
    angle = random.uniform(0.5, 6, n)
    points = np.stack([np.cos(angle), np.sin(angle)], 1) * angle[:, None] / 6
    points *= np.where(label, 1, -1)[:, None]
    return points + random.normal(0, 0.02, (n, 2)), label


with notabene.init("spiral", config=CONFIG, tags=["example"]) as run:
    run.define_metric("accuracy", goal="max")
    run.define_metric("loss", goal="min")
    random = np.random.default_rng(run.config.seed)
    points, label = spiral(1000, random)
    w1 = random.normal(0, 2, (2, run.config.hidden))
    b1 = random.normal(0, 1, run.config.hidden)
    w2 = random.normal(0, 0.3, run.config.hidden)

    for epoch in range(run.config.epochs):
        hidden = np.tanh(points @ w1 + b1)
        guess = 1 / (1 + np.exp(-hidden @ w2))
        error = guess - label
        back = error[:, None] * w2 * (1 - hidden**2)
        w2 -= run.config.lr * hidden.T @ error / len(label)
        w1 -= run.config.lr * points.T @ back / len(label)
        b1 -= run.config.lr * back.mean(0)
        run.log(
            {
                "loss": -np.log(np.where(label, guess, 1 - guess) + 1e-9).mean(),
                "accuracy": ((guess > 0.5) == label).mean(),
            },
            step=epoch,
        )

    wrong = np.flatnonzero((guess > 0.5) != label)[:20]
    rows = [[float(points[i, 0]), float(points[i, 1]), int(label[i])] for i in wrong]
    run.log_table("mistakes", columns=["x", "y", "label"], data=rows)
    run.conclude(f"{len(wrong)} or more of 1000 points are on the wrong side")
