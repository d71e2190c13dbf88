"""Findings about sources, programs, hosts and notebooks."""

from __future__ import annotations

import pytest

from notabene.model.evidence import Host, Outside, Program, Source, Sources
from notabene.proof.code import rules
from tests.unit.proof.making import ROOT, evidence_of


def found(text="", **parts):
    """Class, place and severity of all that is found."""
    return [(one.kind, one.where, one.severity) for one in rules(evidence_of(text, **parts))]


@pytest.mark.parametrize(
    ("source", "kind", "severity"),
    [
        (Source(path="lib/a.pyc", without_source=True), "code-without-source", "gap"),
        (Source(path="/elsewhere/a.py", outside=True), "code-outside-project", "risk"),
        (Source(path="lib/a.py", tracked=False), "code-untracked", "risk"),
    ],
)
@pytest.mark.parametrize("digest", ["", "d" * 64])
def test_sources_that_might_not_be_there(source, kind, severity, digest):
    """Each is told by its file, and as recorded where its content is kept."""
    source.digest = digest
    (one,) = rules(evidence_of(sources=Sources(root=ROOT, files=[source])))
    assert (one.kind, one.severity, one.recorded) == (kind, severity, bool(digest))
    assert one.where == f"{source.path}:1"


@pytest.mark.parametrize("tracked", [True, None])
def test_sources_that_git_holds(tracked):
    """A tracked file is no finding; neither is one where there is no repository."""
    source = Source(path="train.py", digest="d", tracked=tracked)
    assert found(sources=Sources(root=ROOT, files=[source])) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["./tokenize", "-v"], ["tokenize was called"]),
        (["sh", "-c", "X=1 ./tokenize < a"], ["tokenize was called"]),
        (["git", "rev-parse", "HEAD"], []),
        (["sh", "-c", "nvidia-smi -L"], []),
        (["python3.11", "-c", "pass"], []),
        ([""], []),
    ],
)
def test_other_programs(words, told):
    """A program that takes part is told; those that are asked about the machine are not."""
    outside = Outside(programs=[Program(words=words, where="train.py:4", digest="d")])
    assert [one.what for one in rules(evidence_of(outside=outside))] == told


def test_a_program_is_recorded_with_its_digest():
    """Without a digest nobody can tell whether it is the same program the next time."""
    for digest in ("", "d"):
        outside = Outside(programs=[Program(words=["./tool"], where="a.py:1", digest=digest)])
        (one,) = rules(evidence_of(outside=outside))
        assert (one.kind, one.severity, one.recorded) == ("subprocess", "risk", bool(digest))


def test_hosts():
    """Each machine that was talked to is told with its port, and is not in the record."""
    hosts = [Host(name="example.org", port="443", where="train.py:2"), Host(name="db")]
    told = list(rules(evidence_of(outside=Outside(hosts=hosts))))
    assert [one.what for one in told] == ["talked to example.org:443", "talked to db"]
    assert {(one.kind, one.severity, one.recorded) for one in told} == {
        ("network-read", "gap", False)
    }


def test_processors():
    """Asking for the number of processors is told where it was done."""
    told = found(outside=Outside(processors=["train.py:3"]))
    assert told == [("threads", "train.py:3", "risk")]
    assert found(outside=Outside()) == []


SKIPS = "for x in xs:\n    try:\n        f(x)\n    except ValueError:\n        {}\n"


def test_errors_that_are_passed_over():
    """A handler that drops an item is told; one that says so is not."""
    assert found(SKIPS.format("continue")) == [("swallowed-exception", "train.py:4", "risk")]
    assert found(SKIPS.format("log.warning('bad %s', x)")) == []
    assert found(SKIPS.format("raise")) == []


@pytest.mark.parametrize(
    ("notebook", "told"),
    [
        ({"order": "twice", "path": "/a/x.ipynb"}, ["cells of x.ipynb were run twice"]),
        ({"order": "in order", "path": "/a/x.ipynb"}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_notebooks(notebook, told):
    """Cells that were not run from top to bottom are told by the notebook's name."""
    assert [one.what for one in rules(evidence_of(notebook=notebook))] == told
