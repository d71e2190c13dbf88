"""How what went into one run differs from what went into another."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.evidence import FileRead, Option, Parameters
from notabene.proof.fingerprint import ABSENT, Tables
from notabene.proof.versus import Difference, differences, without_moved
from tests.unit.proof.making import data_of, evidence_of, tables_of

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def told(a, b):
    """Kind, item and both values."""
    return [(one.kind, one.item, one.a, one.b) for one in differences(a, b)]


def of(text="", **parts):
    """Tables of a run."""
    return tables_of(evidence_of(text, **parts))


SMALL = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1", "2", A, B, ABSENT]))
SOURCES = st.sampled_from(
    ["LR = 1\n", "LR = 2\n", "# c\nLR = 1\n", "SEED = 1\n", "SEED = 2\n", "f()\n", "LR = 1\nf()\n",
     "LR, W = 1, 2\n", "LR = 1\nW = 2\nSEED = 3\n", "LR = 5\nW = 7\nSEED = 9\n"]
)  # fmt: skip


@st.composite
def _tables(draw):
    found = of(draw(SOURCES))
    found.arguments, found.defaults, found.data = draw(SMALL), draw(SMALL), draw(SMALL)
    found.seeds = draw(st.dictionaries(st.just("seed"), st.sampled_from(["1", "2"])))
    found.environment = {"packages": draw(SMALL), "python": draw(st.sampled_from(["", "3.11"]))}
    return found


@given(_tables(), _tables())
def test_differences_are_the_same_from_both_sides(a, b):
    """From b to a everything is the other way round, in the same order."""
    there, back = told(a, b), told(b, a)
    assert [(kind, item, y, x) for kind, item, x, y in there] == back


@given(_tables())
def test_a_run_does_not_differ_from_itself(a):
    """The same inputs have no difference."""
    assert differences(a, msgspec.convert(msgspec.to_builtins(a), Tables)) == []


@given(_tables(), _tables())
def test_equal_runs_are_those_with_equal_tables(a, b):
    """Where nothing is told, arguments, data and the meaning of the code are equal."""
    if not differences(a, b):
        assert {**a.defaults, **a.arguments}.items() >= a.arguments.items()
        assert a.seeds == b.seeds
        assert {p: e["code"] for p, e in a.code.items()} == {
            p: e["code"] for p, e in b.code.items()
        }


def test_arguments():
    """An argument that differs, one that is new, and one that is gone."""
    a = Tables(arguments={"lr": "0.1", "old": "1", "same": "x"})
    b = Tables(arguments={"lr": "0.2", "new": "2", "same": "x"})
    assert told(a, b) == [
        ("argument", "lr", "0.1", "0.2"),
        ("argument", "new", None, "2"),
        ("argument", "old", "1", None),
    ]


def test_defaults_stand_for_arguments():
    """An option at its default differs from one that is named by its value, and only then."""
    option = Option(source="argparse", name="lr", value=0.1, default=0.1)
    left = of(parameters=Parameters(options=[option]))
    same = of(parameters=Parameters(options=[option], arguments={"lr": "0.1"}))
    other = of(parameters=Parameters(options=[option], arguments={"lr": "0.2"}))
    assert told(left, same) == []
    assert told(left, other) == [("argument", "lr", "0.1", "0.2")]


def test_defaults_of_one_run_hold_for_both():
    """A run whose parser was not seen has the defaults of the one whose parser was."""
    assert told(Tables(defaults={"lr": "0.1"}), Tables()) == []
    assert told(Tables(defaults={"seed": "1"}), Tables(seeds={"seed": "2"})) == [
        ("seed", "seed", "1", "2")
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("LR = 0.1\n", "# x\nLR = 0.1\n", []),
        ("LR = 0.1\n", "LR = 0.2\n", [("constant", "LR", 0.1, 0.2)]),
        ("SEED = 1\n", "SEED = 2\n", [("seed", "SEED", 1, 2)]),
        ("def f(a=1): pass\n", "def f(a=2): pass\n", [("constant", "f.a", 1, 2)]),
        (
            "A = 1\nB = 1\nZ = 1\n",
            "A = 2\nB = 2\nZ = 2\n",
            [("constant", name, 1, 2) for name in "ABZ"],
        ),
    ],
)
def test_code_by_its_meaning(before, after, expected):
    """Comments are nothing; what differs in values alone is told by their names, in order."""
    assert told(of(before), of(after)) == expected


def test_constants_have_their_line():
    """A constant is told with the line of the second run."""
    (one,) = differences(of("LR = 0.1\n"), of("\n\nLR = 0.2\n"))
    assert one.where == "train.py:3"


def test_other_code():
    """A changed statement is the file, and values that changed with it are named after it."""
    found = told(of("LR = 1\nf(LR)\n"), of("LR = 2\ng(LR)\n"))
    assert [(kind, item) for kind, item, _, _ in found] == [
        ("code", "train.py"),
        ("constant", "LR"),
    ]


def test_files_that_one_run_lacks():
    """A source that only one of them loaded is told with nothing on the other side."""
    a, b = of("x = 1\n"), of("x = 1\n")
    b.code["lib.py"] = {"sha": C, "code": C}
    assert told(a, b) == [("code", "lib.py", None, C[:16])]
    assert told(b, a) == [("code", "lib.py", C[:16], None)]


def test_kinds_of_number_are_other_code():
    """2 and 2.0 are equal and mean something else."""
    assert [one.kind for one in differences(of("N = 2\n"), of("N = 2.0\n"))] == ["code"]


def test_data():
    """By content: changed, gone, come."""
    a = of(data=data_of(FileRead(path="x", digest=A), FileRead(path="y", digest=A)))
    b = of(data=data_of(FileRead(path="x", digest=B), FileRead(path="z", digest=C)))
    assert told(a, b) == [("data", "x", A, B), ("data", "y", A, None), ("data", "z", None, C)]


def test_data_that_moved():
    """A file with the same content under another name makes no difference."""
    assert without_moved({"x": A, "y": B}, {"z": A, "y": B}) == ({"y": B}, {"y": B})
    assert told(Tables(data={"x": A}), Tables(data={"z": A})) == []


def test_names_that_changed_their_content():
    """Two files that exchanged their contents did change; absent files do not move."""
    a, b = {"x": A, "y": B}, {"x": B, "y": A}
    assert without_moved(a, b) == (a, b)
    assert len(told(Tables(data={"x": ABSENT}), Tables(data={"z": ABSENT}))) == 2


def test_surroundings():
    """Packages and variables by name, the rest under its key; the working folder is no matter."""
    a = {"packages": {"numpy": "1"}, "python": "3.11", "folder": ".", "variables": {"TZ": "UTC"},
         "programs": {"tool": "1"}, "zone": "UTC"}  # fmt: skip
    b = {"packages": {"numpy": "2"}, "python": "3.12", "folder": "x", "variables": {},
         "programs": {"tool": "2"}, "zone": "UTC"}  # fmt: skip
    assert told(Tables(environment=a), Tables(environment=b)) == [
        ("environment", "package numpy", "1", "2"),
        ("environment", "programs.tool", "1", "2"),
        ("environment", "python", "3.11", "3.12"),
        ("environment", "TZ", "UTC", None),
    ]


def test_nothing_and_empty_are_the_same():
    """A key that one run lacks is the same as one that is empty."""
    assert told(Tables(environment={"gpu": []}), Tables()) == []


def test_the_machine_form():
    """In JSON the kind is called class."""
    one = Difference(kind="argument", item="lr", a="1", b="2")
    assert msgspec.to_builtins(one) == {"class": "argument", "item": "lr", "a": "1", "b": "2"}
