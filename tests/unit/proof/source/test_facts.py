"""Facts are told of whatever text, always the same, and never with an exception."""

from __future__ import annotations

import inspect
import random
import warnings
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import notabene
from notabene.proof.source import facts as module
from notabene.proof.source.facts import Facts, analyse

SOURCES = sorted(Path(notabene.__file__).parent.rglob("*.py"))


def test_own_sources_are_read_and_mostly_clean():
    """Our own sources are analysed, and no clock becomes a seed in them."""
    chosen = random.Random(0).sample(SOURCES, 60)
    told = {path: analyse(path.read_bytes(), name=path.name) for path in chosen}
    assert not [path for path, facts in told.items() if facts.failed]
    assert not [u for f in told.values() for u in f.seeds if u.origin == "clock"]


def test_the_same_text_gives_the_same():
    """Text and bytes, again and again, give equal facts; they survive JSON."""
    text = inspect.getsource(module)
    one, two = analyse(text), analyse(text.encode())
    assert one == two == analyse(text, name="other.py")
    assert msgspec.json.decode(msgspec.json.encode(one), type=Facts) == one


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:\n", "x.py:1: "),
        (b"\xff\xfe\x00", ""),
        ("a\0b", ""),
        ("if x:\npass", "x.py:2: "),
        (b"# coding: nonsense\nx = 1", "x.py"),
        ("(" * 3000, ""),
        ("match = 1\nprint 'two'", "x.py:2: "),
    ],
)
def test_what_is_no_program_says_why(text, reason):
    """Text that does not parse has a reason, and digests of its own."""
    facts = analyse(text, name="x.py")
    assert facts.failed.startswith(reason)
    assert facts.failed
    assert facts.code == facts.code_without_seeds != ""
    assert facts.code != analyse("x = 1").code
    assert not facts.seeds


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment", '"""Docs."""', b"\n", b"\xef\xbb\xbfx=1"]
)
def test_little_is_analysed_as_well(text):
    """Empty files, comments, and marks of byte order are no failures."""
    facts = analyse(text)
    assert facts.failed == ""
    assert len(facts.code) == 64


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "-" * 5000 + "1",
        "x = " + "a." * 5000 + "b",
        "x = " + "f(" * 150 + ")" * 150,
        "x = " + " + ".join(["a"] * 5000),
        "if a:\n    x\n" + "elif a:\n    x\n" * 400,
        "x" + "[0]" * 3000,
        "def f():\n    return f()\nf()",
        "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(1)\ng('x')",
        "class A(A):\n    def f(self):\n        return self.f()\nA().f()",
        "class A:\n    pass\nclass A(A):\n    pass\nA().x",
        "f = lambda: f()\nf()",
        "\n".join(f"def f{i}():\n    return f{i + 1}()" for i in range(300)) + "\nf0()",
        "x = y = z = x\nglobal x\nnonlocal y",
        "a, *b, (c, [d, *e]) = set()",
        "del x, y[0], z.a",
        "try:\n    pass\nexcept* ValueError:\n    pass",
        "match x:\n    case [1, *a] | {'k': v, **r} if a:\n        pass\n"
        "    case C(a=1) as c:\n        pass",
        "async def f():\n    async with a as b, c:\n        async for d in e:\n            await d",
        "x = {**a, 'b': 1, 1: 2, None: 3}\nx[...] = x[1:2, ::3]",
        "import a.b as c, d\nfrom . import *\nfrom .. import e as f\nfrom os import *",
        "seed = seed + seed\nrandom.seed(seed)",
        "x = [i for i in i for j in i if (k := j)]",
        "@d\n@d.e(1)\nclass C(metaclass=M, **k):\n    x: int\n    y: set[str] = set()",
        "random = random.random\nrandom()",
        "time = time.time()\ntime.time()",
    ],
)
def test_odd_programs_raise_nothing(text):
    """Depth, loops of calls, and rare statements give facts, if not always complete ones."""
    assert len(analyse(text).code) == 64


WORDS = [
    *(
        "x = set ( ) : , . [ ] { } for in if else f return lambda import os time time.time yield"
        " os.listdir random.seed hash sorted list while not 1 'a' f'{x}' with as try except + - def"
    ).split(),
    "\n",
    "\n    ",
]


@given(st.one_of(st.text(), st.binary()))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_facts(text):
    """Nothing is raised whatever the text is."""
    assert len(analyse(text).code) == 64


@given(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_any_words_give_facts(text):
    """Words of Python in any order raise nothing, and warn of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(analyse(text).code) == 64


def test_doubtful_spellings_warn_of_nothing():
    """Python's remarks on the analysed code are not the business of who analyses it."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert not analyse("x = '\\d'\ny = 0x1for x in z\nassert (1, 'x')\nx is 1").failed
    assert seen == []
