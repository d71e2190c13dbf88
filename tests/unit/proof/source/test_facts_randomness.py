"""Seeds with their origins, draws without one, and the operating system's randomness."""

from __future__ import annotations

from textwrap import dedent

import pytest

from notabene.proof.source.facts import analyse

HEAD = (
    "import os, random, time, sys, uuid, secrets, argparse\nimport numpy as np\nimport torch\n"
    "import torch.nn as nn\nfrom numpy.random import default_rng\n"
)


def told(text, kind):
    """Pairs of generator and origin, or generators of ``unseeded``."""
    facts = analyse(HEAD + dedent(text))
    assert not facts.failed
    if kind == "unseeded":
        return [use.generator for use in facts.unseeded]
    return [(use.generator, use.origin) for use in getattr(facts, kind)]


PARSER = "p = argparse.ArgumentParser()\np.add_argument('--seed', type=int, default=1)\n"
SEEDS = {
    "literal": ("random.seed(42)", [("random", "literal")]),
    "name": ("SEED = 1\nnp.random.seed(SEED)", [("numpy", "name")]),
    "argument": ("def f(seed):\n    torch.manual_seed(seed)", [("torch", "name")]),
    "none": ("random.seed()", [("random", "entropy")]),
    "own generator": ("g = torch.Generator()\ng.seed()", [("new", "entropy")]),
    "clock": ("np.random.seed(int(time.time()))", [("numpy", "clock")]),
    "clock by name": ("s = time.time_ns() & 0xFFFF\nrng = default_rng(s)", [("new", "clock")]),
    "pid": ("random.seed(os.getpid())", [("random", "process")]),
    "address": ("random.seed(id(object()))", [("random", "process")]),
    "hash": ("random.seed(hash(name))", [("random", "hash")]),
    "urandom": ("random.seed(os.urandom(8))", [("random", "entropy")]),
    "from bytes": (
        "s = int.from_bytes(os.urandom(4), 'little')\nnp.random.seed(s)",
        [("numpy", "entropy")],
    ),
    "secrets": ("torch.manual_seed(secrets.randbits(32))", [("torch", "entropy")]),
    "uuid": ("random.seed(uuid.uuid4().int)", [("random", "entropy")]),
    "uuid text": ("random.seed(str(uuid.uuid4()))", [("random", "entropy")]),
    "option": (PARSER + "a = p.parse_args()\ntorch.manual_seed(a.seed)", [("torch", "option")]),
    "vars": (PARSER + "c = vars(p.parse_args())\nrandom.seed(c['seed'])", [("random", "option")]),
    "passed on": (
        PARSER + "def main(args):\n    random.seed(args.seed)\nmain(p.parse_args())",
        [("random", "option")],
    ),
    "known": (PARSER + "a, _ = p.parse_known_args()\nrandom.seed(a.seed)", [("random", "option")]),
    "argv": ("random.seed(int(sys.argv[1]))", [("random", "option")]),
    "variable": ("random.seed(int(os.environ['SEED']))", [("random", "variable")]),
    "getenv": ("random.seed(int(os.getenv('SEED', '0')))", [("random", "variable")]),
    "get": ("random.seed(os.environ.get('SEED'))", [("random", "variable")]),
    "option of the clock": (
        "p = argparse.ArgumentParser()\np.add_argument('--seed', default=int(time.time()))\n"
        "random.seed(p.parse_args().seed)",
        [("random", "clock")],
    ),
    "option replaced": (
        PARSER + "a = p.parse_args()\nif a.seed is None:\n    a.seed = int(time.time())\n"
        "random.seed(a.seed)",
        [("random", "clock")],
    ),
    "namespace": (
        "c = Config()\nc.seed = os.getpid()\nrandom.seed(c.seed)",
        [
            ("new", "process"),
            ("random", "process"),
        ],
    ),
    "default None": ("def fix(seed=None):\n    random.seed(seed)\nfix()", [("random", "entropy")]),
    "default not used": ("def fix(s=None):\n    random.seed(s)\nfix(3)", [("random", "name")]),
    "default for others": ("def fix(s=None):\n    random.seed(s)", [("random", "name")]),
    "either": (
        "s = 1\nif fast:\n    s = int(time.time())\nrandom.seed(s)",
        [("random", "clock")],
    ),
    "or": ("random.seed(seed or int(time.time()))", [("random", "clock")]),
    "rebound": ("s = time.time()\ns = 3\nrandom.seed(s)", [("random", "name")]),
    "everything": ("from pl import seed_everything\nseed_everything(1)", [("all", "literal")]),
    "generator": ("g = torch.Generator()\ng.manual_seed(3)", [("new", "literal")]),
    "chained": ("g = torch.Generator().manual_seed(3)", [("new", "literal")]),
    "own": ("rng = random.Random(7)\nrs = np.random.RandomState(7)", [("new", "literal")] * 2),
    "estimator": ("from sklearn.svm import SVC\nm = SVC(random_state=0)", [("new", "literal")]),
    "xgboost": (
        "import xgboost\nm = xgboost.XGBClassifier(seed=int(time.time()))",
        [("new", "clock")],
    ),
    "drawn": ("s = np.random.randint(9)\ntorch.manual_seed(s)", [("torch", "unknown")]),
    "typer": (
        "import typer\napp = typer.Typer()\n@app.command()\ndef main(seed: int = 1):\n"
        "    random.seed(seed)",
        [("random", "option")],
    ),
    "click": (
        "import click\n@click.command()\n@click.option('--seed', default=1)\ndef main(seed):\n"
        "    random.seed(seed)",
        [("random", "option")],
    ),
    "keras": ("import keras\nkeras.utils.set_random_seed(1)", [("all", "literal")]),
    "jax": ("import jax\nk = jax.random.PRNGKey(0)", [("jax", "literal")]),
    "class": ("class C:\n    seed = 3\ncfg = C()\nrandom.seed(cfg.seed)", [("random", "name")]),
    "shadowed": ("def f(random):\n    random.shuffle(1)", []),
    "not a seed": ("plt.seed\nbuild(seedling=3)\nf(n_seeds=3)", []),
}


@pytest.mark.parametrize(("text", "expected"), SEEDS.values(), ids=SEEDS)
def test_seeds_have_their_origin(text, expected):
    """Every call that seeds is told with the place its seed comes from."""
    assert told(text, "seeds") == expected


SKLEARN = "from sklearn.ensemble import RandomForestClassifier as RF\n"
UNSEEDED = {
    "random": ("x = random.random()", ["random"]),
    "imported": ("from random import shuffle\nshuffle(xs)", ["random"]),
    "star": ("from random import *\nx = randint(1, 2)", ["random"]),
    "numpy": ("x = np.random.rand(3)", ["numpy"]),
    "alias": ("import numpy.random as npr\nx = npr.permutation(3)", ["numpy"]),
    "bound": ("rand = np.random.rand\nx = rand(3)", ["numpy"]),
    "torch": ("x = torch.randn(3)\ny = torch.randperm(3)", ["torch", "torch"]),
    "layer": ("m = nn.Linear(3, 4)", ["torch"]),
    "dropout": ("m = nn.Dropout(0.5)", ["torch"]),
    "in place": ("w.normal_(0, 1)", ["torch"]),
    "split": (
        "from torch.utils.data import random_split\na = random_split(d, [1, 2])",
        ["torch"],
    ),
    "loader": ("import torch.utils.data as t\nd = t.DataLoader(x, shuffle=True)", ["torch"]),
    "default_rng": ("rng = default_rng()", ["new"]),
    "default_rng None": ("rng = np.random.default_rng(None)", ["new"]),
    "Random": ("rng = random.Random()", ["new"]),
    "none by name": ("SEED = None\nrng = default_rng(SEED)", ["new"]),
    "forest none by name": (SKLEARN + "STATE = None\nm = RF(random_state=STATE)", ["sklearn"]),
    "RandomState": ("rng = np.random.RandomState()", ["new"]),
    "PCG64": ("rng = np.random.Generator(np.random.PCG64())", ["new"]),
    "forest": (SKLEARN + "m = RF(n_estimators=10)", ["sklearn"]),
    "forest None": (SKLEARN + "m = RF(random_state=None)", ["sklearn"]),
    "split data": (
        "from sklearn.model_selection import train_test_split as s\na, b = s(x, y)",
        ["sklearn"],
    ),
    "folds": ("from sklearn.model_selection import KFold\nk = KFold(5, shuffle=True)", ["sklearn"]),
    "svc": ("from sklearn import svm\nm = svm.SVC(probability=True)", ["sklearn"]),
    "svc without": ("from sklearn.svm import SVC\nm = SVC()", ["idle"]),
    "svr": ("from sklearn.svm import SVR\nm = SVR()", ["idle"]),
    "solver": (
        "from sklearn.linear_model import LogisticRegression\n"
        "m = LogisticRegression(solver='saga')",
        ["sklearn"],
    ),
    "frame": ("d = df.sample(frac=1)", ["numpy"]),
    "keras": ("import tensorflow as tf\nd = tf.keras.layers.Dense(3)", ["tensorflow"]),
    "tensorflow": ("import tensorflow as tf\nx = tf.random.normal([3])", ["tensorflow"]),
    "optuna": ("import optuna\ns = optuna.create_study()", ["new"]),
    "rvs": ("from scipy import stats\nx = stats.norm.rvs(size=3)", ["numpy"]),
}


@pytest.mark.parametrize(("text", "expected"), UNSEEDED.values(), ids=UNSEEDED)
def test_draws_without_a_seed_are_found(text, expected):
    """Draws from shared generators, and generators made without a seed, are told."""
    assert told(text, "unseeded") == expected


SEEDED = {
    "own": "rng = random.Random(0)\nx = rng.random()\nrng.shuffle(xs)",
    "generator": "rng = np.random.default_rng(0)\nx = rng.normal()\ny = rng.choice(3)",
    "seed given": "def f(seed):\n    rng = default_rng(seed)\n    return rng.random()",
    "torch generator": "g = torch.Generator()\ng.manual_seed(0)\nx = torch.randn(3, generator=g)",
    "loader": "from torch.utils.data import DataLoader\nd = DataLoader(x, shuffle=False)",
    "loader with one": (
        "from torch.utils.data import DataLoader\nd = DataLoader(x, shuffle=True, generator=g)"
    ),
    "forest": SKLEARN + "m = RF(random_state=0)",
    "forest by name": SKLEARN + "def f(random_state):\n    return RF(random_state=random_state)",
    "forest with options": SKLEARN + "m = RF(**params)",
    "not shuffled": (
        "from sklearn.model_selection import train_test_split as s\na, b = s(x, shuffle=False)"
    ),
    "folds": "from sklearn.model_selection import KFold\nk = KFold(5)",
    "svc": "from sklearn.svm import SVC\nm = SVC(random_state=1)",
    "lbfgs": "from sklearn.linear_model import LogisticRegression\nm = LogisticRegression()",
    "pca": "from sklearn.decomposition import PCA\nm = PCA(2)",
    "xgboost": "from xgboost import XGBClassifier\nm = XGBClassifier(n_estimators=3)",
    "zeros": "x = torch.zeros(3)\nnn.init.zeros_(w)\nm = nn.ReLU()",
    "frame": "d = df.sample(frac=1, random_state=0)",
    "own names": "def random(x):\n    return x\nrandom(3)\nrand = table.random\nrand()",
    "other sample": "x = sampler.sample(3)",
}


@pytest.mark.parametrize("text", SEEDED.values(), ids=SEEDED)
def test_seeded_draws_are_no_finding(text):
    """Generators of their own, seeds given, and what draws nothing give no finding."""
    assert told(text, "unseeded") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x = os.urandom(4)", 1),
        ("x = secrets.token_hex(4)", 1),
        ("r = random.SystemRandom()", 1),
        ("x = uuid.uuid4().int % 5", 1),
        ("x = int(uuid.uuid4().hex, 16)", 1),
        ("random.seed(uuid.uuid4().hex)", 1),
        ("name = f'run-{uuid.uuid4().hex[:8]}'", 0),
        ("name = str(uuid.uuid4())\nopen(name)", 0),
        ("rng = random.Random(0)", 0),
        ("x = token_hex(4)", 0),
        ("def f(os):\n    return os.urandom(3)", 0),
        ("x = np.random.bytes(3)", 0),
    ],
)
def test_entropy_is_found(text, count):
    """The operating system's randomness is told; an identifier used as a name is not."""
    assert len(analyse(HEAD + text).entropy) == count
