"""What hangs on the machine, what is declared, and what is swallowed."""

from __future__ import annotations

from textwrap import dedent

import pytest

from notabene.proof.source.facts import analyse

HEAD = (
    "import os, sys, time, locale, threading, multiprocessing\nimport torch, jax\n"
    "from datetime import datetime, timezone\nfrom concurrent import futures\n"
)


def calls(text, kind, head=HEAD):
    """What is told of as it is written."""
    facts = analyse(head + dedent(text))
    assert not facts.failed
    return [use.call for use in getattr(facts, kind)]


PLACES = [
    ("locale_uses", "locale.setlocale(locale.LC_ALL, '')", ["locale.setlocale"]),
    ("locale_uses", "xs.sort(key=locale.strxfrm)", ["locale.strxfrm"]),
    ("locale_uses", "x = locale.atof('1,5')", ["locale.atof"]),
    ("locale_uses", "x = f'{n:n}'", ["format"]),
    ("locale_uses", "x = when.strftime('%B %d')", ["when.strftime"]),
    ("locale_uses", "os.environ['LC_ALL'] = 'C'", ["os.environ['LC_ALL']"]),
    ("locale_uses", "x = f'{n:,}'\ny = f'{n:.3f}'", []),
    ("locale_uses", "x = when.strftime('%Y-%m-%d')", []),
    ("locale_uses", "xs.sort(key=str.lower)", []),
    ("locale_uses", "f = open('x', encoding='utf-8')", []),
    ("locale_uses", "x = '{:d}'.format(3)", []),
    ("locale_uses", "config['LANG'] = 'en'", []),
    ("zone_uses", "x = datetime.now()", ["datetime.now"]),
    ("zone_uses", "x = datetime.fromtimestamp(0)", ["datetime.fromtimestamp"]),
    ("zone_uses", "x = time.localtime()", ["time.localtime"]),
    ("zone_uses", "x = time.mktime(t)", ["time.mktime"]),
    ("zone_uses", "time.tzset()", ["time.tzset"]),
    ("zone_uses", "x = time.strftime('%H')", ["time.strftime"]),
    ("zone_uses", "x = datetime(2020, 1, 1).timestamp()", ["datetime().timestamp"]),
    ("zone_uses", "x = d.astimezone()", ["d.astimezone"]),
    ("zone_uses", "os.environ['TZ'] = 'UTC'", ["os.environ['TZ']"]),
    ("zone_uses", "x = datetime.now(timezone.utc)", []),
    ("zone_uses", "x = datetime.now(tz=zone)", []),
    ("zone_uses", "x = datetime.fromtimestamp(0, timezone.utc)", []),
    ("zone_uses", "x = time.time()", []),
    ("zone_uses", "x = time.gmtime()", []),
    ("zone_uses", "x = d.astimezone(zone)", []),
    ("precision_uses", "torch.set_default_dtype(torch.float64)", ["torch.set_default_dtype"]),
    (
        "precision_uses",
        "torch.set_float32_matmul_precision('high')",
        ["torch.set_float32_matmul_precision"],
    ),
    (
        "precision_uses",
        "torch.backends.cuda.matmul.allow_tf32 = True",
        ["torch.backends.cuda.matmul.allow_tf32"],
    ),
    ("precision_uses", "with torch.autocast('cuda'):\n    step()", ["torch.autocast"]),
    ("precision_uses", "m = net.half()", ["net.half"]),
    ("precision_uses", "m = net.to(torch.bfloat16)", ["net.to"]),
    ("precision_uses", "jax.config.update('jax_enable_x64', True)", ["jax.config.update"]),
    ("precision_uses", "t = Trainer(precision=16)", ["Trainer"]),
    ("precision_uses", "a = TrainingArguments(bf16=True)", ["TrainingArguments"]),
    ("precision_uses", "jax.config.update('jax_platforms', 'cpu')", []),
    ("precision_uses", "m = net.to('cuda')", []),
    ("precision_uses", "x = x.astype('float32')", []),
    ("precision_uses", "m = net.float()", []),
    ("precision_uses", "a = TrainingArguments(bf16=False)", []),
    ("precision_uses", "x = precision(y)", []),
    ("thread_uses", "n = os.cpu_count()", ["os.cpu_count"]),
    ("thread_uses", "torch.set_num_threads(2)", ["torch.set_num_threads"]),
    ("thread_uses", "m = Forest(n_jobs=-1)", ["Forest"]),
    ("thread_uses", "for f in futures.as_completed(fs):\n    x += f", ["futures.as_completed"]),
    (
        "thread_uses",
        "x = sum(f.result() for f in futures.as_completed(fs))",
        ["futures.as_completed"],
    ),
    ("thread_uses", "t = threading.Thread(target=f)", ["threading.Thread"]),
    ("thread_uses", "for x in pool.imap_unordered(f, xs):\n    y += x", ["pool.imap_unordered"]),
    ("thread_uses", "os.environ['OMP_NUM_THREADS'] = '2'", ["os.environ['OMP_NUM_THREADS']"]),
    (
        "thread_uses",
        "n = 0\ndef add(x):\n    global n\n    n += x\n"
        "with futures.ThreadPoolExecutor(2) as p:\n    list(p.map(add, xs))",
        ["p.map"],
    ),
    (
        "thread_uses",
        "out = []\ndef work(x):\n    out.append(x)\n"
        "multiprocessing.pool.ThreadPool(2).map(work, xs)",
        ["multiprocessing.pool.ThreadPool().map"],
    ),
    (
        "thread_uses",
        "def work(x):\n    y = [x]\n    y.append(x)\n    return y\n"
        "with futures.ThreadPoolExecutor(2) as p:\n    xs = list(p.map(work, xs))",
        [],
    ),
    ("thread_uses", "m = Forest(n_jobs=2)", []),
    ("thread_uses", "m = Forest()", []),
    ("thread_uses", "xs = pool.map(f, xs)", []),
    ("thread_uses", "lock = threading.Lock()", []),
    ("thread_uses", "with futures.ThreadPoolExecutor(2) as p:\n    xs = list(p.map(f, a))", []),
    ("thread_uses", "table.as_completed(x)", []),
    ("thread_uses", "for f in futures.as_completed(fs):\n    x[ids[f]] = f.result()", []),
    ("thread_uses", "for f in futures.as_completed(fs):\n    f.result()", []),
    ("thread_uses", "for f in futures.as_completed(fs):\n    x = max(x, f.result())", []),
    ("argv", "x = sys.argv[1]", ["sys.argv"]),
    ("argv", "from sys import argv\nx = argv[1:]", ["argv"]),
    ("argv", "_, a, b = sys.argv", ["sys.argv"]),
    ("argv", "n = len(sys.argv)", ["sys.argv"]),
    ("argv", "main(sys.argv[1:])", ["sys.argv"]),
    ("argv", "args = sys.argv\nx = args[1]", ["sys.argv"]),
    ("argv", "x = config.argv", []),
    ("argv", "argv = []\nx = argv[0]", []),
    ("argv", "def f(sys):\n    return sys.argv", []),
    ("argv", "x = sys.path", []),
    ("argv", "x = 'sys.argv'", []),
    ("argv", "x = sys.argvs", []),
]


@pytest.mark.parametrize(("kind", "text", "expected"), PLACES)
def test_what_hangs_on_the_machine_is_found(kind, text, expected):
    """Uses of language, zone, precision, threads and arguments are told; their like is not."""
    assert calls(text, kind) == expected


OPTIONS = [
    ("p.add_argument('--lr', type=float)", ["lr"]),
    ("p.add_argument('-b', '--batch-size', default=3)", ["batch_size"]),
    ("p.add_argument('data')", ["data"]),
    ("p.add_argument('--x', dest='name')", ["name"]),
    ("p.add_argument('-v', action='store_true')", ["v"]),
    ("g = p.add_argument_group('g')\ng.add_argument('--wd')", ["wd"]),
    (
        "import click\n@click.command()\n@click.option('--lr', '-l', default=1)\n"
        "@click.option('--on/--off', 'switch')\ndef main(lr, switch):\n    pass",
        ["lr", "switch"],
    ),
    (
        "import typer\napp = typer.Typer()\n@app.command()\n"
        "def main(lr: float = 0.1, n: int = 3):\n"
        "    pass",
        ["lr", "n"],
    ),
    ("from absl import flags\nflags.DEFINE_float('lr', 0.1, 'rate')", ["lr"]),
    ("import typer\ndef main(lr: float = 1):\n    pass\ntyper.run(main)", ["lr"]),
    ("p.add_argument('--help')", []),
    ("p.add_option_group('x')", []),
    ("def main(lr=0.1):\n    pass", []),
    ("p.set_defaults(lr=0.1)", []),
    ("table.option('--lr')", []),
    ("x = '--lr'", []),
]


@pytest.mark.parametrize(("text", "expected"), OPTIONS)
def test_options_are_found(text, expected):
    """Options of argparse, click, typer and absl are told by the names of their values."""
    assert sorted(calls(text, "options")) == sorted(expected)


def test_imports_are_found():
    """Modules are told by their full names, those loaded by name included."""
    text = (
        "import numpy as np, os.path\nfrom . import near\nfrom ..far import x\nfrom a.b import c\n"
        "import importlib\nm = importlib.import_module('late')\nn = __import__('older')\n"
        "def f():\n    import inner\n"
    )
    assert calls(text, "imports", "") == [
        *("numpy", "os.path", ".near", "..far", "a.b", "importlib", "late", "older", "inner"),
    ]


CONSTANTS = """
LR = 0.1
NAMES: list = ['a', 'b']
CFG = {'lr': 1, 'deep': {'x': [1, 2]}}
a = b = -3
RESULT = compute()
__all__ = ['x']
PAIR = (1, 2.5)
ON = True
if __name__ == '__main__':
    EPOCHS = 3
class C:
    width = 64
    def f(self, n=2, *, m='x', o=None, p=[]):
        local = 5
def g(x=1):
    net = Net(hidden=32, name='n', scale=-1.5)
"""


def test_constants_are_told_with_name_value_and_line():
    """Literals of the module, of classes, of defaults, and numbers given by keyword."""
    found = {c.name: (c.value, c.scope) for c in analyse(CONSTANTS).constants}
    assert found == {
        "LR": (0.1, "module"),
        "NAMES": (["a", "b"], "module"),
        "CFG": ({"lr": 1, "deep": {"x": [1, 2]}}, "module"),
        "a": (-3, "module"),
        "b": (-3, "module"),
        "PAIR": ([1, 2.5], "module"),
        "ON": (True, "module"),
        "EPOCHS": (3, "module"),
        "C.width": (64, "class"),
        "C.f.local": (5, "local"),
        "C.f.n": (2, "default"),
        "C.f.m": ("x", "default"),
        "C.f.o": (None, "default"),
        "C.f.p": ([], "default"),
        "g.x": (1, "default"),
        "Net.hidden": (32, "call"),
        "Net.scale": (-1.5, "call"),
    }
    assert [c.line for c in analyse(CONSTANTS).constants if c.name in {"LR", "g.x"}] == [2, 16]


NAMED = """\
cfg.lr = 0.1
cfg["wd"] = 0.2
decimal.getcontext().prec = 6
scale = lambda x, k=2: x * k
def main():
    width = 64
    for step in range(3):
        self.rate = 0.5
    a, b = 1, 2
    rows[at] = 3
    torch.set_num_threads(2)
torch.set_default_dtype(torch.float64)
print(3)
rows.append(4)
f(x)
"""


def test_constants_have_the_names_they_are_written_by():
    """Attributes, entries of mappings, arguments of a lambda, and what is local to a function."""
    found = {c.name: (c.value, c.line) for c in analyse(NAMED).constants}
    assert found == {
        "cfg.lr": (0.1, 1),
        "cfg['wd']": (0.2, 2),
        "decimal.getcontext().prec": (6, 3),
        "scale.k": (2, 4),
        "main.width": (64, 6),
        "main.self.rate": (0.5, 8),
        "torch.set_num_threads": (2, 11),
        "torch.set_default_dtype": ("torch.float64", 12),
    }


LOOP = "for p in paths:\n"
SWALLOWED = {
    "continue": (
        "    try:\n        x = load(p)\n    except Exception:\n        continue\n    f(x)",
        "",
    ),
    "pass": ("    try:\n        xs.append(load(p))\n    except ValueError:\n        pass", ""),
    "bare": ("    try:\n        xs.append(load(p))\n    except:\n        pass", ""),
    "several": (
        "    try:\n        x = load(p)\n    except (OSError, ValueError):\n"
        "        continue\n    f(x)",
        "",
    ),
    "print": (
        "    try:\n        x = load(p)\n    except OSError as e:\n        print(e)\n"
        "        continue\n    f(x)",
        "logged",
    ),
    "logger": (
        "    try:\n        xs.append(load(p))\n    except OSError:\n        logger.warning(p)",
        "logged",
    ),
    "suppress": (
        "    with contextlib.suppress(Exception):\n        xs.append(load(p))",
        "",
    ),
    "in a branch": (
        "    if p:\n        try:\n            xs.append(load(p))\n"
        "        except KeyError:\n            pass",
        "",
    ),
    "before the end": (
        "    try:\n        xs.append(load(p))\n    except OSError:\n        pass\n"
        "    bar.update(1)",
        "",
    ),
}


@pytest.mark.parametrize(("text", "detail"), SWALLOWED.values(), ids=SWALLOWED)
def test_swallowed_items_are_found(text, detail):
    """A handler in a loop that drops an item without a trace, or with a message only, is told."""
    found = analyse(LOOP + text).swallowed
    assert [use.detail for use in found] == [detail]


KEPT = {
    "counted": (
        "    try:\n        x = load(p)\n    except OSError:\n        bad += 1\n"
        "        continue\n    f(x)"
    ),
    "collected": (
        "    try:\n        xs.append(load(p))\n    except OSError:\n        failed.append(p)"
    ),
    "raised": "    try:\n        f(p)\n    except OSError as e:\n"
    "        raise ValueError(p) from e",
    "retry": "    try:\n        x = load(p)\n        break\n    except OSError:\n        continue",
    "retry else": (
        "    try:\n        x = load(p)\n    except OSError:\n        pass\n    else:\n        break"
    ),
    "stop": "    try:\n        x = next(it)\n    except StopIteration:\n        continue\n    f(x)",
    "import": "    try:\n        import a\n    except ImportError:\n        pass",
    "empty": "    try:\n        f(q.get())\n    except queue.Empty:\n        continue",
    "exists": "    try:\n        os.mkdir(p)\n    except FileExistsError:\n        pass",
    "removed": "    try:\n        os.remove(p)\n    except OSError:\n        pass",
    "removed and told": (
        "    try:\n        log.debug(p)\n        os.remove(p)\n    except OSError as e:\n"
        "        log.error(e)"
    ),
    "fallback": (
        "    try:\n        p = int(p)\n    except ValueError:\n        pass\n    out.append(p)"
    ),
    "value": "    try:\n        x = load(p)\n    except OSError:\n        x = None\n"
    "    xs.append(x)",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_handled_items_are_no_finding(text):
    """Counting, collecting, raising, retrying and control flow swallow nothing."""
    assert analyse(LOOP + text).swallowed == []


def test_handlers_outside_loops_are_no_finding():
    """What is tried once drops no item."""
    assert analyse("try:\n    f()\nexcept Exception:\n    pass").swallowed == []
