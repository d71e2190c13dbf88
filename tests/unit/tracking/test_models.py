"""Models as artifacts: what is kept, and what is loaded."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest

import notabene
from notabene import AccessError, FormatError, MissingDependencyError, NotFoundError
from notabene.tracking.models import CARD, FORMATS, Kept, keep, load_model


class Bomb:
    """Unpickling it does something."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def save(folder: Path) -> Kept:
    """A pickle."""
    (folder / "model.pkl").write_bytes(pickle.dumps({"w": 3}))
    return Kept("model.pkl", "pickle")


@pytest.fixture
def kept(monkeypatch):
    """An artifact with a pickle in it."""
    monkeypatch.setenv("NOTABENE_QUIET", "1")
    with notabene.init("digits ä/1") as run:
        return keep(run, "Net [v2]", save, {"library": "sklearn", "signature": {"X": {}}})


def test_it_is_an_artifact_that_says_what_it_is(kept):
    """Named by project and model, of type model, marked as a pickle, with a card beside it."""
    assert kept.ref == "digits-ä-1-Net-v2:v1"
    assert kept.type == "model"
    assert kept.metadata["safe"] is False
    assert "runs the code" in kept.description
    assert sorted(kept.files()) == ["model.pkl", CARD]


def test_a_pickle_is_not_loaded_unasked(kept):
    """With ``trust`` it is; a run that loads it has used it."""
    pytest.importorskip("sklearn")
    with pytest.raises(AccessError, match="is a pickle, and loading it runs the code in it"):
        load_model(kept.ref)
    assert load_model(kept.ref, trust=True) == {"w": 3}
    with notabene.init("later") as run:
        load_model(kept.ref, trust=True)
    with notabene.Api() as api:
        edges = api.lineage(f"artifact:{kept.ref}").edges
    assert any(edge.run == run.id and edge.direction == "input" for edge in edges)


@pytest.mark.parametrize("card", [{}, {"format": "skops", "safe": True}, {"safe": True}])
def test_what_a_card_says_makes_nothing_safe(tmp_path, card):
    """The file's own form decides."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / CARD).write_text(json.dumps({"file": "model.pkl", **card}))
    for path in (tmp_path, tmp_path / "model.pkl"):
        with pytest.raises(AccessError):
            load_model(path)
    assert not Path("exploded").exists()


def test_a_card_leads_nowhere_else(tmp_path):
    """A file beside the folder is not the model's."""
    (tmp_path / "evil.skops").write_bytes(b"")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / CARD).write_text(json.dumps({"file": "../evil.skops", "format": "skops"}))
    with pytest.raises(FormatError, match="does not hold"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"format": "unheard"}', b"\xff"])
def test_broken_cards_are_told(tmp_path, content):
    """One sentence, not a traceback of a decoder."""
    (tmp_path / CARD).write_bytes(content)
    with pytest.raises(FormatError):
        load_model(tmp_path)


def test_what_is_not_there_is_told(home):
    """No store, no artifact, no path."""
    with pytest.raises(NotFoundError):
        load_model("nothing:v1")
    with pytest.raises(NotFoundError, match="there is no model at"):
        load_model(Path("nothing.skops"))


def test_a_library_that_is_not_there_is_named(tmp_path, monkeypatch):
    """With the command that brings it."""
    monkeypatch.setitem(sys.modules, "catboost", None)
    monkeypatch.delitem(sys.modules, "notabene.integrations.catboost", raising=False)
    (tmp_path / "m.cbm").touch()
    with pytest.raises(MissingDependencyError, match="catboost is not installed") as caught:
        load_model(tmp_path / "m.cbm")
    assert "pip install catboost" in str(caught.value)


def test_suffixes_tell_formats_apart():
    """A file alone says what it is."""
    suffixes = [f.suffix for f in FORMATS.values() if f.suffix]
    assert len(suffixes) == len(set(suffixes))
