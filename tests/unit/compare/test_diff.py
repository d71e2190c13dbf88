"""What differs between two runs, the likeliest explanation first."""

from __future__ import annotations

import msgspec
import pytest

from notabene.compare.diff import Diff, Item, Side, diff, text_diff
from notabene.compare.series import Parting
from notabene.model.evidence import FileMissing, FileRead, Option, Parameters, Variable
from tests.unit.proof.making import data_of, digest, evidence_of, tables_of

PARTED = Parting(metric="acc", a=0.5, b=0.6, first_divergent_step=0, relative=0.2)


def side(text="x = 1\n", *, run="a", blobs=None, **parts):
    """One run; ``blobs`` are the contents that are kept."""
    evidence = evidence_of(text, **parts)
    evidence.record.run = run
    kept = {digest(content): content.encode() for content in blobs or ()}
    return Side(
        record=evidence.record,
        tables=tables_of(evidence),
        texts={"train.py": text.encode()},
        facts=evidence.facts,
        blob=kept.get if blobs else None,
    )


def told(a, b, results=(PARTED,)):
    """Class, item, and whether it explains."""
    return [(one.kind, one.item, one.explains) for one in diff(a, b, list(results)).differences]


def with_arguments(**values):
    """The part with a command line."""
    options = [
        Option(source="argparse", name=name, value=value, where="train.py:4")
        for name, value in values.items()
    ]
    return Parameters(arguments={k: str(v) for k, v in values.items()}, options=options)


def test_runs_that_are_the_same():
    """Nothing differs, whatever was made of it."""
    found = diff(side(run="a"), side(run="b"), [])
    assert (found.a, found.b, found.differences, found.first_step) == ("a", "b", [], None)


def test_the_likeliest_comes_first():
    """Seeds and arguments before constants, data, code, surroundings and hosts."""
    a = side(
        "LR = 1\n",
        parameters=with_arguments(seed=1, wd=0),
        data=data_of(FileRead(path="a.csv", digest="a" * 64)),
        environment={"packages": {"numpy": "1"}},
        process={"host": "one"},
        config={"depth": 1, "note": 1},
    )
    b = side(
        "LR = 2\n",
        parameters=with_arguments(seed=2, wd=1),
        data=data_of(FileRead(path="a.csv", digest="b" * 64)),
        environment={"packages": {"numpy": "2"}},
        process={"host": "two"},
        config={"depth": 2, "note": 2},
    )
    assert told(a, b) == [
        ("seed", "seed", "yes"),
        ("config", "depth", "yes"),
        ("argument", "wd", "yes"),
        ("constant", "LR", "yes"),
        ("data", "a.csv", "yes"),
        ("config", "note", "unlikely"),
        ("environment", "package numpy", "unlikely"),
        ("hardware", "host", "unlikely"),
    ]


def test_comments_alone_explain_nothing():
    """A source that differs in layout alone is told last, as what it is."""
    (one,) = diff(side("x = 1\n"), side("# why\nx = 1\n"), [PARTED]).differences
    assert (one.kind, one.item, one.explains) == ("code", "train.py", "no")
    assert one.note == "comments and layout only (same syntax tree)"
    assert (one.a, one.b) == (digest("x = 1\n")[:16], digest("# why\nx = 1\n")[:16])


def test_other_code_has_its_lines():
    """How many lines differ is said beside the file."""
    (one,) = diff(side("f()\nx\n"), side("g()\nx\ny\n"), [PARTED]).differences
    assert (one.explains, one.note) == ("yes", "3 lines")
    (one,) = diff(side("f()\n"), side("f()\ng()\n"), [PARTED]).differences
    assert one.note == "1 line"


def test_equal_results_need_no_explanation():
    """Where no metric parts, no difference explains anything."""
    same = Parting(metric="acc", a=1, b=1)
    a, b = side(parameters=with_arguments(lr=1)), side(parameters=with_arguments(lr=2))
    (one,) = diff(a, b, [same]).differences
    assert (one.explains, one.note) == ("no", "not logged")
    assert told(a, b, [same]) == [("argument", "lr", "no")]


def test_arguments_have_their_place():
    """An argument is told where it was parsed, and whether the config holds it."""
    a, b = side(parameters=with_arguments(lr=1)), side(parameters=with_arguments(lr=2))
    (one,) = diff(a, b, [PARTED]).differences
    assert (one.a, one.b, one.where, one.note) == ("1", "2", "train.py:4", "not logged")
    b.record.config = {"optim": {"LR": 2}}
    (one,) = diff(a, b, [PARTED]).differences
    assert one.note == ""


def test_what_is_an_argument_is_told_once():
    """A config entry of the same name is the same difference."""
    a = side(parameters=with_arguments(lr=1), config={"optim": {"lr": 1}, "x": 1})
    b = side(parameters=with_arguments(lr=2), config={"optim": {"lr": 2}, "x": 1})
    assert told(a, b) == [("argument", "lr", "yes")]


def test_config_alone():
    """A logged value that differs is told by its path; what only one run logged as well."""
    a, b = side(config={"m": {"d": 1}, "gone": 1}), side(config={"m": {"d": 2}})
    assert told(a, b) == [("config", "gone", "yes"), ("config", "m.d", "yes")]


def test_variables_have_their_place():
    """A variable that the code asked for is told at its line."""

    def reads(value):
        variables = [Variable(name="SCALE", value=value, where="train.py:7")]
        return side(parameters=Parameters(variables=variables))

    (one,) = diff(reads("1"), reads("2"), [PARTED]).differences
    assert (one.kind, one.item, one.where) == ("argument", "$SCALE", "train.py:7")


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ("1\n2\n3\n", "1\n9\n3\n", "1 row changed"),
        ("1\n2\n", "8\n9\n", "2 rows changed"),
        ("1\n", "1\n2\n3\n", "2 more"),
        ("1\n2\n", "2\n", "1 fewer"),
        ("1\n2\n3\n", "9\n2\n3\n4\n", "1 row changed, 1 more"),
        ("+1\n--2\n", "+1\n--3\n", "1 row changed"),
        ("a\0b", "a\0c", ""),
    ],
)
def test_rows_of_data(before, after, note):
    """Where both contents are kept, the rows that differ are counted; bytes are not rows."""
    parts = [
        {"data": data_of(FileRead(path="a.csv", digest=digest(text), where="train.py:2")),
         "blobs": [text]}
        for text in (before, after)
    ]  # fmt: skip
    (one,) = diff(side(**parts[0]), side(**parts[1]), [PARTED]).differences
    assert (one.item, one.where, one.note) == ("a.csv", "train.py:2", note)
    assert (one.a, one.b) == (digest(before)[:16], digest(after)[:16])


def test_data_that_is_not_kept():
    """Without the contents nothing is said about rows; absent files are absent."""
    a = side(data=data_of(FileRead(path="a.csv", digest="a" * 64)), blobs=["x"])
    b = side(data=data_of(missing=[FileMissing(path="a.csv", where="train.py:3")]), blobs=["x"])
    (one,) = diff(a, b, [PARTED]).differences
    assert (one.a, one.b, one.note, one.where) == ("a" * 16, "absent", "", "train.py:3")


@pytest.mark.parametrize(
    ("item", "relative", "explains"),
    [("numpy", 1e-9, "yes"), ("numpy", 0.1, "unlikely"), ("rich", 1e-9, "unlikely")],
)
def test_packages_explain_last_digits(item, relative, explains):
    """A library of numbers accounts for tiny differences; others for none, hardly."""
    first = msgspec.structs.replace(PARTED, relative=relative)
    a, b = (side(environment={"packages": {item: version}}) for version in "12")
    assert told(a, b, [first]) == [("environment", f"package {item}", explains)]


def test_surroundings_that_the_code_asks_for():
    """A variable that the program read may explain; a time zone nobody asked for hardly."""
    parts = [{"environment": {"variables": {"OMP_NUM_THREADS": n}}} for n in "12"]
    asked = Parameters(variables=[Variable(name="OMP_NUM_THREADS", value="1")])
    assert ("environment", "OMP_NUM_THREADS", "unlikely") in told(*(side(**p) for p in parts))
    found = told(*(side(**p, parameters=asked) for p in parts))
    assert ("environment", "OMP_NUM_THREADS", "yes") in found
    zones = [side(environment={"time_zone": zone}) for zone in ("UTC", "CET")]
    (one,) = diff(*zones, [PARTED]).differences
    assert one.explains == "unlikely"
    assert one.note == "nothing in the code was seen to ask for it"
    text = "import time\nhour = time.localtime(0).tm_hour\n"
    zones = [side(text, environment={"time_zone": zone}) for zone in ("UTC", "CET")]
    (one,) = diff(*zones, [PARTED]).differences
    assert (one.explains, one.where, one.note) == ("yes", "train.py:2", "")


def test_results_in_the_order_they_part():
    """The first to part comes first; what does not part comes last."""
    results = [
        Parting(metric="same"),
        Parting(metric="late", first_divergent_step=7),
        Parting(metric="b", first_divergent_step=0),
        Parting(metric="a", first_divergent_step=0),
    ]
    found = diff(side(), side(), results)
    assert [one.metric for one in found.results] == ["a", "b", "late", "same"]
    assert found.first_step == 0


def test_text_diff():
    """A unified diff of one source; a source that one run lacks is empty there."""
    lines = text_diff(side("a\nb\n"), side("a\nc\n"), "train.py")
    assert lines[:2] == ["--- a/train.py", "+++ b/train.py"]
    assert lines[-2:] == ["-b", "+c"]
    assert text_diff(side(), side(), "train.py") == []
    assert text_diff(side(), side(), "gone.py") == []


def test_the_machine_form():
    """In JSON the kind is called class; a diff has its runs, differences and results."""
    one = Item(kind="argument", item="lr", a="1", b="2")
    assert msgspec.to_builtins(one) == {"class": "argument", "item": "lr", "a": "1", "b": "2"}
    found = msgspec.to_builtins(Diff(a="x", b="y", differences=[one], results=[PARTED]))
    assert set(found) == {"a", "b", "differences", "results"}
    assert found["results"][0]["first_divergent_step"] == 0
