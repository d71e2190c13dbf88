"""Fill a store with what the browser tests look at: two projects, about forty runs of all kinds.

    NOTABENE_STORE=folder python web/e2e/notebook/fill.py

Everything is drawn from fixed seeds; only ids and times differ from one store to the next.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["NOTABENE_QUIET"] = "1"
os.environ["NOTABENE_SYSTEM_EVERY"] = "1"

import numpy as np

import notabene
from notabene import Api

RNG = np.random.default_rng(7)
COLOURS = ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[1;34m")
EVIL = "<script>alert(1)</script>"
PROBE = (Path(__file__).parent / "probe.html").read_text()
VISION, TEXT = 30, 10


def main() -> None:
    """Make all runs."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        prepare(data)
        diverged()
        failed()
        processes()
        for at in range(VISION):
            vision(at, data)
        for at in range(TEXT):
            text(at)
        folds()
        lab(data)
    with Api() as api:
        api.note_project("vision", "Today: try larger batches. See **group** `vit-s-sweep`.")
        api.archive(api.runs('name = "fold 0"', project="vision")[0])
        api.seal(seconds=20)


def prepare(data: Path) -> None:
    """A dataset in three versions, and one that is only referred to."""
    with notabene.init("vision", name="prepare data", config={"source": "cifar-10"}) as run:
        folder = data / "cifar"
        folder.mkdir()
        for version in range(3):
            rows = "".join(f"{k},{(k + version) % 10}\n" for k in range(5000))
            (folder / "train.csv").write_text("id,label\n" + rows)
            aliases = ["stable"] if version == 1 else []
            run.log_artifact(folder, name="cifar-10", type="dataset", aliases=aliases)
        far = notabene.Artifact("imagenet-ref", type="dataset")
        far.add_reference("s3://bucket/imagenet.tar", name="imagenet.tar")
        run.log_artifact(far)


def curve(n: int, lr: float, seed: int) -> np.ndarray:
    """A loss that falls."""
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(0, 0.05, n) * np.exp(-t / n)
    return 0.18 + 2.1 * np.exp(-t * lr * 4) + 0.25 / (1 + t * lr) + noise


def vision(at: int, data: Path) -> None:
    """One run of a sweep, with media in every fourth and a model in every third."""
    draw = random.Random(at)
    model = draw.choice(["resnet18", "resnet50", "vit-s", "vit-b"])
    lr = draw.choice([1e-3, 3e-3, 1e-2, 3e-2])
    config = {
        "model": {"name": model, "depth": draw.choice([2, 4, 8]), "dropout": at % 3 / 10},
        "optim": {"name": draw.choice(["adamw", "sgd"]), "lr": lr, "schedule": {"warmup": 100}},
        "data": {"name": "cifar-10", "batch": draw.choice([64, 128, 256]), "augment": at % 2 == 0},
        "seed": at % 3,
        "epochs": 20,
    }
    tags = ["baseline"] if at % 9 == 0 else []
    with notabene.init(
        "vision",
        name=f"{model}-{at:02}",
        config=config,
        group=f"{model}-sweep",
        tags=[*tags, f"team={'ana' if at % 2 else 'ben'}"],
        hypothesis="Larger batches need a larger learning rate" if at % 5 == 0 else None,
    ) as run:
        run.define_metric("val/acc", goal="max", summary="best")
        run.define_metric("val/loss", goal="min", summary="best")
        run.define_metric("train/loss", goal="min")
        run.define_metric("throughput", unit="img/s")
        train(run, curve(draw.choice([600, 1200, 2000]), lr, at), lr, draw)
        if at % 4 == 0:
            media(run, at)
        if at % 3 == 0:
            keep_model(run, data / f"model-{at}", model, at)
        run.use_artifact("cifar-10:latest", role="train")
        words(run, at)


def train(run: notabene.Run, loss: np.ndarray, lr: float, draw: random.Random) -> None:
    """Curves, console, histograms and images."""
    n = len(loss)
    for step, value in enumerate(loss):
        row = {"train/loss": value, "train/grad_norm": abs(RNG.normal(1, 0.3))}
        row["lr"] = lr * (0.5 + 0.5 * math.cos(step / n * math.pi))
        if step % 10 == 0:
            row["throughput"] = 1800 + RNG.normal(0, 60)
        run.log(row, step=step)
        if step % 50 == 49:
            acc = 0.95 - 0.9 * math.exp(-step * lr / 3) - draw.random() * 0.02
            mean = float(loss[max(0, step - 20) : step].mean())
            run.log({"val/loss": mean + 0.1, "val/acc": acc, "epoch": step // 50}, step=step)
            colour = COLOURS[step // 50 % 5]
            print(
                f"{colour}epoch {step // 50:>3}\x1b[0m step {step} \x1b[32mval/acc {acc:.4f}\x1b[0m"
            )
        if step % 200 == 199:
            weights = RNG.normal(0, 1 + step / n, 4000)
            run.log({"weights/layer1": notabene.Histogram(weights)}, step=step)
            y, x = np.mgrid[0:96, 0:96]
            planes = [
                (np.sin(x / (4 + step / 200)) + 1) / 2,
                (np.cos(y / 9) + 1) / 2,
                x * y % 97 / 97,
            ]
            image = notabene.Image(np.stack(planes, -1), caption=f"step {step} <b>not bold</b>")
            run.log({"samples": image}, step=step)


def media(run: notabene.Run, at: int) -> None:
    """One of each kind of value."""
    names = ("cat", "dog", "frog")
    rows = [
        [k, names[k % 3], names[(k * 7 + at) % 3], math.nan if k % 97 == 0 else k % 89 / 89]
        for k in range(1500)
    ]
    run.log_table("predictions", columns=["id", "label", "guess", "score"], data=rows)
    run.log_text("notes/sample", f"A picture of a cat.\n{EVIL}\n" * (3 if at % 8 else 400), step=0)
    t = np.arange(16000) / 16000
    sound = notabene.Audio(np.sin(2 * np.pi * (220 + 20 * at) * t) * 0.4, sample_rate=16000)
    page = notabene.Html(f"<h1>Report</h1>{EVIL}<p>fine</p>")
    clip = notabene.Video((RNG.random((12, 48, 64, 3)) * 255).astype("uint8"), fps=6)
    run.log({"tone": sound, "report": page, "clip": clip})
    grid = [notabene.Image(RNG.random((32, 32, 3)), caption=str(k)) for k in range(5)]
    run.log({"grid": grid}, step=0)
    with contextlib.suppress(ImportError):
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots()
        axes.plot([3, 2, 1])
        run.log_figure("figure/loss", figure)
        plt.close(figure)


def keep_model(run: notabene.Run, folder: Path, model: str, at: int) -> None:
    """A folder of files, some of which would like to be run by a browser."""
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(RNG.bytes(200_000))
    config = f'{{"a": 1, "model": {{"depth": {at}}}}}'
    (folder / "config.json").write_text(config)
    (folder / "README.md").write_text(f"# Model {at}\n\n- trained on *cifar*\n\n{EVIL}\n")
    labels = "".join(f"{k},{k % 3}\n" for k in range(400))
    (folder / "sub" / "labels.csv").write_text("id,label\n" + labels)
    (folder / "evil.html").write_text("<script>alert(document.cookie)</script>")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{EVIL}</svg>'
    (folder / "drawing.svg").write_text(svg)
    run.log_artifact(
        folder,
        name=f"models/{model} ✓",
        type="model",
        aliases=["candidate", *(["prod"] if at == 12 else [])],
        metadata={"acc": 0.9},
        description="Weights after the last epoch",
    )


def words(run: notabene.Run, at: int) -> None:
    """Notes, alerts and conclusions of some."""
    if at % 6 == 1:
        run.note("Looks **good**, but see `val/loss` after step 800.\n\n- check lr\n- check seed")
    if at % 10 == 2:
        run.alert("Learning rate is high", "loss rose twice", level="warning")
    if at % 5 == 0:
        verdict = ("supported", "refuted", "unclear")[at % 3]
        run.conclude("Batch 256 wins by 0.4 points.", verdict=verdict)


def text(at: int) -> None:
    """A run of the other project, whose name has blanks and a slash."""
    draw = random.Random(100 + at)
    config = {
        "model": {"layers": draw.choice([2, 6, 12]), "width": 256},
        "lr": draw.choice([1e-4, 3e-4]),
        "same": "constant",
    }
    with notabene.init("text / small-lm", config=config, tags=["lm"], group="scaling") as run:
        if at == 0:
            keep_probe(run)
        run.define_metric("val/ppl", goal="min", summary="best")
        for step in range(400):
            run.log({"train/loss": 6 * math.exp(-step / 150) + 2, "tokens": step * 4096}, step=step)
            if step % 40 == 39:
                run.log({"val/ppl": math.exp(2 + 3 * math.exp(-step / 150))}, step=step)


def keep_probe(run: notabene.Run) -> None:
    """A page of HTML that tries to reach what it must not, as a file and as a value."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "probe.html").write_text(PROBE)
        run.log_artifact(folder, name="probe", type="report")
    run.log({"probe": notabene.Html(PROBE)})


def diverged() -> None:
    """A loss that grows, becomes infinite and then no number."""
    with notabene.init("vision", name="diverged", config={"optim": {"lr": 1.0}}) as run:
        for step in range(800):
            value = 2 * math.exp(-step / 100)
            if step >= 300:
                value = 3 * 1.05 ** (step - 300)
            if step >= 420:
                value = math.inf if step < 440 else math.nan
            run.log({"train/loss": value, "val/acc": 0.1 if step > 300 else step / 400}, step=step)


def failed() -> None:
    """An exception in the middle."""
    with (
        contextlib.suppress(RuntimeError),
        notabene.init("vision", name="failed-oom", config={"data": {"batch": 4096}}) as run,
    ):
        for step in range(40):
            run.log({"train/loss": 2 - step / 100}, step=step)
        print("\x1b[31mCUDA out of memory\x1b[0m")
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")


def folds() -> None:
    """A parent and its children."""
    parent = notabene.init("vision", name="parent of folds", config={"folds": 3})
    for fold in range(3):
        with notabene.init(
            "vision", name=f"fold {fold}", group="folds", config={"fold": fold}
        ) as run:
            run.log({"val/acc": 0.8 + fold / 100})
    parent.finish()


def lab(data: Path) -> None:
    """Programs that are watched: repeated, changed, failed, and one proven by a rerun."""
    work = data / "lab"
    work.mkdir()

    def run(script: str, *args: str) -> None:
        quiet = subprocess.DEVNULL
        words = [sys.executable, script, *args]
        subprocess.run(words, cwd=work, stdout=quiet, stderr=quiet, check=False)

    for name in ("prepare.py", "train.py", "evaluate.py"):
        (work / name).write_text((Path(__file__).parent / "lab" / name).read_text())
    run("prepare.py")
    for args in ((), ("--wd=0.3",), ("--seed=1",), ("--seed=1",), ("--seed=2",)):
        run("train.py", *args)
    run("train.py", "--seed=1", "--wd=0.3")
    run("evaluate.py")
    run("train.py", "--lr=7")
    run("train.py", "--lr=90", "--seed=4")
    with Api() as api:
        named = {view.name: view.id for view in api.runs(project="lab")}
    proven = next(run for name, run in named.items() if name == "seed=1")
    run("-m", "notabene", "reproduce", proven, "--allow-env")
    text = (work / "train.py").read_text()
    text = text.replace('"""Fits a line."""', '"""Fits a straight line."""')
    (work / "train.py").write_text(text)
    run("train.py", "--seed=3")
    (work / "train.py").write_text(text.replace("SCALE = 1.0", "SCALE = 0.9"))
    run("train.py", "--seed=3", "--lr=0.2")


def killed() -> None:
    """A process that ends in the middle of a run."""
    run = notabene.init("vision", name="killed", config={"optim": {"lr": 0.01}})
    for step in range(300):
        run.log({"train/loss": 3 / (1 + step)}, step=step)
    print("about to be killed", flush=True)
    run.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def rank() -> None:
    """One of two processes of one run."""
    run = notabene.init("vision", name="two-ranks", config={"world": 2})
    mine = int(os.environ["RANK"])
    for step in range(500):
        run.log({"train/loss": 2 / (1 + step / 50) + mine * 0.1, "gpu/mem": 10 + mine}, step=step)
    print("rank", mine, "done")
    run.finish()


def chatty() -> None:
    """Twenty thousand lines of console."""
    run = notabene.init("vision", name="chatty", config={"lines": 20_000})
    for k in range(20_000):
        warn = " \x1b[1;33mWARN grad norm\x1b[0m" if k % 100 == 0 else ""
        out = sys.stderr if k % 10 == 3 else sys.stdout
        print(f"\x1b[3{k % 8}m[{k:>7}]\x1b[0m step {k} loss {1 / (k + 1):.6f}{warn}", file=out)
        if k % 100 == 0:
            run.log({"loss": 1 / (k + 1)}, step=k)
    run.finish()


def processes() -> None:
    """Runs that need a process of their own."""
    world = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "29511",
        "TORCHELASTIC_RUN_ID": f"elastic-{os.getpid()}",
    }
    started = [start("killed"), start("chatty")]
    started += [start("rank", RANK=str(r), LOCAL_RANK=str(r), **world) for r in (0, 1)]
    for process in started:
        process.wait()


def start(what: str, **env: str) -> subprocess.Popen[bytes]:
    """This file again, for one function."""
    quiet = subprocess.DEVNULL
    words = [sys.executable, __file__, what]
    return subprocess.Popen(words, env={**os.environ, **env}, stdout=quiet, stderr=quiet)


if __name__ == "__main__":
    {"killed": killed, "rank": rank, "chatty": chatty}.get(" ".join(sys.argv[1:]), main)()
