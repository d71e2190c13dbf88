"""Wrong calls of init: one sentence each, and no run is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import notabene
from notabene.errors import ConflictError, NotabeneError, UsageError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"project": 5}, "project name must be a text, not int 5"),
        ({"project": "x" * 10_000}, "10,000 bytes"),
        ({"project": "a\nb"}, "control characters"),
        ({"name": 3}, "run name must be a text"),
        ({"group": ["a"]}, "group must be a text"),
        ({"hypothesis": 5}, "hypothesis= must be a text, not int 5"),
        ({"notes": 5}, "notes= must be a text, not int 5"),
        ({"tags": 5}, "tags are words, or names with values, not int 5"),
        ({"tags": [1]}, "a tag must be a text"),
        ({"tags": ["x" * 10_000]}, "10,000 bytes"),
        ({"parent": 5}, "5 is no run id"),
        ({"parent": "../up"}, "is no run id"),
        ({"id": "../x"}, "is no run id"),
        ({"id": "no", "resume": "must"}, "there is no run no"),
        ({"resume": "maybe"}, "resume='maybe' is unknown"),
        ({"resume": 1}, "resume=1 is unknown"),
        ({"resume": "must"}, "resume='must' does not say which run"),
        ({"mode": "fast"}, "mode is one of"),
        ({"capture": "yes"}, "capture= is True, False or a Capture, not str 'yes'"),
        ({"config": 5}, "a config must have names and values"),
        ({"store": 5}, "store is the path of a folder"),
        ({"store": "a\0b"}, "store is the path of a folder"),
        ({"store": "a\ud800b"}, "store is the path of a folder"),
        ({"store": "x" * 10_000}, "File name too long"),
        ({"store": "~nobody-of-this-name/x"}, "in the home of a user"),
        ({"tensorboard": "a\0b"}, "a path of a file or folder is needed"),
        ({"mode": "x" * 10_000}, "xxx...; mode is one of"),
    ],
)
def test_wrong_arguments_leave_no_run(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    """What is wrong is said in a line, with the value, before anything is written."""
    given = {"project": "p", "capture": False, "store": tmp_path / "store", **given}
    project = given.pop("project")
    with pytest.raises(NotabeneError) as caught:
        notabene.init(project, **given)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert notabene.current_run() is None
    assert not list(tmp_path.glob("store/runs/*/*"))


def test_a_store_that_is_no_store(tmp_path: Path) -> None:
    """A file, a folder of other things and a newer store are refused, and left as they are."""
    file, other, newer = tmp_path / "file", tmp_path / "other", tmp_path / "newer"
    file.write_text("x")
    other.mkdir()
    (other / "thesis.tex").write_text("x")
    newer.mkdir()
    (newer / "format").write_text('{"format": 99, "id": "x"}')
    for store, said in ((file, "is a file"), (other, "is not empty"), (newer, "has format 99")):
        for call in (notabene.init, notabene.Api):
            with pytest.raises(NotabeneError) as caught:
                call(store=store) if call is notabene.init else call(store)
            expected = (
                "there is no notabene store" if (store, call) == (other, notabene.Api) else said
            )
            assert expected in caught.value.message
    assert [p.name for p in other.iterdir()] == ["thesis.tex"]


def test_no_parent_and_no_names_can_be_said(tmp_path: Path) -> None:
    """An empty text leaves a name to us; an empty parent means none."""
    store = tmp_path / "store"
    with (
        notabene.init("p", store=store, capture=False),
        notabene.init(
            "p", name="", group="", notes=" ", parent="", store=store, capture=False
        ) as run,
    ):
        assert run.name
    with notabene.Api(store) as api:
        assert api.run(run.id).parent == ""
        assert api.run(run.id).notes == ()


def test_a_folder_of_too_many_to_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole disk is not followed for event files: that would delay the program."""
    for n in range(4):
        (tmp_path / "logs" / str(n)).mkdir(parents=True)
    monkeypatch.setattr("notabene.tfevents.folders.MOST_FOLDERS", 4)
    options: dict[str, Any] = {"store": tmp_path / "store", "capture": False}
    with pytest.raises(UsageError, match="more than 4 folders"):
        notabene.init("p", tensorboard=tmp_path / "logs", **options)
    monkeypatch.undo()
    notabene.init("p", tensorboard=tmp_path / "logs", **options).finish()


def test_no_tags_can_be_said(tmp_path: Path) -> None:
    """None stands for what was not given, as it does for the other arguments."""
    with notabene.init("p", store=tmp_path / "store", capture=False, tags=None) as run:
        pass
    with notabene.Api(tmp_path / "store") as api:
        assert api.run(run.id).tags == {}


def test_two_writers_of_one_id(tmp_path: Path) -> None:
    """A second run of an id is refused, and the first one goes on undisturbed."""
    with notabene.init("p", id="same", store=tmp_path / "store", capture=False) as run:
        with pytest.raises(ConflictError, match="exists already"):
            notabene.init("p", id="same", store=tmp_path / "store", capture=False)
        run.log({"loss": 1.0})
    with notabene.Api(tmp_path / "store") as api:
        assert api.history("same", "loss").values.tolist() == [1.0]
