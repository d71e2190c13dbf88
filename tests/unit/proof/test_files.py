"""Findings about the files that went in."""

from __future__ import annotations

from pathlib import Path

import pytest

from notabene.model.evidence import FileMissing, FileRead, Option, Parameters
from notabene.proof.files import is_settings, named, rules, short
from notabene.proof.record import SWITCHED_OFF
from tests.unit.proof.making import ROOT, data_of, evidence_of


def found(*read, parameters=None, **data):
    """All that is found about files."""
    parts = {"parameters": parameters} if parameters else {}
    return list(rules(evidence_of(data=data_of(*read, **data), **parts)))


def test_files_that_were_not_there():
    """A file that was looked for in vain is told; one the run then made changes the next run."""
    missing = FileMissing(path="last.ckpt", where="train.py:3")
    made = FileMissing(path="cache.npy", where="train.py:5", made=True)
    one, other = found(missing=[missing, made])
    assert (one.kind, one.where, one.severity) == ("data-missing", "train.py:3", "risk")
    assert one.what == "last.ckpt was looked for and not there"
    assert other.what.endswith("the run made it, so that the next one finds it")


@pytest.mark.parametrize("kept", [True, False])
def test_inputs_that_were_overwritten(kept):
    """A file that was read and then written is a gap, recorded where its content is kept."""
    one = FileRead(path="a.csv", where="train.py:2", digest="d", kept=kept, overwritten=True)
    (told,) = found(one)
    assert (told.kind, told.severity, told.recorded) == ("input-overwritten", "gap", kept)


def test_inputs_that_are_as_they_should_be():
    """A file inside the project, read and left alone, is no finding."""
    assert found(FileRead(path="a.csv", digest="d", kept=True)) == []
    assert found(FileRead(path="settings.yaml", digest="d", kept=True)) == []
    assert found(FileRead(path="/data/a.csv", digest="d", kept=True)) == []


HOME_SETTINGS = FileRead(path="/home/ada/.traincfg.yaml", where="train.py:2", digest="d")


def test_settings_from_outside_the_project():
    """Settings that nothing names are told; those that an option or a word names are not."""
    (told,) = found(HOME_SETTINGS)
    assert (told.kind, told.severity) == ("file-outside-project", "risk")
    for parameters in (
        Parameters(words=["--config=/home/ada/.traincfg.yaml"]),
        Parameters(words=["--config", "/home/ada"]),
        Parameters(options=[Option(source="argparse", name="c", value=HOME_SETTINGS.path)]),
    ):
        assert found(HOME_SETTINGS, parameters=parameters) == []
    assert found(HOME_SETTINGS, parameters=Parameters(words=["--config=/home/ad"])) != []


def test_relative_words_name_files_from_the_working_folder():
    """A relative path on the command line names the file behind it."""
    path = str(Path(ROOT).parent / "x.toml")
    evidence = evidence_of(data=data_of(), parameters=Parameters(words=["--c", "../x.toml"]))
    assert named(evidence, path)
    assert not named(evidence, path + "2")
    assert not named(evidence, "/elsewhere/x.toml")


@pytest.mark.parametrize(
    ("note", "link", "told"),
    [
        ("changed while it was read", {}, ["data-content"]),
        ("no regular file", {}, []),
        ("large", {"kind": "dvc", "id": "x"}, []),
    ],
)
def test_inputs_without_a_digest(note, link, told):
    """Content nobody knows is told, unless a data system vouches for it or it is a device."""
    one = FileRead(path="a.csv", note=note, link=link)
    assert [finding.kind for finding in found(one)] == told


def test_reads_that_could_not_be_seen():
    """Libraries that read past the watch are a note, which leaves the record complete."""
    (told,) = found(unseen=["lightgbm", "xgboost"])
    assert (told.kind, told.severity) == ("native-reads-not-observed", "note")
    assert "lightgbm, xgboost" in told.what


def test_parts_that_could_not_be_recorded():
    """A part that failed is told; one that was switched off was meant."""
    evidence = evidence_of(not_recorded={"data": SWITCHED_OFF, "hardware": "no /proc"})
    (told,) = rules(evidence)
    assert (told.kind, told.severity) == ("not-recorded", "risk")
    assert told.what == "hardware could not be recorded: no /proc"


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("a/b.yaml", True), ("/x/.netrc", True), ("pyproject.toml", True), ("a.csv", False),
        (".config/a.bin", False), ("b.json.gz", False),
    ],
)  # fmt: skip
def test_what_holds_settings(path, holds):
    """Files of settings are told by their names."""
    assert is_settings(path) is holds


def test_paths_below_home(home):
    """The home folder is ``~``; a folder that only begins like it is not."""
    assert short(f"{home}/a.yaml") == "~/a.yaml"
    assert short(f"{home}2/a.yaml") == f"{home}2/a.yaml"
