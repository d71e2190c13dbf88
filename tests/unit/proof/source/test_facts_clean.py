"""Well-written scripts of the shapes that tutorials have give no finding."""

from __future__ import annotations

from textwrap import dedent

import pytest

from notabene.proof.source.facts import analyse

STRICT = (
    "hash_order", "listing_order", "clock_limits", "clock_values", "swallowed", "entropy",
)  # fmt: skip

SCRIPTS = {
    "linear regression": """
        import numpy as np
        rng = np.random.default_rng(0)
        X = rng.normal(size=(100, 3))
        y = X @ np.array([1.0, 2.0, 3.0]) + rng.normal(scale=0.1, size=100)
        w = np.zeros(3)
        for epoch in range(200):
            grad = 2 * X.T @ (X @ w - y) / len(y)
            w -= 0.1 * grad
            if epoch % 50 == 0:
                print(epoch, float(((X @ w - y) ** 2).mean()))
        """,
    "forest": """
        from sklearn.datasets import load_digits
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import train_test_split
        X, y = load_digits(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
        model = RandomForestClassifier(n_estimators=50, random_state=0, n_jobs=2)
        model.fit(X_train, y_train)
        print("accuracy", model.score(X_test, y_test))
        """,
    "argparse": """
        import argparse
        import random
        def parse():
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float, default=0.1)
            parser.add_argument("--seed", type=int, default=0)
            return parser.parse_args()
        def main():
            args = parse()
            random.seed(args.seed)
            w = random.random()
            for _ in range(10):
                w -= args.lr * 2 * w
            print(f"{w:.4f}")
        if __name__ == "__main__":
            main()
        """,
    "torch": """
        import time
        import torch
        from torch import nn
        from torch.utils.data import DataLoader, TensorDataset
        torch.manual_seed(0)
        X = torch.randn(256, 10)
        y = X.sum(1, keepdim=True)
        g = torch.Generator().manual_seed(0)
        loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True, generator=g)
        net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
        opt = torch.optim.Adam(net.parameters(), lr=1e-3)
        start = time.perf_counter()
        for epoch in range(5):
            total = 0.0
            for xb, yb in loader:
                loss = nn.functional.mse_loss(net(xb), yb)
                opt.zero_grad()
                loss.backward()
                opt.step()
                total += loss.item() * len(xb)
            print(f"{epoch}: {total / len(X):.4f} ({time.perf_counter() - start:.1f} s)")
        torch.save(net.state_dict(), "net.pt")
        """,
    "images": """
        from pathlib import Path
        import numpy as np
        from PIL import Image
        class Images:
            def __init__(self, folder):
                self.paths = sorted(Path(folder).glob("*.png"))
                self.classes = sorted({p.stem.split("_")[0] for p in self.paths})
                self.index = {name: i for i, name in enumerate(self.classes)}
            def __len__(self):
                return len(self.paths)
            def __getitem__(self, i):
                path = self.paths[i]
                return np.asarray(Image.open(path)), self.index[path.stem.split("_")[0]]
        data = Images("data")
        print(len(data), data.classes)
        """,
    "words": """
        from collections import Counter
        STOP = {"the", "a", "of"}
        def tokens(text):
            return [w for w in text.lower().split() if w not in STOP]
        with open("corpus.txt", encoding="utf-8") as file:
            counts = Counter(tokens(file.read()))
        vocabulary = [w for w, _ in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))]
        ids = {word: i for i, word in enumerate(vocabulary)}
        unknown = {w for w in counts if counts[w] < 2}
        print(len(ids), len(unknown), sum(counts.values()))
        """,
    "csv": """
        import csv
        rows, bad = [], 0
        with open("train.csv", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    rows.append((float(row["x"]), float(row["y"])))
                except ValueError:
                    bad += 1
        print(len(rows), "rows", bad, "bad")
        """,
    "early stopping": """
        import numpy as np
        best, patience = float("inf"), 0
        history = []
        for epoch in range(100):
            loss = train(epoch)
            history.append({"epoch": epoch, "loss": loss})
            if loss < best - 1e-4:
                best, patience = loss, 0
            else:
                patience += 1
            if patience >= 5:
                break
        print(np.mean([h["loss"] for h in history]))
        """,
    "progress": """
        import time
        start = last = time.time()
        for step, batch in enumerate(batches):
            update(batch)
            if time.time() - last > 10:
                rate = step / (time.time() - start)
                print(f"step {step}, {rate:.1f}/s")
                last = time.time()
        elapsed = time.time() - start
        print("took", round(elapsed, 1))
        """,
    "run name": """
        import time
        from datetime import datetime
        from pathlib import Path
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        out = Path("runs") / f"run-{stamp}"
        out.mkdir(parents=True)
        (out / "config.json").write_text("{}")
        t0 = time.time()
        train(out)
        (out / "seconds.txt").write_text(str(time.time() - t0))
        """,
    "identifier": """
        import uuid
        run_id = uuid.uuid4().hex[:8]
        print("run", run_id)
        path = f"out/{run_id}.json"
        save(path)
        """,
    "grid": """
        from itertools import product
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import KFold, cross_val_score
        best = None
        for alpha, degree in product([0.1, 1, 10], [1, 2, 3]):
            folds = KFold(5, shuffle=True, random_state=0)
            score = cross_val_score(Ridge(alpha), features(X, degree), y, cv=folds).mean()
            if best is None or score > best[0]:
                best = score, alpha, degree
        print(best)
        """,
    "xgboost": """
        import xgboost as xgb
        dtrain = xgb.DMatrix(X, label=y)
        params = {"max_depth": 3, "eta": 0.1, "objective": "binary:logistic", "seed": 0}
        evals = {}
        bst = xgb.train(params, dtrain, 50, evals=[(dtrain, "train")], evals_result=evals)
        print(evals["train"]["logloss"][-1])
        """,
    "dataclass config": """
        import random
        from dataclasses import dataclass, field, asdict
        @dataclass
        class Config:
            lr: float = 0.1
            layers: list[int] = field(default_factory=lambda: [32, 32])
            seed: int = 0
        cfg = Config()
        random.seed(cfg.seed)
        for name, value in asdict(cfg).items():
            print(name, value)
        """,
    "yaml": """
        import yaml
        with open("config.yaml") as file:
            config = yaml.safe_load(file)
        required = {"lr", "epochs"}
        missing = required - config.keys()
        if missing:
            raise SystemExit(f"missing: {', '.join(sorted(missing))}")
        unknown = set(config) - required
        if unknown:
            print("unknown settings", unknown)
        train(**config)
        """,
    "checkpoints": """
        import os
        from pathlib import Path
        def latest(folder):
            found = sorted(Path(folder).glob("*.pt"), key=lambda p: int(p.stem))
            return found[-1] if found else None
        os.makedirs("ckpt", exist_ok=True)
        start = latest("ckpt")
        for old in Path("ckpt").glob("*.tmp"):
            old.unlink()
        if not os.listdir("ckpt"):
            print("fresh start")
        """,
    "walk": """
        import os
        def files(top):
            found = []
            for folder, folders, names in os.walk(top):
                folders.sort()
                for name in sorted(names):
                    found.append(os.path.join(folder, name))
            return found
        for path in files("data"):
            process(path)
        """,
    "retry": """
        import time
        def download(url, tries=5):
            for attempt in range(tries):
                try:
                    return fetch(url)
                except OSError:
                    if attempt == tries - 1:
                        raise
                    time.sleep(2 ** attempt)
        data = download("http://localhost/x")
        """,
    "download once": """
        import os, shutil, urllib.request
        if not os.path.exists("data.bin"):
            urllib.request.urlretrieve("http://localhost/data.bin", "data.bin.part")
            os.replace("data.bin.part", "data.bin")
        for name in ("a", "b"):
            try:
                os.remove(name)
            except FileNotFoundError:
                pass
        """,
    "k-means by hand": """
        import numpy as np
        def kmeans(X, k, rng, rounds=20):
            centres = X[rng.choice(len(X), k, replace=False)]
            for _ in range(rounds):
                label = ((X[:, None] - centres) ** 2).sum(-1).argmin(1)
                centres = np.array([X[label == j].mean(0) for j in set(range(k))])
            return centres
        print(kmeans(np.eye(5), 2, np.random.default_rng(3)))
        """,
    "graph": """
        from collections import deque
        def reach(graph, start):
            seen = {start}
            queue = deque([start])
            order = []
            while queue:
                node = queue.popleft()
                order.append(node)
                for other in graph[node]:
                    if other not in seen:
                        seen.add(other)
                        queue.append(other)
            return order
        print(reach({0: [1, 2], 1: [], 2: []}, 0))
        """,
    "labels": """
        import numpy as np, pandas as pd
        frame = pd.read_csv("train.csv").sample(frac=1, random_state=0)
        labels = sorted(frame["label"].unique())
        code = {label: i for i, label in enumerate(labels)}
        y = frame["label"].map(code).to_numpy()
        for label in np.unique(y):
            print(label, (y == label).sum())
        duplicated = len(set(frame["id"])) != len(frame)
        assert not duplicated
        """,
    "gym": """
        import numpy as np
        rng = np.random.default_rng(1)
        q = np.zeros((5, 2))
        for episode in range(100):
            state, done = 0, False
            while not done:
                explore = rng.random() < 0.1
                action = rng.integers(2) if explore else int(q[state].argmax())
                state, reward, done = step(state, action)
                q[state, action] += 0.1 * (reward - q[state, action])
        """,
    "logger": """
        import logging, sys
        logging.basicConfig(stream=sys.stdout, format="%(asctime)s %(message)s")
        log = logging.getLogger(__name__)
        names = {"a", "b"}
        log.info("columns %s", names)
        for epoch in range(3):
            try:
                loss = step(epoch)
            except FloatingPointError:
                log.exception("diverged at %d", epoch)
                raise
            log.info("epoch %d loss %.3f", epoch, loss)
        """,
    "workers": """
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        def work(n):
            return sum(i * i for i in range(n))
        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                squares = list(pool.map(work, range(10)))
            with ThreadPoolExecutor(2) as pool:
                lengths = [f.result() for f in [pool.submit(len, "abc") for _ in range(3)]]
            print(sum(squares), sum(lengths))
        """,
    "queue": """
        import queue, threading
        jobs = queue.Queue()
        def worker():
            while True:
                try:
                    job = jobs.get(timeout=1)
                except queue.Empty:
                    break
                job()
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join(timeout=10)
        """,
    "notabene": """
        import time
        import numpy as np
        import notabene
        run = notabene.init("demo", config={"lr": 0.1, "seed": 0})
        rng = np.random.default_rng(run.config.seed)
        for step in range(100):
            began = time.perf_counter()
            loss = float(np.exp(-step / 30) + rng.normal(scale=0.01))
            run.log({"loss": loss, "seconds": time.perf_counter() - began}, step=step)
        run.finish()
        """,
    "class trainer": """
        import time
        class Trainer:
            def __init__(self, model, data, epochs=3, seed=0):
                self.model, self.data, self.epochs, self.seed = model, data, epochs, seed
                self.times = []
                self.seen = set()
            def fit(self):
                for epoch in range(self.epochs):
                    began = time.monotonic()
                    for key, batch in self.data.items():
                        self.seen.add(key)
                        self.model.step(batch)
                    self.times.append(time.monotonic() - began)
                return max(self.times), len(self.seen)
        """,
    "text cleaning": """
        import re
        def parse(line):
            match = re.match(r"(\\d+),(.*)", line)
            if match is None:
                raise ValueError(line)
            return int(match[1]), match[2]
        seen, kept = set(), []
        for line in open("x.txt"):
            number, text = parse(line)
            if text in seen:
                continue
            seen.add(text)
            kept.append((number, text))
        kept.sort()
        print(kept[:3])
        """,
    "matplotlib": """
        import matplotlib.pyplot as plt
        import numpy as np
        x = np.linspace(0, 1, 50)
        fig, ax = plt.subplots(figsize=(4, 3))
        for k, style in {1: "-", 2: "--"}.items():
            ax.plot(x, x ** k, style, label=f"$x^{k}$")
        ax.legend(loc="best")
        fig.savefig("out.png", dpi=100)
        """,
    "click": """
        import click
        import numpy as np
        @click.command()
        @click.option("--n", default=3, help="how many")
        @click.option("--seed", default=0)
        def main(n, seed):
            rng = np.random.default_rng(seed)
            click.echo(rng.normal(size=n).mean())
        if __name__ == "__main__":
            main()
        """,
    "sets of columns": """
        import pandas as pd
        a, b = pd.read_csv("a.csv"), pd.read_csv("b.csv")
        shared = [c for c in a.columns if c in set(b.columns)]
        if set(a.columns) != set(b.columns):
            print("differ:", set(a.columns) ^ set(b.columns))
        both = pd.concat([a[shared], b[shared]])
        print(both.shape, frozenset(shared) <= set(a))
        """,
    "cache by key": """
        memo = {}
        def fib(n):
            if n not in memo:
                memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
            return memo[n]
        class Key:
            def __init__(self, a, b):
                self.a, self.b = a, b
            def __eq__(self, other):
                return (self.a, self.b) == (other.a, other.b)
            def __hash__(self):
                return hash((self.a, self.b))
        print(fib(30), len({Key(1, "x"), Key(1, "x")}))
        """,
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_clean_script_gives_no_finding(text):
    """Nothing is said against a script that does nothing wrong."""
    facts = analyse(dedent(text))
    assert not facts.failed
    assert {kind: getattr(facts, kind) for kind in STRICT} == {kind: [] for kind in STRICT}


SEEDED = [name for name in SCRIPTS if name != "torch"]


@pytest.mark.parametrize("name", SEEDED)
def test_a_clean_script_draws_from_seeded_generators(name):
    """Scripts that use generators of their own, or seed the shared one, are not called unseeded."""
    facts = analyse(dedent(SCRIPTS[name]))
    seeded = {use.generator for use in facts.seeds}
    assert [use for use in facts.unseeded if use.generator not in seeded] == []
    assert all(use.origin in {"literal", "name", "option"} for use in facts.seeds)
