"""Names: what may be one, what may not, and paths of config."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import RefError
from notabene.model.refs import (
    MAX_NAME_BYTES,
    ArtifactRef,
    check_alias,
    check_artifact_name,
    check_name,
    check_run_id,
    join_path,
    parse_artifact,
    split_path,
)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("loss", "loss"),
        ("  val/acc ", "val/acc"),
        ("größe μ 🚀", "größe μ 🚀"),
        ("e\u0301", "\u00e9"),
        ("../../etc", "../../etc"),
        ("a" * MAX_NAME_BYTES, "a" * MAX_NAME_BYTES),
    ],
)
def test_names_are_data(given_: str, kept: str):
    """Blanks, slashes, any letters and emoji are fine; NFC and outer blanks are seen to."""
    assert check_name(given_, "metric") == kept


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (3, "must be a text, not int 3"),
        (None, "must be a text, not NoneType None"),
        ("", "must not be empty"),
        ("   ", "must not be empty"),
        ("a" * 10_000, "10,000 bytes; at most 250"),
        ("é" * 126, "252 bytes"),
        ("a\0b", "control characters"),
        ("a\nb", "control characters"),
        ("a\ud800", "broken Unicode"),
    ],
)
def test_what_is_no_name(given_: object, said: str):
    """Each thing that cannot be a name gets a sentence with the value and what is allowed."""
    with pytest.raises(RefError, match=said) as caught:
        check_name(given_, "run name")
    assert "run name" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("run_id", ["a", "0", "A.b_c-d", "x" * 128])
def test_run_ids(run_id: str):
    """Letters, digits, dot, underscore and hyphen make a run id."""
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "-a", "a/b", "a b", "x" * 129, "ä", "a\n", None, 3]
)
def test_what_is_no_run_id(run_id: object):
    """Nothing that could leave the runs folder, or is hard to type, is a run id."""
    with pytest.raises(RefError, match="is no run id"):
        check_run_id(run_id)


@pytest.mark.parametrize("alias", ["best", "v1x", "vv3", "v01", "in production?", "ü"])
def test_aliases(alias: str):
    """Words are aliases, if they do not look like versions."""
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    ("alias", "said"),
    [("v3", "looks like a version"), ("a:b", "must not hold"), ("a@b", "must not hold"),
     ("a/b", "must not hold"), ("", "must not be empty")],
)  # fmt: skip
def test_what_is_no_alias(alias: str, said: str):
    """An alias that could be taken for something else is refused with the reason."""
    with pytest.raises(RefError, match=said):
        check_alias(alias)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("data", ArtifactRef("data", alias="latest")),
        ("data:v0", ArtifactRef("data", version=0)),
        ("team/data:v12", ArtifactRef("team/data", version=12)),
        ("data:best", ArtifactRef("data", alias="best")),
        ("artifact:data:v3", ArtifactRef("data", version=3)),
    ],
)
def test_artifact_references(text: str, ref: ArtifactRef):
    """A name alone means its latest version; a version or an alias follows a colon."""
    assert parse_artifact(text) == ref


@pytest.mark.parametrize("text", ["", ":v3", "a:b:c", "a:", None])
def test_what_is_no_artifact_reference(text: object):
    """Other forms are refused."""
    with pytest.raises(RefError):
        parse_artifact(text)


def test_references_print_as_they_are_written():
    """str() of a reference parses to that reference."""
    for ref in (ArtifactRef("a", version=3), ArtifactRef("a", alias="best")):
        assert parse_artifact(str(ref)) == ref


def test_artifact_names_hold_no_colon():
    """A colon would begin a version."""
    with pytest.raises(RefError, match="must not hold ':'"):
        check_artifact_name("a:b")


@given(st.lists(st.text(), min_size=1).map(tuple))
def test_paths_come_back(parts: tuple[str, ...]):
    """split_path() undoes join_path() for any names, dots and backslashes included."""
    assert split_path(join_path(parts)) == parts


def test_a_path_reads_as_people_write_it():
    """Plain names are joined with dots; a dot inside a name is escaped."""
    assert join_path(("model", "depth")) == "model.depth"
    assert join_path(("layer.1", "w")) == r"layer\.1.w"
