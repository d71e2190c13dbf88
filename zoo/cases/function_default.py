import numpy as np

import notabene as nb


def train(lr=0.05, decay=0.01, steps=10):
    rng = np.random.default_rng(3)
    w = rng.normal(size=5)
    for step in range(steps):
        w = w * (1 - decay) - lr * np.sign(w)
        nb.log({"loss": float(np.abs(w).sum())}, step=step)
    return w


if __name__ == "__main__":
    nb.init("zoo", config={"lr": 0.05, "steps": 10})
    train()
    nb.finish()
