"""Findings about parameters: options, hydra, sys.argv and variables of the environment."""

from __future__ import annotations

import pytest

from notabene.model.evidence import (
    FileRead,
    FileWritten,
    Option,
    Parameters,
    Settings,
    Source,
    Variable,
)
from notabene.proof.settings import Logged, is_parameter, plain, rules, same, shown, telling
from tests.unit.proof.making import data_of, evidence_of, options_of

PARSER = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--wd')\nimport notabene\n"


def found(parameters, *, text=PARSER, logged=None, **parts):
    """All that is found about parameters."""
    return list(rules(evidence_of(text, logged=logged, parameters=parameters, **parts)))


def test_options_that_were_not_logged():
    """An option that decided and is in no config is a gap at the line that declares it."""
    (one,) = found(options_of(wd=0.3))
    assert (one.kind, one.severity, one.where) == ("unlogged-parameter", "gap", "train.py:3")
    assert one.what == "--wd=0.3 used, not logged"
    assert one.recorded


@pytest.mark.parametrize(
    "logged",
    [{"wd": 0.3}, {"optim.wd": 0.3}, {"weight_decay": 0.3}, {"WD": "0.3"}, {"l2": 0.3}],
)
def test_options_that_were_logged(logged):
    """By its name, as people abbreviate it, or by a telling value under another one."""
    assert found(options_of(wd=0.3), logged=logged) == []


@pytest.mark.parametrize("logged", [{"lr": 1}, {"flag": True}])
def test_a_value_that_tells_nothing(logged):
    """1 is found anywhere, so that it says nothing about which parameter it is."""
    assert [one.what for one in found(options_of(wd=1), logged=logged)] == [
        "--wd=1 used, not logged"
    ]


def test_a_value_belongs_to_the_option_of_its_name():
    """Two options with one value: logging one of them does not log the other."""
    (one,) = found(options_of(wd=0.3, dropout=0.3), logged={"dropout": 0.3})
    assert one.what.startswith("--wd=")


@pytest.mark.parametrize("name", ["out_dir", "name", "verbose", "device", "log_every", "tags"])
def test_options_that_decide_nothing(name):
    """Where results go and how much is said is no parameter."""
    assert found(options_of(**{name: "value"})) == []


def test_options_that_name_files():
    """A path of something that was read or written is in the record by its content."""
    data = data_of(FileRead(path="data/a.csv"), written=[FileWritten(path="models/m.bin")])
    assert found(options_of(train="data/a.csv", folder="data", target="models"), data=data) == []
    assert len(found(options_of(train="data/b.csv"), data=data)) == 1


def test_programs_that_know_nothing_of_notabene():
    """Under notabene run a program without the import logs nothing; its options are recorded."""
    text = PARSER.replace("import notabene\n", "")
    assert found(options_of(wd=0.3), text=text, process={"kind": "program"}) == []
    assert len(found(options_of(wd=0.3), process={"kind": "program"})) == 1


def test_hydras_config():
    """Leaves of the composed config that no name logs are told; ten at most."""
    values = {"optim": {"lr": 0.125, "wd": 0.5}, "name": "x", "none": None}
    composed = Parameters(settings=[Settings(source="hydra", values=values, where="c.yaml:1")])
    (one,) = found(composed, logged={"optim.lr": 0.125})
    assert (one.what, one.where) == ("optim.wd=0.5 of hydra's config used, not logged", "c.yaml:1")
    many = {f"p{i}": i / 7 for i in range(1, 40)}
    assert len(found(Parameters(settings=[Settings(source="hydra", values=many)]))) == 10


def test_settings_of_files_are_data():
    """A file of settings is told by its content when that changes, not key by key."""
    one = Settings(source="a.yaml", values={"lr": 0.125}, where="train.py:1")
    assert found(Parameters(settings=[one])) == []


ARGV = "import sys\nlr = float(sys.argv[1])\n"


@pytest.mark.parametrize(
    ("arguments", "logged", "told"),
    [
        ({"1": "0.125"}, {}, ["0.125 of the command line used, not logged"]),
        ({"1": "0.125"}, {"lr": 0.125}, []),
        ({"lr": "0.125"}, {"lr": 0.125}, []),
        ({"out": "results"}, {}, []),
        ({"1": "<path>"}, {}, []),
    ],
)
def test_words_of_the_command_line(arguments, logged, told):
    """What a program takes from sys.argv itself is told unless it was logged or is a path."""
    places = {"1": "/x"} if arguments.get("1") == "<path>" else {}
    parameters = Parameters(arguments=arguments, places=places)
    assert [one.what for one in found(parameters, text=ARGV, logged=logged)] == told


def test_words_that_nobody_takes():
    """Without a line that asks for sys.argv the command line decided nothing."""
    assert found(Parameters(arguments={"1": "0.125"}), text="x = 1\n") == []


@pytest.mark.parametrize(
    ("variable", "kind", "severity", "said"),
    [
        (Variable(name="SCALE", value="3.5"), "env-read", "gap", "reads $SCALE (=3.5), not logged"),
        (Variable(name="SCALE"), "env-read", "risk", "reads $SCALE (not set), not logged"),
        (Variable(name="MY_NUM_WORKERS", value="2"), "threads", "gap", "reads $MY_NUM_WORKERS"),
    ],
)
def test_variables_that_were_read(variable, kind, severity, said):
    """A variable that the program asked for is told, set or not."""
    (one,) = found(Parameters(variables=[variable]))
    assert (one.kind, one.severity) == (kind, severity)
    assert one.what.startswith(said)


@pytest.mark.parametrize(
    "variable",
    [
        Variable(name="HOME", value="/root"),
        Variable(name="SLURM_JOB_ID", value="7"),
        Variable(name="LC_ALL", value="C"),
        Variable(name="SCALE", value="3.5"),
        Variable(name="DATA", value="data"),
    ],
)
def test_variables_that_are_no_finding(variable):
    """Surroundings, logged values, and paths of what was read."""
    data = data_of(FileRead(path="data/a.csv"))
    assert found(Parameters(variables=[variable]), logged={"scale": 3.5}, data=data) == []


def test_long_values_are_cut():
    """A line stays a line."""
    assert len(shown("x" * 1000)) <= 60
    assert shown(0.3) == "0.3"
    (one,) = found(options_of(text="x" * 1000))
    assert len(one.what) < 100


@pytest.mark.parametrize("name", ["lr", "temp", "temperature", "num_workers", "seed", "model", "c"])
def test_names_of_parameters(name):
    """What decides about results is a parameter, in whatever spelling."""
    for spelling in (name, f"--{name.replace('_', '-')}", name.upper()):
        assert is_parameter(spelling)


def test_logged_by_short_and_long_names():
    """An abbreviation and what it stands for are one name; strangers are not."""
    assert Logged({"learning_rate": 1}).has("lr", 1)
    assert Logged({"lr": 1}).has("learning-rate", 1)
    assert Logged({"model.lr": 1}).has("lr", 1)
    assert not Logged({"lr": 1}).has("lr_decay", 1)
    assert not Logged({}).has("", 1)


@pytest.mark.parametrize(
    ("value", "tells"),
    [
        (0, False), (1, False), (True, False), (None, False), ("ab", False), ("adam", True),
        (0.3, True), ("0.25", True), (17, True), (-17, True), ("16", False), (float("nan"), True),
    ],
)  # fmt: skip
def test_telling_values(value, tells):
    """Small whole numbers, flags and two letters are found anywhere."""
    assert telling(value) is tells


def test_equal_values():
    """Text and number are the same value; a flag is no number."""
    assert same("1e-3", 0.001)
    assert same([1], "[1]")
    assert not same(1.5, True)
    assert not same("a", "b")


def test_plain_names():
    """Case, dashes and dots make no other name."""
    assert plain("--Weight-Decay") == plain("weight_decay") == "weightdecay"


def test_sources_named_by_options_are_recorded():
    """An option that names a script of the run is no parameter of its own."""
    evidence = evidence_of(PARSER, parameters=options_of(config="conf.py"))
    evidence.record.sources.files.append(Source(path="conf.py"))
    assert list(rules(evidence)) == []
    other = Option(source="argparse", name="config", value="other.py")
    assert len(found(Parameters(options=[other]))) == 1
