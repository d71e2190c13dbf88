"""The clock is found where it decides or becomes a value, and not where it measures."""

from __future__ import annotations

from textwrap import dedent

import pytest

from notabene.proof.source.facts import analyse

HEAD = (
    "import sys, time, random\nimport datetime as dt\nfrom datetime import datetime, timedelta\n"
    "from time import perf_counter as now\nimport numpy as np\nt0 = time.time()\n"
)


def lines(text, kind):
    """The lines told of, counted without the head that all snippets share."""
    facts = analyse(HEAD + dedent(text))
    assert not facts.failed
    return [use.line - HEAD.count("\n") for use in getattr(facts, kind)]


LIMITS = {
    "while": ("while time.time() - t0 < 60:\n    step()", [1]),
    "deadline": ("end = time.monotonic() + 5\nwhile time.monotonic() < end:\n    step()", [2]),
    "break": ("for x in data:\n    step(x)\n    if now() - start > limit:\n        break", [3]),
    "elapsed": (
        "for x in data:\n    elapsed = time.time() - t0\n    if elapsed > 9:\n        break",
        [3],
    ),
    "return": (
        "def f():\n    for x in data:\n        if time.time() > end:\n            return x",
        [3],
    ),
    "raise": ("if time.perf_counter() - t0 > 5:\n    raise TimeoutError", [1]),
    "exit": ("for x in data:\n    if time.time() - t0 > 5:\n        sys.exit(1)", [2]),
    "datetime": (
        "end = datetime.now() + timedelta(1)\nwhile datetime.now() < end:\n    step()",
        [2],
    ),
    "seconds": (
        "for x in data:\n    if (dt.datetime.now() - t).total_seconds() > 5:\n        break",
        [2],
    ),
    "flag": (
        "stop = False\nwhile not stop:\n    step()\n    if time.time() - t0 > 5:\n"
        "        stop = True",
        [4],
    ),
    "variable": (
        "while True:\n    over = time.time() - t0 > 5\n    if over or done():\n        break",
        [3],
    ),
    "function": (
        "def over():\n    return time.time() - t0 > 5\nwhile True:\n    if over():\n        break",
        [4],
    ),
    "method": (
        "class T:\n    def __init__(self):\n        self.t0 = time.time()\n"
        "    def over(self):\n        return time.time() - self.t0 > 5\n"
        "t = T()\nfor x in data:\n    if t.over():\n        break",
        [8],
    ),
    "callback": (
        "class C:\n    def on_epoch_end(self, *a):\n        if time.time() - self.t0 > 9:\n"
        "            self.model.stop_training = True",
        [3],
    ),
    "else": (
        "while True:\n    if time.time() < end:\n        step()\n    else:\n        break",
        [2],
    ),
    "and": ("i = 0\nwhile i < 100 and time.time() - t0 < 9:\n    i = step(i)", [2]),
    "argument": ("study.optimize(goal, timeout=60)\nt = Trainer(max_time='1:0')", [1, 2]),
    "takewhile": (
        "import itertools as it\nfor x in it.takewhile(lambda _: time.time() < end, xs):\n"
        "    step(x)",
        [2],
    ),
    "remaining": (
        "for x in xs:\n    left = 9 - (now() - t0)\n    if left < 0:\n        break",
        [3],
    ),
    "helper with if": (
        "def over():\n    if time.time() - t0 > 5:\n        return True\n    return False\n"
        "for x in data:\n    if over():\n        break",
        [6],
    ),
}


@pytest.mark.parametrize(("text", "expected"), LIMITS.values(), ids=LIMITS)
def test_limits_are_found(text, expected):
    """A loop, break, return, raise or exit that the clock decides is told with its line."""
    assert lines(text, "clock_limits") == expected


MEASURES = {
    "elapsed": "step()\nelapsed = time.time() - t0\nprint(f'took {elapsed:.1f} s')",
    "progress": (
        "last = time.time()\nfor x in data:\n    if time.time() - last > 5:\n"
        "        print(x)\n        last = time.time()"
    ),
    "sleep": "time.sleep(1)\nwhile not ready():\n    time.sleep(0.1)",
    "logged": "for e in range(3):\n    s = time.time()\n    step()\n"
    "    log({'s': time.time() - s})",
    "waits": "while time.time() - t0 < 1:\n    pass",
    "waits asleep": "end = now() + 1\nwhile now() < end:\n    time.sleep(0.01)",
    "timed out": "thread.join(timeout=5)\nqueue.get(timeout=3)",
    "best": "best = min(best, time.time() - t0)\nif loss < best:\n    pass",
    "checkpoint": (
        "saved = 0\nfor x in data:\n    if time.monotonic() - saved > 600:\n"
        "        save(model)\n        saved = time.monotonic()"
    ),
    "meter": (
        "class Meter:\n    def tick(self):\n        if time.time() - self.last < 5:\n"
        "            return\n        self.last = time.time()\n        print('alive')\n"
        "m = Meter()\nfor x in data:\n    m.tick()"
    ),
    "loss": "while loss > 0.1:\n    s = time.time()\n    loss = step()\n    print(time.time() - s)",
    "name": "run = f'run_{int(time.time())}'\nif run in names:\n    raise ValueError(run)",
    "patience": "for e in range(9):\n    t = time.time()\n    if loss > best:\n        break",
    "average": "times.append(time.time() - t0)\nprint(sum(times) / len(times))",
    "given time": "if time.localtime(stamp).tm_hour > 5:\n    x = 1",
    "safeguard": "study.optimize(goal, n_trials=9, timeout=600)",
    "other timeout": "requests.get(url, timeout=5)\nTrainer(max_time=None)",
    "rate": "rate = n / (time.time() - t0)\nprint(rate)",
}


@pytest.mark.parametrize("text", MEASURES.values(), ids=MEASURES)
def test_measuring_is_no_finding(text):
    """Durations that are printed, logged or waited for decide nothing."""
    assert lines(text, "clock_limits") == []
    assert lines(text, "clock_values") == []


VALUES = {
    "seed": ("random.seed(time.time())", [1]),
    "int": ("seed = int(time.time())\nrandom.seed(seed)", [2]),
    "modulo": ("seed = int(time.time() * 1000) % 2**32\nnp.random.seed(seed)", [2]),
    "returned": (
        "def make_seed():\n    return int(time.time())\nrng = np.random.default_rng(make_seed())",
        [3],
    ),
    "attribute": (
        "class C:\n    def __init__(self):\n        self.seed = time.time_ns()\n"
        "    def go(self):\n        random.seed(self.seed)",
        [5],
    ),
    "keyword": ("model = Forest(random_state=int(time.time()))", [1]),
    "mapping": ("params = {'seed': int(time.time()), 'eta': 0.1}", [1]),
    "microsecond": ("random.seed(datetime.now().microsecond)", [1]),
    "data": ("x = np.array([1.0, time.time()])", [1]),
    "data of one": ("x = np.full(3, time.time())", [1]),
    "index": ("x = xs[int(time.time()) % 3]", [1]),
    "hour": ("if datetime.now().hour < 12:\n    lr = 0.1", [1]),
    "parity": ("lr = 0.1 if int(time.time()) % 2 else 0.2", [1]),
    "factor": ("y = x * time.time()", [1]),
    "sine": ("import math\ny = math.sin(time.time())", [2]),
    "hour as factor": ("lr = 0.1 * datetime.now().hour", [1]),
    "fraction": ("j = time.time() % 1\nx = x + j", [2]),
    "dict": ("c = dict(n=3, random_state=int(time.time()))", [1]),
    "timestamp": ("random.seed(datetime.now().timestamp())", [1]),
    "walrus": ("if (s := int(time.time())):\n    random.seed(s)", [2]),
    "config": (
        "cfg = {'seed': 0}\ncfg['seed'] = int(time.time())\nrandom.seed(cfg['seed'])",
        [2, 3],
    ),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES)
def test_values_of_the_clock_are_found(text, expected):
    """The time of day as a seed, an index, data or a condition is told with its line."""
    assert lines(text, "clock_values") == expected


NO_VALUES = {
    "name": "path = f'out/{datetime.now():%Y%m%d}'\nos.makedirs(path)",
    "stamp": "name = 'run-' + time.strftime('%H%M%S')\nopen(name, 'w')",
    "record": "rows.append({'time': time.time(), 'loss': loss})",
    "elapsed part": "m = int(time.time() - t0) % 60\nprint(m)",
    "unit": "ms = (time.time() - t0) * 1000\nus = time.time() * 1e6\nprint(ms, us)",
    "seeded": "random.seed(0)\nt = time.time()",
    "json": "save({'started': time.time(), 'seed': 1})",
    "unpacked": "h, m = divmod(int(time.time() - t0), 60)\nprint(h, m)",
}


@pytest.mark.parametrize("text", NO_VALUES.values(), ids=NO_VALUES)
def test_names_and_records_are_no_finding(text):
    """The clock in names of files, records and messages gives no finding."""
    assert lines(text, "clock_values") == []
    assert lines(text, "clock_limits") == []


EVERY = "import signal, threading\ndone = False\n"
LOOP = "while not stop:\n    step()\n"
RAISES = "def h(*_):\n    raise TimeoutError\n"
SETS = "def h(*_):\n    global done\n    done = True\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stop = []\nthreading.Timer(1, lambda: stop.append(1)).start()\n" + LOOP, [5]),
        ("threading.Timer(1, stop.set).start()\n" + LOOP.replace("stop", "stop.is_set()"), [4]),
        ("threading.Timer(1, self.stop.set)\nwhile not self.stop.is_set(): step()", [4]),
        (SETS + "threading.Timer(1, function=h)\nwhile not done: step()", [7]),
        ("def beat():\n    print(step)\nthreading.Timer(1, beat)\nwhile step < 9: step += 1", []),
        (RAISES + "signal.signal(signal.SIGALRM, h)\nsignal.alarm(3)\nwhile True: step()", []),
        (
            RAISES + "signal.signal(signal.SIGALRM, h)\nsignal.alarm(3)\n"
            "try:\n    train()\nexcept TimeoutError:\n    pass",
            [6],
        ),
        (RAISES + "signal.signal(signal.SIGTERM, h)\nwhile True: step()", []),
        (SETS + "signal.signal(signal.SIGALRM, h)\nsignal.alarm(3)\nwhile not done: step()", [8]),
    ],
)
def test_timers_and_alarms(text, expected):
    """A loop that a timer ends, and code that an alarm breaks off; not what is only told."""
    assert lines(EVERY + text, "clock_limits") == expected
