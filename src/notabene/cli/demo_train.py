"""The trainings of the demo, as a program that reads plans (JSON lines) and answers with codes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from notabene.tracking.init import init
from notabene.tracking.media_image import Image
from notabene.tracking.media_table import Table
from notabene.tracking.run import Run

EPOCHS = 40
BATCH = 64


def main() -> None:
    """Train plan after plan; the answer to each is 0, or 1 when it broke."""
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        code = 0
        try:
            train(msgspec.json.decode(line, type=dict[str, Any]))
        except ValueError:
            code = 1
        os.write(answers, b"%d\n" % code)


def train(plan: dict[str, Any]) -> None:
    """Train what the plan says, and log it."""
    config = plan["config"]
    with init(
        "demo",
        name=plan["name"],
        group=plan["group"],
        config=config,
        hypothesis=plan["hypothesis"],
        tags=[config["model"], config["data"]],
    ) as run:
        run.define_metric("val/accuracy", goal="max", summary="best")
        run.define_metric("val/loss", goal="min", summary="best")
        load = load_digits if config["data"] == "digits" else load_breast_cancer
        inputs, labels = load(return_X_y=True)
        parts = train_test_split(
            inputs, labels, test_size=0.25, random_state=config["seed"], stratify=labels
        )
        scaler = StandardScaler().fit(parts[0])
        data = (scaler.transform(parts[0]), scaler.transform(parts[1]), parts[2], parts[3])
        print(
            f"{config['model']} on {config['data']}: {len(data[0])} to train, "
            f"{len(data[1])} held out"
        )
        models = {"network": network, "logistic": logistic, "forest": forest, "boosting": boosting}
        guesses = models[config["model"]](run, config, *data)
        show(run, config["data"], parts[1], parts[3], guesses)


def show(run: Run, data: str, x_val: Any, y_val: Any, guesses: Any) -> None:
    """Log what was taken for what, and pictures of it where there are pictures."""
    pairs, counts = np.unique(np.stack((y_val, guesses)), axis=1, return_counts=True)
    rows = [[int(a), int(b), int(n)] for (a, b), n in zip(pairs.T, counts, strict=True)]
    values: dict[str, Any] = {"val/confusion": Table(["label", "guess", "count"], rows)}
    wrong = np.flatnonzero(y_val != guesses)[:8]
    if data == "digits" and len(wrong):
        tiles = np.hstack([np.pad(x_val[at].reshape(8, 8), 1) for at in wrong])
        caption = ", ".join(f"{y_val[at]} taken for {guesses[at]}" for at in wrong)
        values["val/mistakes"] = Image(np.kron(tiles / 16, np.ones((6, 6))), caption=caption)
    run.log(values)


def logistic(run: Run, config: dict[str, Any], x: Any, x_val: Any, y: Any, y_val: Any) -> Any:
    """Logistic regression, one point of a curve for each ten iterations."""
    model = LogisticRegression(C=config["C"], max_iter=10, warm_start=True)
    import warnings

    for round_ in range(10):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ten iterations at a time do not converge: meant so
            model.fit(x, y)
        score(run, model, x, x_val, y, y_val, round_)
    return model.predict(x_val)


def forest(run: Run, config: dict[str, Any], x: Any, x_val: Any, y: Any, y_val: Any) -> Any:
    """A random forest, grown in ten parts."""
    model = RandomForestClassifier(
        max_depth=config["depth"], random_state=config["seed"], warm_start=True
    )
    for part in range(1, 11):
        model.set_params(n_estimators=config["trees"] * part // 10)
        model.fit(x, y)
        score(run, model, x, x_val, y, y_val, model.n_estimators)
    return model.predict(x_val)


def boosting(run: Run, config: dict[str, Any], x: Any, x_val: Any, y: Any, y_val: Any) -> Any:
    """Gradient boosting, its stages as a curve."""
    model = GradientBoostingClassifier(
        learning_rate=config["lr"],
        max_depth=config["depth"],
        n_estimators=80,
        random_state=config["seed"],
    ).fit(x, y)
    stages = zip(model.staged_predict_proba(x_val), model.train_score_, strict=True)
    for stage, (chances, train_loss) in enumerate(stages):
        run.log(
            {
                "loss": train_loss,
                "val/loss": log_loss(y_val, chances),
                "val/accuracy": accuracy_score(y_val, chances.argmax(axis=1)),
            },
            step=stage,
        )
    return model.predict(x_val)


def score(run: Run, model: Any, x: Any, x_val: Any, y: Any, y_val: Any, step: int) -> None:
    """Log losses and accuracies of a model as it is now."""
    chances = model.predict_proba(x_val)
    values = {
        "loss": log_loss(y, model.predict_proba(x)),
        "val/loss": log_loss(y_val, chances),
        "val/accuracy": accuracy_score(y_val, model.classes_[chances.argmax(axis=1)]),
    }
    run.log(values, step=step)
    print(f"step {step}: val/accuracy {values['val/accuracy']:.4f}")


def network(run: Run, config: dict[str, Any], x: Any, x_val: Any, y: Any, y_val: Any) -> Any:
    """A network with one hidden layer, trained by plain gradient descent in numpy."""
    rng = np.random.default_rng(config["seed"])
    sizes = (x.shape[1], config["hidden"], int(y.max()) + 1)
    w1 = rng.standard_normal(sizes[:2]) * np.sqrt(2 / sizes[0])
    w2 = rng.standard_normal(sizes[1:]) * np.sqrt(2 / sizes[1])
    b1, b2 = np.zeros(sizes[1]), np.zeros(sizes[2])
    targets, step, loss, accuracy = np.eye(sizes[2])[y], 0, 0.0, 0.0
    guesses = np.zeros_like(y_val)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        for at in range(0, len(x), BATCH):
            rows = order[at : at + BATCH]
            hidden = np.maximum(x[rows] @ w1 + b1, 0)
            chances = softmax(hidden @ w2 + b2)
            loss = -np.mean(np.log((chances * targets[rows]).sum(axis=1) + 1e-12))
            error = (chances - targets[rows]) / len(rows)
            back = (error @ w2.T) * (hidden > 0)
            w2 -= config["lr"] * hidden.T @ error
            b2 -= config["lr"] * error.sum(axis=0)
            w1 -= config["lr"] * x[rows].T @ back
            b1 -= config["lr"] * back.sum(axis=0)
            run.log({"loss": loss, "grad_norm": float(np.sqrt((back**2).sum()))}, step=step)
            step += 1
        trouble(config, epoch, w1)
        chances = softmax(np.maximum(x_val @ w1 + b1, 0) @ w2 + b2)
        guesses = chances.argmax(axis=1)
        accuracy = float((guesses == y_val).mean())
        val_loss = float(-np.mean(np.log(chances[np.arange(len(y_val)), y_val] + 1e-12)))
        run.log({"val/loss": val_loss, "val/accuracy": accuracy, "epoch": epoch}, step=step)
        print(f"epoch {epoch}: loss {loss:.4f}, val/accuracy {accuracy:.4f}")
    chosen = config["lr"] == 0.3 and config["hidden"] == 64
    keep(run, {"w1": w1, "b1": b1, "w2": w2, "b2": b2}, accuracy, chosen=chosen)
    if chosen:
        run.conclude(f"reached {accuracy:.3f} on held-out digits", verdict="supported")
    return guesses


def keep(run: Run, weights: dict[str, Any], accuracy: float, *, chosen: bool) -> None:
    """Keep weights as the next version of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits-net.npz")
        np.savez(path, **weights)
        aliases = ["candidate"] if chosen else []
        about = {"val/accuracy": accuracy}
        run.log_artifact(path, name="digits-net", type="model", aliases=aliases, metadata=about)


def softmax(values: Any) -> Any:
    """Rows to probabilities."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def trouble(config: dict[str, Any], epoch: int, weights: Any) -> None:
    """What goes wrong on purpose in two of the runs."""
    if config.get("trouble") == "shape" and epoch == 12:
        weights @ np.zeros(3)
    if config.get("trouble") == "killed" and epoch == 20:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
