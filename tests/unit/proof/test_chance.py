"""Findings about randomness and the clock, each where there is cause and where there is none."""

from __future__ import annotations

import pytest

from notabene.model.evidence import (
    Clock,
    Draw,
    Generator,
    Outside,
    Program,
    Randomness,
    Seed,
)
from notabene.proof.chance import rules
from tests.unit.proof.making import evidence_of


def found(text, **randomness):
    """Class, place and whether it is recorded, of all that is found."""
    evidence = evidence_of(text, randomness=Randomness(**{"hash": "0", **randomness}))
    return [(one.kind, one.where, one.recorded) for one in rules(evidence)]


def said(text, **randomness):
    """What is said, line by line."""
    evidence = evidence_of(text, randomness=Randomness(**{"hash": "0", **randomness}))
    return [one.what for one in rules(evidence)]


UNSEEDED = "import random\nx = random.random()\n"
NUMPY = "import numpy as np\nx = np.random.rand(3)\n"
FOREST = "import sklearn.ensemble\nm = sklearn.ensemble.RandomForestClassifier()\nm.fit(x, y)\n"


@pytest.mark.parametrize(
    ("text", "generator", "where"),
    [
        (UNSEEDED, "random", "train.py:2"),
        (NUMPY, "numpy", "train.py:2"),
        (FOREST, "numpy", "train.py:2"),
        ("import torch\nx = torch.rand(3)\n", "torch", "train.py:2"),
        ("x = 1\nimport scipy.stats\n", "numpy", "train.py:2"),
        ("import os, notabene\nfrom tslearn.clustering import KShape\n", "numpy", "train.py:2"),
        ("import os\nimport train\nimport ultralytics\n", "torch", "train.py:3"),
    ],
)
def test_generators_that_nobody_seeded(text, generator, where):
    """A global generator that was used unseeded is told at its first line, and is given back."""
    used = [Generator(name=generator, state="a", used=True)]
    assert found(text, generators=used) == [("unseeded-randomness", where, True)]


KERAS = "from keras.layers import Dense\nlayer = Dense(3)\n"


@pytest.mark.parametrize(
    ("text", "used", "where"),
    [
        ("import tensorflow as tf\nx = tf.random.normal([3])\n", "tensorflow", ["train.py:2"]),
        ("import tensorflow as tf\nd = tf.data.TFRecordDataset(p)\n", "tensorflow", []),
        (KERAS, "tensorflow", ["train.py:2"]),
        (KERAS, "random", ["train.py:2"]),
        ("import tensorflow as tf\nx = tf.random.normal([3])\n", "random", []),
    ],
)
def test_generators_whose_state_cannot_be_asked_for(text, used, where):
    """TensorFlow's are told where a line draws, and not given back; Keras draws from ``random``."""
    state = "" if used == "tensorflow" else "3::A"
    told = found(text, generators=[Generator(name=used, state=state, used=True)])
    assert told == [("unseeded-randomness", one, bool(state)) for one in where]


def test_generators_that_were_seeded_or_not_used():
    """A state that nobody drew from unseeded is no finding, whatever the source looks like."""
    assert found(UNSEEDED, generators=[Generator(name="random", used=False)]) == []
    assert found(UNSEEDED) == []


def test_a_librarys_own_draws_are_not_the_programs():
    """A generator that no line of the program can have drawn from is not told."""
    text = "import os\nimport tslearn\n"
    assert found(text, generators=[Generator(name="random", used=True)]) == []
    assert found("import os\n", generators=[Generator(name="numpy", used=True)]) == []


def test_numbers_that_no_result_hangs_on():
    """libsvm is given a number in any case; other draws beside it are told as ever."""
    used = [Generator(name="numpy", used=True)]
    machine = "from sklearn.svm import SVC\nm = SVC().fit(x, y)\n"
    assert found(machine, generators=used) == []
    (one,) = found(machine + "import numpy as np\nz = np.random.rand()\n", generators=used)
    assert one[1] == "train.py:4"


def test_one_generator_is_told_once():
    """Process and workers drawing from one generator are one finding."""
    used = [Generator(name="random", process=p, used=True) for p in ("mp:1", "mp:2")]
    assert said(UNSEEDED, generators=used) == [
        "random.random drew from a generator never seeded in a worker"
    ]


FRESH = "import numpy as np\nrng = np.random.default_rng()\n"


@pytest.mark.parametrize("by", ["numpy.random", "numpy.default_rng", "random"])
def test_generators_made_without_a_seed(by):
    """Entropy that a new generator drew is told where it was made."""
    draw = Draw(by=by, bits=128, value="17", where="train.py:2")
    assert found(FRESH, draws=[draw]) == [("unseeded-randomness", "train.py:2", True)]


def test_generators_that_libraries_make_at_their_import():
    """What an imported library drew for itself is not the program's."""
    draw = Draw(by="random", bits=128, value="17", where="train.py:2", importing=True)
    assert found("import tempfile\nx = 1\n", draws=[draw]) == []


def test_generators_that_are_seeded_after_they_were_made():
    """Where a seed is given at the place, the generator that was made there has it."""
    draw = Draw(by="numpy.random", bits=128, value="17", where="train.py:2")
    study = "import optuna\ns = optuna.samplers.TPESampler(seed={})\n"
    assert found(study.format("0"), draws=[draw]) == []
    assert found(study.format("None"), draws=[draw]) != []
    maker = "import numpy as np\nrng = np.random.default_rng({})\n"
    for seed in ("args.seed", "seed", "SEED"):
        assert found(maker.format(seed), draws=[draw]) != [], seed


def test_forked_workers_are_named():
    """The finding says which kind of process made the generator."""
    draws = [
        Draw(by="numpy.default_rng", value="1", where="train.py:2", process="mp:1"),
        Draw(by="numpy.default_rng", value="2", where="train.py:9", process="f1"),
    ]
    worker, forked = said(FRESH, draws=draws)
    assert worker.endswith("in a worker")
    assert forked.endswith("in a forked process")


@pytest.mark.parametrize(("by", "severity"), [("os", "gap"), ("secrets", "risk")])
def test_bytes_of_the_operating_system(by, severity):
    """Bytes that the program itself drew are told, are never in the record, and may be a name."""
    randomness = Randomness(hash="0", draws=[Draw(by=by, bits=64, where="train.py:2")])
    (one,) = rules(evidence_of("import os\nk = os.urandom(8)\n", randomness=randomness))
    assert (one.kind, one.severity, one.recorded) == ("os-entropy", severity, False)


def test_names_made_of_random_bytes():
    """A uuid is a name, and no finding."""
    assert found("import uuid\nn = uuid.uuid4()\n", draws=[Draw(by="uuid", bits=128)]) == []


@pytest.mark.parametrize(
    ("seed", "kind"),
    [
        ("time.time()", "seed-from-clock"),
        ("os.urandom(4)", "os-entropy"),
        ("os.getpid()", "unseeded-randomness"),
        ("hash('a')", "hash-order"),
    ],
)
def test_seeds_that_are_others_each_time(seed, kind):
    """A seed from the clock, the system, the process or a hash is told at its line, once."""
    text = f"import os, random, time\nrandom.seed({seed})\n"
    assert [(k, w) for k, w, _ in found(text)] == [(kind, "train.py:2")]


def test_a_seed_that_was_seen_is_recorded():
    """Where the value went into the record it can be given back."""
    text = "import random, time\nrandom.seed(time.time())\n"
    seeds = [Seed(generator="random", value=7, where="train.py:2")]
    assert found(text) == [("seed-from-clock", "train.py:2", False)]
    assert found(text, seeds=seeds) == [("seed-from-clock", "train.py:2", True)]


@pytest.mark.parametrize("seed", ["3", "SEED", "args.seed"])
def test_seeds_that_are_given(seed):
    """A seed that stands in the source, or comes from an option, is no finding."""
    assert found(f"import random\nSEED = 3\nrandom.seed({seed})\n") == []


def test_the_time_as_a_value():
    """The time of day that goes into a sum is told; that a log line shows it is not."""
    text = "import datetime\nhour = datetime.datetime.now().hour\nx = 5 * hour\n"
    clock = [Clock(function="datetime.now", value=1.0, where="train.py:3")]
    assert found(text) == [("seed-from-clock", "train.py:3", False)]
    assert found(text, clock=clock) == [("seed-from-clock", "train.py:3", True)]
    assert found("import time\nprint('began', time.time())\n") == []


SETS = "x = [hash(w) % 7 for w in words]\n"


@pytest.mark.parametrize(
    ("secret", "drawn", "told"),
    [
        ("0", False, []),
        ("4711", False, []),
        ("4711", True, [("hash-order", "train.py:1", True)]),
        ("secret:ab", False, [("hash-order", "train.py:1", True)]),
        ("random", False, [("hash-order", "train.py:1", True)]),
        ("", False, [("hash-order", "train.py:1", False)]),
    ],
)
def test_orders_that_hang_on_the_hash(secret, drawn, told):
    """What hangs on hashes is told unless somebody fixed PYTHONHASHSEED for this run and others."""
    assert found(SETS, hash=secret, hash_drawn=drawn) == told


def test_orders_of_folders():
    """Files as the disk gives them are told; sorted ones are not."""
    text = "import os\ntotal = ''\nfor f in os.listdir('data'):\n    total += open(f).read()\n"
    assert found(text) == [("listing-order", "train.py:3", False)]
    assert found(text.replace("os.listdir('data')", "sorted(os.listdir('data'))")) == []


def test_clocks_that_end_loops():
    """A budget of time is told where the loop asks for it; a count of steps is not."""
    text = "import time\nt = time.time()\nwhile time.time() - t < 3:\n    step()\n"
    assert found(text) == [("clock-controls-length", "train.py:3", False)]
    assert found("for i in range(3):\n    step()\n") == []


@pytest.mark.parametrize(
    "query",
    [
        '"SELECT x FROM t ORDER BY RANDOM() LIMIT 9"',
        'f"select * from {table} order by\\n rand ( ) limit {n}"',
        '"select x from t where abs(random()) % 10 < 3"',
        '"with u as (select random() r from t) select * from u"',
        '"FROM t USING SAMPLE 10 PERCENT"',
        '"select * from t tablesample bernoulli (10)"',
        '"insert into t select hex(randomblob(8)) from u"',
    ],
)
def test_what_a_database_draws(query):
    """In the language of databases nobody gives a seed; told where the text stands."""
    assert found(f"import sqlite3\nrows = db.execute({query})\n") == [
        ("unseeded-randomness", "train.py:2", False)
    ]


@pytest.mark.parametrize(
    "text",
    [
        'db.execute("select random_state, seed from runs order by random_state")',
        'db.execute("select * from t using sample 10 percent (bernoulli, 42)")',
        'db.execute("select * from t tablesample bernoulli (10) repeatable (3)")',
        'db.execute("select * from t order by rand(3)")',
        'db.execute("select setseed(0.4)")\ndb.execute("select * from t order by random()")',
        '"""With random() numbers, from t."""',
        'help = "select a file at random (or none)"',
    ],
)
def test_what_a_database_does_not_draw(text):
    """Names, seeds in the text, seeds of the session, prose."""
    assert found(f"{text}\n") == []


@pytest.mark.parametrize(
    ("line", "draws"),
    [
        ("shuf rows.txt", True),
        ("/bin/sh -c shuf rows.txt | head -3", True),
        ("sort -R rows.txt", True),
        ("sh -c cat a | sort -u -nR", True),
        ("sort --random-sort a", True),
        ("bash -c echo $RANDOM", True),
        ("head -c 8 /dev/urandom", True),
        ("openssl rand -hex 8", True),
        ("shuf --random-source=seed rows.txt", False),
        ("sort -R --random-source=seed rows.txt", False),
        ("sort -r rows.txt", False),
        ("grep -R shuffle src | sort", False),
        ("sh -c sort a; grep -R b", False),
        ("cat shuf.txt", False),
        ("openssl sha256 rand", False),
    ],
)
def test_what_other_programs_draw(line, draws):
    """Their command lines tell."""
    evidence = evidence_of("x = 1\n", outside=Outside(programs=[Program(line.split(), "a.py:3")]))
    found = [(one.kind, one.where) for one in rules(evidence)]
    assert found == ([("unseeded-randomness", "a.py:3")] if draws else [])
