"""Orders that are not fixed are found, and those that are made so are not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from notabene.proof.source.facts import analyse

HEAD = "import os, glob, random\nimport numpy as np\nfrom pathlib import Path\n"


def lines(text, kind):
    """The lines told of, counted without the head that all snippets share."""
    facts = analyse(HEAD + dedent(text))
    assert not facts.failed
    return [use.line - HEAD.count("\n") for use in getattr(facts, kind)]


SETS = {
    "list": ("words = list(set(text.split()))\nprint(words[0])\nx = train(words)", [1]),
    "loop": ("for w in {'a', 'b'}:\n    model.fit(w)", [1]),
    "index": ("vocab = {w: i for i, w in enumerate(set(text.split()))}", [1]),
    "places": ("x = sum(i * len(w) for i, w in enumerate({'a', 'bb'}))", [1]),
    "best place": ("x = max((len(w), i) for i, w in enumerate({'a', 'bb'}))", [1]),
    "no places": ("x = sum(len(w) for i, w in enumerate({'a', 'bb'}))", []),
    "only places": ("x = sum(i for i, w in enumerate({'a', 'bb'}))", []),
    "tuple": ("x = tuple({'a', 'b'})\ny = x[0]", [1]),
    "next": ("first = next(iter(set(names)))", [1]),
    "pop": ("s = set(names)\nx = s.pop()", [2]),
    "join": ("key = '-'.join({'a', 'b'})\nmodel.name(key)", [1]),
    "array": ("a = np.array(list(set(names)))", [1]),
    "array of set": ("a = np.array(set(names))", [1]),
    "unpacking": ("a, b = {'x', 'y'}", [1]),
    "union": ("both = set(a) | set(b)\nfor x in both:\n    step(x)", [2]),
    "difference": ("for x in set(a) - {'b'}:\n    step(x)", [1]),
    "method": ("rest = set(a).difference(b)\nfor x in rest:\n    step(x)", [2]),
    "keys": ("for k in a.keys() & b.keys():\n    step(k)", [1]),
    "parameter": ("def f(names: set[str]):\n    for n in names:\n        step(n)", [2]),
    "given": ("def f(names):\n    for n in names:\n        step(n)\nf({'a', 'b'})", [2]),
    "returned": ("def f():\n    return set(words)\nfor n in f():\n    step(n)", [3]),
    "in a function": ("def f(words):\n    return list(set(words))", [2]),
    "comprehension": ("xs = [load(w) for w in set(words)]\ntrain(xs)", [1]),
    "counted up": ("ids = {}\nfor w in set(words):\n    ids[w] = len(ids)", [2]),
    "appended": ("out = []\nfor w in set(words):\n    out.append(w)\ntrain(out)", [2]),
    "mapping": ("d = dict.fromkeys(set(words))\nfor k in d:\n    step(k)", [1]),
    "choice": ("x = random.choice(list(set(words)))", [1]),
    "star": ("xs = [*set(words)]\ntrain(xs)", [1]),
    "attribute": (
        "class D:\n    def __init__(self, w):\n        self.v = list(set(w))\n"
        "    def get(self, i):\n        return self.v[i]",
        [3],
    ),
    "added to": ("s = set()\nfor w in text:\n    s.add(w)\nfor w in s:\n    step(w)", [4]),
    "sum of text": ("out = ''\nfor w in set(words):\n    out += w", [2]),
    "hash": ("bucket = hash(name) % 10", [1]),
    "hash of a tuple": ("bucket = hash((name, 1)) % 10", [1]),
    "first match": ("for w in set(words):\n    if good(w):\n        best = w\n        break", [1]),
    "columns": ("x = df[list(set(df.columns) - {'y'})]", [1]),
    "zip": ("ids = dict(zip(set(words), range(9)))", [1]),
    "floats": ("t = 0.0\nfor w in set(words):\n    t += weight[w]", [2]),
    "written": ("f.write(','.join(set(words)))", [1]),
    "ties": ("best = max(set(words), key=lambda w: counts[w])", [1]),
    "ties of lengths": ("xs = sorted(set(words), key=len)\ntrain(xs)", [1]),
    "trained": ("for w in set(words):\n    model.update(w)", [1]),
    "enumerate": ("for i, w in enumerate(set(words)):\n    table[i] = w", [1]),
    "through numbers": ("s = set(words)\nfor i, w in zip(range(9), s):\n    step(i, w)", [2]),
}


@pytest.mark.parametrize(("text", "expected"), SETS.values(), ids=SETS)
def test_the_order_of_a_set_is_found(text, expected):
    """A result that hangs on the order of a set, or on hash(), is told with its line."""
    assert lines(text, "hash_order") == expected


FIXED_SETS = {
    "sorted": "for w in sorted(set(words)):\n    step(w)",
    "sorted list": "words = sorted(list(set(words)))\nfor w in words:\n    step(w)",
    "sort": "names = list(set(words))\nnames.sort()\ntrain(names)",
    "len": "n = len(set(words))\nm = max(set(words))\nk = min(set(words))",
    "any": "if any(w in bad for w in set(words)):\n    pass",
    "all": "ok = all(good(w) for w in {'a', 'b'})",
    "membership": "keep = set(words)\nout = [x for x in xs if x in keep]\ntrain(out)",
    "set of set": "a = {w.lower() for w in set(words)}\nb = frozenset(a)\nc = a == b",
    "integers": "for k in {1, 2, 3}:\n    step(k)",
    "range": "for k in set(range(5)):\n    step(k)",
    "lengths": "for k in {len(w) for w in words}:\n    step(k)",
    "dict": "for k in {'a': 1, 'b': 2}:\n    step(k)",
    "keys": "for k in table.keys():\n    step(k)",
    "into a set": "out = set()\nfor w in set(words):\n    out.add(w.lower())",
    "message": "missing = set(a) - set(b)\nif missing:\n    raise ValueError(', '.join(missing))",
    "printed": "print(list(set(words)))",
    "dunder hash": "class A:\n    def __hash__(self):\n        return hash((self.a, self.b))",
    "compared": "same = hash(a) == hash(b)",
    "hash of a number": "x = hash(3)\ny = hash(len(words))",
    "appended and sorted": (
        "out = []\nfor w in set(words):\n    out.append(w)\nout.sort()\ntrain(out)"
    ),
    "sorted later": "names = [w for w in set(words) if w]\nfor n in sorted(names):\n    step(n)",
    "unique": "for c in np.unique(labels):\n    step(c)",
    "counted": "n = 0\nfor w in set(words):\n    n += 1\nprint(n)",
    "checked": "for w in set(words):\n    if w not in known:\n        raise KeyError(w)",
    "rebound": "x = set(words)\nx = sorted(x)\nfor w in x:\n    step(w)",
    "looked up": "d = {w: 0 for w in set(words)}\nfor w in text:\n    d[w] += 1",
    "list of numbers": "for k in list({1, 2}):\n    step(k)\nx = next(iter({3, 4}))",
    "no ties": "xs = sorted(set(words), key=lambda w: (-counts[w], w))\ntrain(xs)",
    "key": "xs = sorted(set(words), key=str.lower)\ntrain(xs)",
    "pairs": "xs = sorted(set(pairs), key=lambda p: p[0])\ntrain(xs)",
    "updated": "a, b = set(), {}\nfor w in set(words):\n    a.update(w)\nprint(len(a))",
    "numbers in pairs": "for a, b in zip(list(set(range(9)) - {1}), range(8)):\n    step(a, b)",
    "ranks": "best = min(set(pairs), key=lambda p: ranks.get(p, 9))",
    "labels": (
        "from sklearn.datasets import load_iris\niris = load_iris()\n"
        "classes = list(set(iris.target))\nfit(classes)"
    ),
    "labels apart": (
        "from sklearn.datasets import load_digits\nX, y = load_digits(return_X_y=True)\n"
        "for c in set(y):\n    step(c)"
    ),
    "drawn labels": (
        "rng = np.random.default_rng(0)\ny = rng.integers(0, 3, 9)\n"
        "for c in set(y.tolist()):\n    step(c)"
    ),
    "cast labels": "for c in set(y.astype(int)):\n    step(c)",
    "only one": "(x,) = set(words)",
    "one of one": "s = set(words)\nx = s.pop() if len(s) == 1 else None",
    "if one": "s = set(words)\nif len(s) == 1:\n    x = next(iter(s))",
    "memory": "memo[hash(key)] = 1\nx = memo[hash(key)]",
    "columns": "x = df[sorted(set(df.columns) - {'y'})]\ny = df.drop(columns=['y'])",
    "isin": "x = df[df.a.isin(set(words))]",
    "shadowed": "from mine import set\nfor w in set(words):\n    step(w)",
    "sorted in a function": "def f(w):\n    return list(set(w))\nfor x in sorted(f(v)):\n"
    "    step(x)",
}


@pytest.mark.parametrize("text", FIXED_SETS.values(), ids=FIXED_SETS)
def test_sets_whose_order_does_not_matter_are_no_finding(text):
    """Sorting, counting, asking for membership, and sets of numbers give no finding."""
    assert lines(text, "hash_order") == []


LISTINGS = {
    "listdir": ("for f in os.listdir(d):\n    step(load(f))", [1]),
    "glob": ("files = glob.glob('*.csv')\ntrain(files)", [1]),
    "first": ("path = glob.glob('*.csv')[0]", [1]),
    "iterdir": ("for p in Path(d).iterdir():\n    xs = step(xs, p)", [1]),
    "path glob": ("frames = [read(p) for p in Path(d).glob('*.csv')]\ntrain(frames)", [1]),
    "rglob": ("data = list(root.rglob('*.txt'))\ntrain(data)", [1]),
    "scandir": ("with os.scandir(d) as it:\n    for e in it:\n        step(e)", [1]),
    "walk": ("for r, ds, fs in os.walk(d):\n    for f in fs:\n        step(f)", [1]),
    "appended": ("out = []\nfor f in os.listdir(d):\n    out.append(read(f))\ntrain(out)", [2]),
    "extended": (
        "out = []\nout.extend(glob.glob('a*'))\nout.extend(glob.glob('b*'))\nfit(out)",
        [2],
    ),
    "plus": ("files = glob.glob('a') + glob.glob('b')\ntrain(files)", [1]),
    "filtered": ("fs = [f for f in os.listdir(d) if f.endswith('.png')]\nx = fs[:10]", [1]),
    "enumerate": ("for i, f in enumerate(os.listdir(d)):\n    table[i] = f", [1]),
    "returned": ("def files(d):\n    return os.listdir(d)\nfor f in files(d):\n    step(f)", [2]),
    "uncalled": ("def files(d):\n    return [os.path.join(d, f) for f in os.listdir(d)]", [2]),
    "dataset": (
        "class D:\n    def __init__(self, d):\n        self.files = os.listdir(d)\n"
        "    def __getitem__(self, i):\n        return self.files[i]",
        [3],
    ),
    "generator": ("def f(d):\n    for x in os.listdir(d):\n        yield read(x)\nfit(f(d))", [2]),
    "shuffled": ("files = glob.glob('*')\nrandom.Random(0).shuffle(files)", [1]),
    "next": ("p = next(Path(d).glob('*.ckpt'))", [1]),
    "alias": ("from glob import glob as g\nfor f in g('*'):\n    step(f)", [2]),
    "named by label": ("ids = {c: i for i, c in enumerate(os.listdir(d))}", [1]),
    "mapped": ("xs = list(map(read, glob.glob('*')))\nfit(xs)", [1]),
    "last": ("ckpt = os.listdir(d)[-1]", [1]),
    "top of a walk": ("files = next(os.walk(d))[2]\nfit(files)", [1]),
    "either": ("fs = os.listdir(d)\nfs = sorted(fs) if tidy else fs\nfit(fs)", [1]),
    "concat": ("import pandas as pd\nx = pd.concat([read(f) for f in glob.glob('*')])", [2]),
    "mapping": (
        "d = {f: read(f) for f in glob.glob('*')}\nfor k, x in d.items():\n    fit(x)",
        [1],
    ),
    "iglob": ("for f in glob.iglob('*'):\n    step(f)", [1]),
    "set of a listing": ("xs = np.array(os.listdir(d))", [1]),
}


@pytest.mark.parametrize(("text", "expected"), LISTINGS.values(), ids=LISTINGS)
def test_the_order_of_a_folder_is_found(text, expected):
    """A listing that is used in the order the system gave it is told where it was made."""
    assert lines(text, "listing_order")[: len(expected)] == expected


FIXED_LISTINGS = {
    "sorted": "for f in sorted(os.listdir(d)):\n    step(f)",
    "sort": "files = os.listdir(d)\nfiles.sort()\ntrain(files)",
    "sorted name": "files = glob.glob('*')\nfor f in sorted(files):\n    step(f)",
    "sorted key": "files = sorted(Path(d).glob('*.csv'), key=lambda p: p.stem)\ntrain(files)",
    "len": "n = len(os.listdir(d))",
    "max": "last = max(glob.glob('*.pt'), key=os.path.getmtime)",
    "in": "if 'train.csv' in os.listdir(d):\n    pass",
    "not": "if not os.listdir(d):\n    raise FileNotFoundError(d)",
    "any": "ok = any(f.endswith('.csv') for f in os.listdir(d))",
    "set": "names = set(os.listdir(d))\nif 'a' in names:\n    pass",
    "walk sorted": (
        "for r, ds, fs in os.walk(d):\n    ds.sort()\n    for f in sorted(fs):\n        step(f)"
    ),
    "walk slice": (
        "for r, ds, fs in os.walk(d):\n    ds[:] = sorted(ds)\n    fs.sort()\n"
        "    for f in fs:\n        step(f)"
    ),
    "appended and sorted": (
        "out = []\nfor f in os.listdir(d):\n    if f.endswith('.csv'):\n        out.append(f)\n"
        "out.sort()\ntrain(out)"
    ),
    "sorted comprehension": "fs = sorted(f for f in os.listdir(d) if f.endswith('.png'))\nfit(fs)",
    "sorted in return": (
        "def files(d):\n    out = []\n    for r, _, fs in os.walk(d):\n"
        "        out += [os.path.join(r, f) for f in fs]\n    return sorted(out)"
    ),
    "removed": "for f in os.listdir(d):\n    os.remove(os.path.join(d, f))",
    "total": "total = sum(p.stat().st_size for p in Path(d).rglob('*'))",
    "sorted attribute": (
        "class D:\n    def __init__(self, d):\n        self.files = os.listdir(d)\n"
        "        self.files.sort()\n    def __getitem__(self, i):\n        return self.files[i]"
    ),
    "top of a walk": "files = sorted(next(os.walk(d))[2])\nfit(files)",
    "re-sorted": "files = glob.glob('*')\nfiles = sorted(files)\nx = files[0]",
    "printed": "print(os.listdir(d))",
    "other glob": "for f in fs.glob('bucket/*'):\n    step(f)",
    "looked up": "d = {p.stem: read(p) for p in Path(x).glob('*')}\ny = d['a']",
    "sorted function": (
        "def files(d):\n    return os.listdir(d)\nfor f in sorted(files(d)):\n    step(f)"
    ),
    "exists": "for f in os.listdir(d):\n    if f == 'x':\n        return_code = 1",
}


@pytest.mark.parametrize("text", FIXED_LISTINGS.values(), ids=FIXED_LISTINGS)
def test_listings_whose_order_is_fixed_are_no_finding(text):
    """Sorting, counting and asking for a name give no finding."""
    assert lines(text, "listing_order") == []
