"""Command lines by name: however they are spelled, the same experiment is the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notabene.proof.fingerprint import PATH, arguments_of, canonical_value, counts, is_seed

NOWHERE = "/nowhere/at/all"
NAMES = st.from_regex(r"[a-z][a-z0-9]{1,6}(_[a-z]{1,4})?", fullmatch=True)
WORDS = st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True)
OPTIONS = st.dictionaries(NAMES, WORDS, min_size=1, max_size=6)
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))


def named(*words):
    """The arguments of a command line."""
    return arguments_of(words, NOWHERE)[0]


@given(OPTIONS, st.randoms(use_true_random=False))
def test_spelling_and_order_make_no_difference(options, chance):
    """``--a=b`` is ``--a b`` is ``a=b``, dashes are underscores, and the order is free."""
    plain = named(*(word for name, value in options.items() for word in (f"--{name}", value)))
    words = list(options.items())
    chance.shuffle(words)
    other: list[str] = []
    for name, value in words:
        dashed = name.replace("_", "-")
        spelled = [f"--{dashed}", value], [f"--{name}={value}"], [f"{name}={value}"]
        other += chance.choice(spelled)
    assert named(*other) == plain
    assert set(plain) == set(options)


@given(NUMBERS)
def test_numbers_are_equal_in_any_spelling(number):
    """A number is the same written short, long, with an exponent or a sign."""
    spellings = [repr(number), f"{number:+}"]
    if isinstance(number, float):
        spellings += [f"{number:.17g}", f"{number:.17e}", f"{number:E}" * (number == 0)]
    elif abs(number) < 2**53:
        spellings += [f"{number}.0", f"{number}.", f"{number:.20e}"]
    assert len({canonical_value(text) for text in spellings if text}) == 1
    assert canonical_value(number) == canonical_value(repr(number))


@given(st.one_of(NUMBERS, st.integers(2**60, 2**70)), st.one_of(NUMBERS, st.integers(1, 9)))
def test_other_numbers_stay_others(one, more):
    """No two numbers become one: a seed of sixty-four bits keeps its last digit."""
    other = one + more if isinstance(one, int) and isinstance(more, int) else more
    assume(one != other)
    assert canonical_value(str(one)) != canonical_value(str(other))


@pytest.mark.parametrize("seed", [2**53 + 1, 10**17 + 1, 2**64 - 1])
def test_large_seeds_stay_apart(seed):
    """Whole numbers that no float holds are told apart."""
    assert named("--seed", str(seed)) != named("--seed", str(seed - 1))


@given(st.text(max_size=30))
def test_values_survive_twice(text):
    """A value in its one spelling is spelled so again."""
    once = canonical_value(text)
    assert canonical_value(once) == once


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_words_have_names(words):
    """Whatever the words are, nothing is raised, and the same words give the same."""
    assert arguments_of(words, NOWHERE) == arguments_of(list(words), NOWHERE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lr", "1e-3"], {"lr": "0.001"}),
        (["-l", "-0.5"], {"l": "-0.5"}),
        (["--amp", "--lr", "1"], {"amp": "true", "lr": "1"}),
        (["--amp"], {"amp": "true"}),
        (["optim.lr=0.10", "++a/b@c=x"], {"optim.lr": "0.1", "a/b@c": "x"}),
        (["train", "--lr=1", "3.0"], {"1": "train", "lr": "1", "2": "3"}),
        (["--text=a=b\nc"], {"text": "a=b\nc"}),
        (["--empty="], {"empty": ""}),
    ],
)
def test_forms(words, told):
    """Options with and without a value, hydra's, and positions by number."""
    assert named(*words) == told


def test_values_that_are_given_more_than_once():
    """Two lists of values that differ in any of them are not the same arguments."""
    one = named("--layer", "64", "--layer", "32")
    assert one != named("--layer", "128", "--layer", "32")
    assert one != named("--layer", "32", "--layer", "64")
    assert one != named("--layer", "32")
    assert one == named("--layer=64.0", "--layer=32")


def test_paths_are_told_by_content(tmp_path, home):
    """A word that names something that exists is a path, wherever that lies."""
    (tmp_path / "a.csv").write_text("1")
    (home / "b.csv").write_text("1")
    for words in (["--data", "a.csv"], [f"--data={tmp_path}/a.csv"], ["--data", "./a.csv"]):
        assert arguments_of(words, str(tmp_path)) == (
            {"data": PATH},
            {"data": str(tmp_path / "a.csv")},
        )
    assert arguments_of(["~/b.csv"], NOWHERE) == ({"1": PATH}, {"1": str(home / "b.csv")})


def test_numbers_are_no_paths(tmp_path):
    """A folder that is called 1 does not make 1 a path; nothing is no path either."""
    (tmp_path / "1").mkdir()
    assert arguments_of(["--n=1", "--x="], str(tmp_path)) == ({"n": "1", "x": ""}, {})


@pytest.mark.parametrize(
    "name",
    [
        "seed", "--seed", "random_seed", "random-state", "RandomState", "$SEED", "data.seed",
        "torch_seed", "seed_everything", "seeds", "rng", "SEED", "model.seed.value",
    ],
)  # fmt: skip
def test_names_of_seeds(name):
    """What is called seed, random state or rng is one."""
    assert is_seed(name)


@pytest.mark.parametrize("name", ["speed", "lr", "seeding", "random", "birdseed", "state", "1", ""])
def test_names_of_nothing_random(name):
    """Words that only sound like seeds are none."""
    assert not is_seed(name)


@pytest.mark.parametrize("name", ["1", "lr", "seed", "batch-size", "temp", "model", "epochs"])
def test_what_counts(name):
    """Positions and parameters belong to the experiment."""
    assert counts(name)


@pytest.mark.parametrize(
    "name", ["out", "output-dir", "save_dir", "logdir", "name", "run_name", "tags", "verbose", "o"]
)
def test_what_does_not_count(name):
    """Where results go, how a run is called and how much is said does not."""
    assert not counts(name)


def test_shuffled_options_of_a_long_line():
    """Forty options in a hundred orders are one set of arguments."""
    words = [f"--option-{n}={n / 8}" for n in range(40)]
    chance = random.Random(0)
    wanted = named(*words)
    for _ in range(100):
        chance.shuffle(words)
        assert named(*words) == wanted
