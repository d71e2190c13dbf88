"""Which differences make the first run come out as the second, by reruns."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notabene.compare.diff import Item
from notabene.compare.series import Parting
from notabene.errors import UsageError
from notabene.model.evidence import (
    Data,
    FileMissing,
    FileRead,
    Parameters,
    Source,
    Sources,
    Variable,
)
from notabene.proof.record import Record
from notabene.reproduce.swaps import Swaps, most_reruns, price_of, swapped


def item(name, kind="argument", **about):
    """One difference."""
    return Item(kind=kind, item=name, **{"a": "1", "b": "2", **about})


class Planted(Swaps):
    """Reruns whose result is known: as the second run where all of a cause is swapped."""

    def __init__(self, items, cause, target=None) -> None:
        target = target or Parting(metric="acc", first_divergent_step=3, first_a=0.5, first_b=0.75)
        self.said: list[str] = []
        super().__init__(None, Record(run="a"), Record(run="b"), items, target, self.said.append)
        self.cause = set(cause)
        self.done: list[set[str]] = []

    def _rerun(self, items):
        self.done.append({one.item for one in items})
        return f"run{len(self.done)}"

    def _value(self, run):
        same = bool(self.cause) and self.cause <= self.done[-1]
        return self._target.first_b if same else self._target.first_a


MANY = [item(f"i{number}") for number in range(16)]


@given(st.integers(1, 16), st.data())
def test_a_single_cause_is_found(count, data):
    """The likeliest are tried one by one; its rerun is the last."""
    cause = data.draw(st.sampled_from(MANY[:count])).item
    swaps = Planted(MANY[:count], {cause})
    found = swaps.find()
    assert found.cause == [cause]
    assert found.answer == f"{cause} (1 → 2) is the cause"
    assert len(found.reruns) <= most_reruns(count)
    assert found.reruns[-1] == {
        "run": f"run{len(found.reruns)}",
        "with": [cause],
        "as_second": True,
    }


@given(st.integers(2, 16), st.data())
def test_two_that_act_together(count, data):
    """Neither is the cause alone, and no more is named; no rerun beyond the price."""
    cause = data.draw(st.sets(st.sampled_from(MANY[:count]).map(lambda one: one.item),
                              min_size=2, max_size=2))  # fmt: skip
    found = Planted(MANY[:count], cause).find()
    assert set(found.cause) == cause
    assert found.answer.endswith("together are the cause; none of them is alone")
    assert len(found.reruns) <= most_reruns(count)


@given(st.integers(3, 16), st.data())
def test_many_that_act_together(count, data):
    """The price is kept; what is named holds the cause, and more only where that is said."""
    names = [one.item for one in MANY[:count]]
    cause = data.draw(st.sets(st.sampled_from(names), min_size=3))
    found = Planted(MANY[:count], cause).find()
    assert set(found.cause) >= cause
    assert len(found.reruns) <= most_reruns(count)
    assert set(found.cause) == cause or found.answer.endswith("and fewer may do")


@given(st.integers(1, 10))
def test_no_set_is_the_cause(count):
    """Where all of them together do not do it, that is the answer."""
    found = Planted(MANY[:count], set()).find()
    assert found.cause == []
    assert found.answer.startswith("no set of the recorded differences")
    assert all(not one["as_second"] for one in found.reruns)


def test_no_set_is_tried_twice():
    """Every rerun has other differences, and is announced by them."""
    swaps = Planted(MANY[:9], {"i2", "i7"})
    swaps.find()
    assert len({frozenset(one) for one in swaps.done}) == len(swaps.done)
    assert swaps.said[:2] == ["rerun 1  with i0", "rerun 2  with i1"]


def test_what_cannot_be_swapped_is_set_aside():
    """Surroundings, hosts, and what explains nothing are named as such."""
    items = [
        item("lr"),
        item("package numpy", "environment"),
        item("host", "hardware"),
        item("lib.py", "code", explains="no"),
    ]
    found = Planted(items, {"lr"}).find()
    assert found.set_aside == ["package numpy", "host", "lib.py"]
    with pytest.raises(UsageError, match="nothing differs"):
        Planted(items[1:], {"x"}).find()


def test_a_rerun_that_could_not_begin_proves_nothing():
    """Also where the second run has no value at that step."""
    target = Parting(metric="acc", first_divergent_step=3, first_a=0.5)
    swaps = Planted([item("lr")], set(), target)
    swaps._rerun = lambda items: ""
    swaps._value = lambda run: None
    assert swaps.find().cause == []


@pytest.mark.parametrize(
    ("first_a", "first_b"), [(0.5, 0.75), (0.5, None), (None, 0.5), (1.0, float("nan"))]
)
def test_values_that_one_run_lacks(first_a, first_b):
    """A value that is not there, or is NaN, is a value like others."""
    target = Parting(metric="acc", first_divergent_step=0, first_a=first_a, first_b=first_b)
    assert Planted(MANY[:3], {"i2"}, target).find().cause == ["i2"]


def price(count, *, first=9, last=99, seconds=100.0):
    """What it costs to tell so many differences apart."""
    view = SimpleNamespace(metrics={"acc": SimpleNamespace(last_step=last)}, duration=seconds)
    return price_of(SimpleNamespace(run=lambda _: view), "a", first, count)


def test_the_price_is_said_before():
    """So many reruns, each to the first step that differs, and what they take together."""
    assert (price(1).reruns, price(1).upto) == (1, 9)
    assert price(1).seconds == pytest.approx(0.11 * 100 + 2)
    assert price(8).reruns == most_reruns(8) == 18
    assert price(8).seconds == pytest.approx(18 * 13)
    assert price(1, first=98).seconds == pytest.approx(102)


@given(st.integers(0, 300))
def test_the_price_grows_with_the_differences(count):
    """More differences never cost less, and little more than one rerun each."""
    assert most_reruns(count) <= most_reruns(count + 1)
    assume(count > 1)
    assert most_reruns(count) <= count + 2 * (count).bit_length() + 4


def records():
    """Two runs that differ in everything that can be swapped."""
    sides = []
    for own, other in (("a", "b"), ("b", "a")):
        parameters = Parameters(
            words=["--lr", f"1{own}", "--data", f"/{own}/x", f"pos{own}", f"--only-{own}"],
            places={"data": f"/{own}/x"},
            variables=[Variable(name="X", value=own), Variable(name=f"ONLY_{own.upper()}")],
        )
        sources = Sources(
            files=[Source(path="train.py", digest=own, script=True), Source(path=f"{own}.py")]
        )
        data = Data(
            read=[FileRead(path="d.csv", digest=own), FileRead(path=f"{own}.csv", digest=own)],
            missing=[FileMissing(path=f"{other}.csv")],
        )
        sides.append(Record(run=own, parameters=parameters, sources=sources, data=data))
    return sides


def swap(one):
    """The first record with one difference of the second."""
    a, b = records()
    before = records()[0]
    found = swapped(a, b, [one])
    assert a == before
    return found


def test_arguments():
    """The value on the command line is the second's, and nothing else."""
    assert swap(item("lr", b="9")).parameters.words[:2] == ["--lr", "9"]
    assert swap(item("lr", b="9")).parameters.words[2:] == records()[0].parameters.words[2:]
    assert swap(item("new", b="9")).parameters.words[-2:] == ["--new", "9"]
    assert swap(item("1", b="other")).parameters.words[4] == "other"
    assert "--only-a" not in swap(item("only_a", a="true", b=None)).parameters.words
    assert "--only-a" not in swap(item("only_a", a="true", b="False")).parameters.words
    assert swap(item("only_b", a="False", b="true")).parameters.words[-1] == "--only-b"


def test_arguments_that_are_paths():
    """The second's place of the data is given."""
    found = swap(item("data", a="<path>", b="<path>")).parameters
    assert found.words[2:4] == ["--data", "/b/x"]
    assert found.places == {"data": "/b/x"}


def test_variables():
    """A variable of the environment is the second's, or goes."""
    assert swap(item("$X")).parameters.variables[-1] == Variable(name="X", value="b")
    assert [v.name for v in swap(item("$ONLY_A")).parameters.variables] == ["X"]


@pytest.mark.parametrize(
    "one",
    [
        item("train.py", "code"),
        item("LR", "constant", where="train.py:3"),
        item("SEED", "seed", where="train.py:3"),
        item("train.py", "seed"),
    ],
)
def test_sources(one):
    """Code, a constant and a seed in the code swap the file, and leave the command line alone."""
    found = swap(one)
    assert {source.path: source.digest for source in found.sources.files} == {
        "train.py": "b", "a.py": "",
    }  # fmt: skip
    assert found.parameters == records()[0].parameters


def test_sources_that_one_run_lacks():
    """A file that only one of them loaded comes or goes."""
    assert "b.py" in {s.path for s in swap(item("b.py", "code", a=None)).sources.files}
    assert "a.py" not in {s.path for s in swap(item("a.py", "code", b=None)).sources.files}


def test_data():
    """A file has the second's content; one that was not there is not there, or is."""
    changed = swap(item("d.csv", "data")).data.read
    assert {one.path: one.digest for one in changed} == {"d.csv": "b", "a.csv": "a"}
    gone = swap(item("a.csv", "data", b="absent")).data
    assert [one.path for one in gone.read] == ["d.csv"]
    assert "a.csv" in {one.path for one in gone.missing}
    come = swap(item("b.csv", "data", a="absent")).data
    assert ({one.path for one in come.read}, come.missing) == ({"d.csv", "a.csv", "b.csv"}, [])


def test_seeds_on_the_command_line():
    """A seed that is an argument is swapped there."""
    assert swap(item("seed", "seed", b="7")).parameters.words[-2:] == ["--seed", "7"]
