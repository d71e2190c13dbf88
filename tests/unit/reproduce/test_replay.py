"""What a reproduced run draws again, and what it does not."""

from __future__ import annotations

import json

from notabene.model.evidence import Clock, Draw, Generator, Randomness, Seed
from notabene.proof.record import Record
from notabene.proof.source.facts import analyse
from notabene.reproduce.replay import replay_of


def replayed(text="", path="src/train.py", **randomness):
    """The file for a run of one source."""
    record = Record(randomness=Randomness(**randomness))
    found = replay_of(record, {path: analyse(text)})
    assert json.loads(json.dumps(found)) == found
    return found


def test_nothing_was_seen():
    """A run without randomness has nothing to draw."""
    assert replayed() == {"starts": {}, "draws": {}, "seeds": {}, "clock": {}}


def test_states_by_process():
    """Each generator of each process starts as it did."""
    generators = [
        Generator(name="random", state="s1"),
        Generator(name="random", process="mp:1", state="s2"),
    ]
    assert replayed(generators=generators)["starts"] == {"|random": "s1", "mp:1|random": "s2"}


def test_draws_in_their_order():
    """Entropy that generators drew, by process, kind and line; equal places in order."""
    draws = [
        Draw(by="numpy.random", value="1", where="src/train.py:3"),
        Draw(by="numpy.random", value="2", where="/far/train.py:3"),
        Draw(by="random", value="3", where="src/train.py:3", process="f1"),
    ]
    assert replayed(draws=draws)["draws"] == {
        "|numpy.random|train.py:3": ["1", "2"],
        "f1|random|train.py:3": ["3"],
    }


def test_bytes_that_may_be_keys():
    """What the program drew by itself is not in the record, and is not handed back."""
    draws = [Draw(by="os", bits=64, where="a.py:1"), Draw(by="secrets", bits=64), Draw(by="uuid")]
    assert replayed(draws=draws)["draws"] == {}


SEEDS = """\
import os, random, time
random.seed(3)
random.seed(time.time())
random.seed(os.getpid())
random.seed(f())
"""


def test_seeds_that_the_code_does_not_fix():
    """Only seeds from elsewhere than the code are handed back: a literal may have been edited."""
    seeds = [
        Seed(generator="random", value=line * 10, where=f"src/train.py:{line}")
        for line in (2, 3, 4, 5)
    ]
    assert replayed(SEEDS, seeds=seeds)["seeds"] == {
        f"|random|train.py:{line}": [line * 10] for line in (3, 4, 5)
    }


def test_seeds_of_any_size():
    """A seed of more than 64 bits was kept as text; what is no number is not handed back."""
    where = "src/train.py:4"
    seeds = [
        Seed(generator="random", value=str(2**70), where=where),
        Seed(generator="random", value="-5", where=where),
        Seed(generator="random", value="text", where=where),
        Seed(generator="random", value=0.5, where=where),
    ]
    assert replayed(SEEDS, seeds=seeds)["seeds"] == {"|random|train.py:4": [2**70, -5]}


def test_clocks_that_became_values():
    """The time is handed back where it went into a value, not where it measures."""
    text = (
        "import datetime, time\n"
        "hour = 5 * datetime.datetime.now().hour\n"
        "began = time.time()\n"
        "print(time.time() - began)\n"
    )
    clock = [
        Clock(function="time.time", value=float(line), where=f"src/train.py:{line}")
        for line in (2, 3, 4)
    ]
    assert replayed(text, clock=clock)["clock"] == {"train.py:2": 2.0}
