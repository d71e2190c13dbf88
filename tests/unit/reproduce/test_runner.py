"""Command lines with other values, and what a rerun is judged to be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.compare.series import Parting
from notabene.errors import UsageError
from notabene.model.evidence import Data, FileWritten
from notabene.proof.fingerprint import arguments_of
from notabene.proof.record import Record
from notabene.reproduce.environment import Interpreter
from notabene.reproduce.runner import Options, changed, judge


@pytest.mark.parametrize(
    ("words", "sets", "told"),
    [
        (["--lr", "1"], {"lr": "2"}, ["--lr", "2"]),
        (["--lr=1", "x"], {"lr": "2"}, ["--lr=2", "x"]),
        (["-l", "1"], {"l": "2"}, ["-l", "2"]),
        (["--batch-size=1"], {"batch_size": "2"}, ["--batch-size=2"]),
        (["--batch_size", "1"], {"batch-size": "2"}, ["--batch_size", "2"]),
        (["optim.lr=1"], {"optim.lr": "2"}, ["optim.lr=2"]),
        (["++optim.lr=1"], {"optim.lr": "2"}, ["++optim.lr=2"]),
        (["x"], {"lr": "2"}, ["x", "--lr", "2"]),
        (["a", "--lr", "1", "b"], {"2": "c"}, ["a", "--lr", "1", "c"]),
        (["--amp", "--lr", "1"], {"amp": "false"}, ["--lr", "1"]),
        (["--amp", "--lr", "1"], {"amp": "true"}, ["--amp", "--lr", "1"]),
        (["--lr", "1", "--amp"], {"amp": "O2"}, ["--lr", "1", "--amp", "O2"]),
        (["--lr", "1"], {"amp": "true"}, ["--lr", "1", "--amp"]),
        (["--lr", "1", "--lr", "2"], {"lr": "3"}, ["--lr", "1", "--lr", "3"]),
        (["--lr", "1", "x"], {"lr": None}, ["x"]),
        (["x"], {"lr": None}, ["x"]),
        ([], {}, []),
    ],
)
def test_other_values(words, sets, told):
    """Each form of an argument keeps its form; what is not there is added."""
    before = list(words)
    assert changed(words, sets) == told
    assert words == before


def test_positions_that_are_not_there():
    """A position cannot be made up."""
    with pytest.raises(UsageError, match="no argument 3"):
        changed(["a", "b"], {"3": "x"})


NAMES = st.from_regex(r"[a-z]{2,6}(_[a-z]{2})?", fullmatch=True)
VALUES = st.from_regex(r"[a-z]{4,8}[0-9]", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.data())
def test_a_change_changes_one_argument(options, data):
    """By its name, the new command line has the new value, and the others as they were."""
    words = [
        word
        for name, value in options.items()
        for word in data.draw(st.sampled_from([[f"--{name}", value], [f"--{name}={value}"]]))
    ]
    name, value = data.draw(st.sampled_from(sorted(options)) | NAMES), data.draw(VALUES)
    found, _ = arguments_of(changed(words, {name: value}), "/nowhere")
    assert found == {**options, name: value}


def judged(*partings, options=None, interpreter=None, mine=(), theirs=(), ended="finished"):
    """The verdict on a rerun."""
    records = {"r": Record(run="r", data=Data(written=list(theirs)))}
    api = SimpleNamespace(
        partings=lambda a, b, upto=None: list(partings),
        record=records.__getitem__,
        run=lambda run: SimpleNamespace(status=ended if run == "r" else "finished"),
    )
    record = Record(run="o", data=Data(written=list(mine)))
    return judge(api, record, "r", options or Options(), interpreter)


def parted(relative, *, metric="loss", step=3, a=1.0, b=2.0, compared=5):
    """A metric that parts."""
    return Parting(
        metric=metric, compared=compared, first_divergent_step=step, first_a=a, first_b=b,
        relative=relative, worst=relative,
    )  # fmt: skip


SAME = Parting(metric="acc", compared=10, same=10)


def test_the_same_bits():
    """All values the same: proven, with how many were compared."""
    found = judged(SAME, SAME)
    assert (found.verdict, found.compared, found.first_difference) == ("bit-exact", 20, None)
    assert (found.run, found.original) == ("r", "o")


def test_within_the_tolerance():
    """Small differences count as the same, and are told."""
    found = judged(SAME, parted(1e-9))
    assert (found.verdict, found.worst) == ("within-tolerance", 1e-9)
    assert "numeric nondeterminism" in found.cause
    assert judged(parted(1e-9), options=Options(tolerance=0.0)).verdict == "different"
    assert judged(parted(0.01), options=Options(tolerance=0.1)).verdict == "within-tolerance"


def test_the_first_difference():
    """The metric that parts first, its step and both values."""
    found = judged(parted(0.5, metric="late", step=7), parted(0.25, step=2))
    assert found.verdict == "different"
    assert found.first_difference == {
        "metric": "loss", "step": 2, "recorded": 1.0, "now": 2.0, "relative": 0.25, "ulps": 0,
    }  # fmt: skip
    assert found.worst == 0.5


def test_a_run_that_ended_earlier():
    """A value that is not there is never within any tolerance."""
    found = judged(parted(0.0, b=None), options=Options(tolerance=1.0))
    assert found.verdict == "different"
    assert "ended earlier" in found.cause


def test_likely_causes():
    """Packages that differ are named; without them it is something that was not recorded."""
    other = Interpreter(path="p", how="other", said="2 differ", differs={"numpy": ["1", "2"]})
    assert judged(parted(0.5), interpreter=other).cause == "the environment differs: numpy"
    assert judged(parted(0.5), interpreter=other).environment == "2 differ"
    assert "not in the record" in judged(parted(0.5)).cause
    threads = judged(parted(1e-9), options=Options(threads=2))
    assert threads.cause.endswith("this rerun had 2 threads")


def written(content):
    """A file that was written."""
    return FileWritten(path="out.txt", digest=content * 64)


def test_runs_without_metrics_are_compared_by_their_files():
    """Every file that was written, by content; a file that is not there is different."""
    assert judged(mine=[written("a")], theirs=[written("a")]).verdict == "bit-exact"
    for theirs in ([written("b")], []):
        found = judged(mine=[written("a")], theirs=theirs)
        assert (found.verdict, found.first_difference["file"]) == ("different", "out.txt")
        assert found.cause == "a file came out differently"


def test_runs_without_anything():
    """Only how they ended can be compared, and that is said."""
    found = judged()
    assert (found.verdict, found.compared) == ("bit-exact", 0)
    assert "only the exit codes" in found.cause
    assert judged(ended="failed").verdict == "different"
