"""What makes two runs the same experiment: the tables of what went in."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.evidence import (
    FileMissing,
    FileRead,
    FileWritten,
    Listing,
    Option,
    Outside,
    Parameters,
    Program,
    Source,
    Sources,
    Variable,
)
from notabene.proof.fingerprint import (
    ABSENT,
    PATH,
    data_key,
    effective,
    environment_table,
    is_harmless,
    keys_of,
    places_of,
    shown_key,
    where_is,
)
from tests.unit.proof.making import ROOT, data_of, digest, evidence_of, options_of, tables_of

PARTS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(PATHS, PATHS, PATHS, st.dictionaries(PARTS, PATHS, max_size=3), st.booleans(), st.booleans())
def test_keys_and_places_are_inverses(path, root, folder, places, absolute, relative):
    """Every file is found again by its key, below arguments, the working folder, or the root."""
    inside = path if absolute else os.path.relpath(path, root)
    key = data_key(inside, root, folder, places, "relative" if relative else "")
    assert where_is(key, root, folder, places) == path


@pytest.mark.parametrize(
    ("path", "given", "key"),
    [
        ("/data/sets/a/train.csv", "", "--data:a/train.csv"),
        ("/data/sets", "", "--data:"),
        ("/data/sets2/x", "", "/data/sets2/x"),
        ("sub/x.csv", "relative", "./x.csv"),
        ("x.csv", "relative", "./../x.csv"),
        ("sub/x.csv", "", "sub/x.csv"),
        ("/elsewhere/x.csv", "", "/elsewhere/x.csv"),
    ],
)
def test_keys(path, given, key):
    """A file is named by the argument it lies under, else by the working folder, else as it is."""
    places = {"data": "/data/sets"}
    assert data_key(path, ROOT, f"{ROOT}/sub", places, given) == key


def test_the_same_data_elsewhere_has_the_same_key():
    """What an argument names may lie anywhere: the key says what it is, not where."""
    keys = {
        data_key(f"{place}/train.csv", ROOT, ROOT, {"data": place}, "")
        for place in ("/a", "/b/c", f"{ROOT}/data")
    }
    assert keys == {"--data:train.csv"}


def test_an_argument_that_is_not_given_has_no_place():
    """A key below an argument that the new run lacks leads nowhere."""
    assert where_is("--data:train.csv", ROOT, ROOT, {}) == ""


@pytest.mark.parametrize(
    ("key", "told"),
    [("list ./data", "data"), ("set big", "big"), ("--data:", "--data"), ("./x.csv", "x.csv")],
)
def test_keys_for_people(key, told):
    """A key is shown without its marks."""
    assert shown_key(key) == told


def test_arguments_and_seeds_are_apart():
    """What is named like a seed has a table of its own; folders of results are in none."""
    parameters = Parameters(
        arguments={"lr": "0.1", "seed": "3", "output_dir": "x", "1": "train"},
        variables=[Variable(name="SCALE", value="2"), Variable(name="MY_SEED", value="5"),
                   Variable(name="GONE")],
    )  # fmt: skip
    found = tables_of(evidence_of(parameters=parameters))
    assert found.arguments == {"lr": "0.1", "1": "train", "$SCALE": "2", "$GONE": ""}
    assert found.seeds == {"seed": "3", "$MY_SEED": "5"}


def test_defaults_count_as_arguments():
    """An option at its default is the same as one that names the value."""
    left = tables_of(evidence_of(parameters=options_of(lr=0.1, out="x")))
    option = Option(source="argparse", name="lr", value=0.1, default=0.1)
    named = tables_of(evidence_of(parameters=Parameters(options=[option], arguments={"lr": "0.1"})))
    other = tables_of(evidence_of(parameters=Parameters(options=[option], arguments={"lr": "0.2"})))
    assert left.defaults == {"lr": "0.1"}
    assert effective(left) == effective(named) != effective(other)


def test_seeds_do_not_change_the_effective_arguments():
    """Runs that differ in the seed alone have the same arguments, given or by default."""
    digests = {
        effective(tables_of(evidence_of(parameters=Parameters(arguments=a, options=o))))
        for a, o in [
            ({"seed": "1"}, []),
            ({"seed": "2"}, []),
            ({}, [Option(source="argparse", name="seed", value=3, default=3)]),
        ]
    }
    assert len(digests) == 1


def test_code_has_its_meaning_and_its_bytes():
    """A comment changes the bytes alone; a value changes the meaning."""
    plain, comment, other = (
        tables_of(evidence_of(text)).code["train.py"]
        for text in ("LR = 0.1\n", "# rate\nLR = 0.1\n", "LR = 0.2\n")
    )
    assert plain["sha"] != comment["sha"]
    assert plain["code"] == comment["code"] != other["code"]
    assert plain["without_constants"] == other["without_constants"]


def test_sources_without_facts_count_by_their_bytes():
    """Byte code and what cannot be analysed is compared as it is."""
    source = Source(path="lib/a.pyc", digest="d", without_source=True)
    found = tables_of(evidence_of(sources=Sources(root=ROOT, files=[source])))
    assert found.code == {"lib/a.pyc": {"sha": "d", "code": "d"}}


def test_data_by_content():
    """Files by digest; unknown content by size and time; what was looked for, absent."""
    data = data_of(
        FileRead(path="a.csv", digest="d" * 64),
        FileRead(path="big.bin", size=9, mtime=5),
        FileRead(path="pipe", note="no regular file"),
        missing=[FileMissing(path="last.ckpt"), FileMissing(path="a.csv")],
        listed=[Listing(path="data", digest="e" * 64)],
        sets=[{"path": "many", "digest": "f" * 64, "sign": "s"}],
        written=[FileWritten(path="out.bin", digest="o" * 64), FileWritten(path="log")],
    )
    found = tables_of(evidence_of(data=data))
    assert found.data == {
        "a.csv": "d" * 64,
        "big.bin": "size:9:5",
        "pipe": "no regular file",
        "last.ckpt": ABSENT,
        "list data": "e" * 64,
        "set many": "f" * 64,
    }
    assert found.signs == {"many": "s"}
    assert found.outputs == {"out.bin": "o" * 64}


def test_keys_lead_back_to_the_record():
    """Each key of what was read, listed or missed has its path and the line that asked for it."""
    data = data_of(
        FileRead(path="a.csv", given="relative", where="train.py:1"),
        missing=[FileMissing(path="b", where="train.py:2")],
        listed=[Listing(path="data", where="train.py:3")],
    )
    found = keys_of(evidence_of(data=data).record)
    assert found == {
        "./a.csv": ("a.csv", "train.py:1"),
        "b": ("b", "train.py:2"),
        "list data": ("data", "train.py:3"),
    }


def test_variables_that_name_what_was_read():
    """A variable with the path of something that was read counts by its content."""
    variables = [
        Variable(name="DATA", value="/data/sets"),
        Variable(name="OTHER", value="/data/se"),
        Variable(name="WORD", value="sets"),
    ]
    evidence = evidence_of(
        data=data_of(FileRead(path="/data/sets/a.csv", digest="d" * 64)),
        parameters=Parameters(variables=variables),
    )
    assert places_of(evidence.record) == {"$DATA": "/data/sets"}
    found = tables_of(evidence)
    assert found.arguments["$DATA"] == PATH
    assert found.arguments["$OTHER"] == "/data/se"
    assert found.data == {"--$DATA:a.csv": "d" * 64}


def test_defaults_that_are_paths():
    """A default that names a file is a path; where it lies is remembered apart."""
    parameters = options_of(data="data.csv")
    parameters.places = {"data": f"{ROOT}/data.csv"}
    found = tables_of(evidence_of(parameters=parameters))
    assert (found.defaults, found.default_places) == ({"data": PATH}, {"data": "data.csv"})


def test_the_environment_table():
    """What numbers hang on, in one form however it was captured."""
    environment = {
        "python": {"version": "3.11.7", "build": "x"},
        "packages": [{"name": "numpy", "version": "2.1"}, {"version": "3"}],
        "variables": {"OMP_NUM_THREADS": "2", "EDITOR": "vi", "PYTHONHASHSEED": "0"},
        "time_zone": {"name": "Europe/Zurich", "offset": 3600},
        "os": {"machine": "x86_64", "libc": "glibc 2.36"},
        "locale": {"LC_ALL": "C"},
    }
    hardware = {"cpu": {"model": "EPYC"}, "gpus": [{"name": "H200"}]}
    found = environment_table(environment, hardware)
    assert found["packages"] == {"numpy": "2.1"}
    assert found["variables"] == {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0"}
    assert (found["zone"], found["cpu"], found["gpu"]) == ("Europe/Zurich", "EPYC", ["H200"])
    assert environment_table({"packages": {"numpy": {"version": "2.1"}}}, {})["packages"] == {
        "numpy": "2.1"
    }
    assert environment_table({}, {})["python"] == ""


def test_programs_and_submodules_are_surroundings():
    """Tools by name and digest, and submodules by commit, go into the environment."""
    outside = Outside(
        programs=[
            Program(words=["./tool"], path="/p/tool", digest="t" * 64),
            Program(words=["git", "status"], path="/usr/bin/git", digest="g" * 64),
        ]
    )
    code = {"git": {"submodules": [{"path": "lib", "commit": "c1"}, {"commit": "x"}]}}
    found = tables_of(evidence_of(outside=outside, code=code)).environment
    assert found["programs"] == {"tool": "t" * 16}
    assert found["submodules"] == {"lib": "c1"}
    assert found["folder"] == "."


@pytest.mark.parametrize(
    ("words", "harmless"),
    [(["git", "log"], True), (["/usr/bin/python3.12"], True), ([], True), (["./mytool"], False)],
)
def test_programs_that_give_nothing(words, harmless):
    """What is asked about the machine changes no result."""
    assert is_harmless(words) is harmless


def test_comments_change_nothing_but_bytes():
    """The digest of a source is that of its bytes."""
    assert tables_of(evidence_of("x = 1\n")).code["train.py"]["sha"] == digest("x = 1\n")
