"""A version of an artifact in a reader's hand."""

from __future__ import annotations

import pytest

from notabene.errors import ConflictError, NotFoundError


@pytest.fixture
def view(lab, api):
    """A version with a large and a small file."""
    scribe = lab.scribe("r1")
    lab.artifact(
        scribe, "my model", {"a/w.bin": b"w" * 200_000, "card.md": b"card"}, aliases=["best"]
    )
    lab.run(scribe=scribe)
    return api.artifact("my model:best")


def test_fields(view):
    """All fields of the version can be asked of the view by name."""
    assert (view.ref, view.name, view.version, view.type) == ("my model:v1", "my model", 1, "model")
    assert (view.files, view.size, view.run) == (2, 200_004, "r1")
    assert set(view.aliases) == {"best", "latest"}
    assert view.to_dict()["ref"] == "my model:v1"
    assert view.to_dict()["digest"] == view.digest
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = view.nonsense


def test_latest_is_the_same_everywhere(lab, api):
    """Content that is logged again is ``latest`` in the files that training reads and the store."""
    scribe = lab.scribe("r1")
    for body in (b"a", b"b", b"c", b"a", b"b"):
        lab.artifact(scribe, "m", {"w": body})
    lab.run(scribe=scribe)
    api.refresh()
    for gone, latest in ((0, 2), (2, 1), (1, 3)):
        if gone:
            api.delete_artifact(f"m:v{gone}")
            api.refresh()
        assert api.artifact("m").version == api.store.artifact("m").version == latest
        aliases = [
            {v.version: v.aliases for v in versions}
            for versions in (api.artifacts("m"), api.store.artifacts("m"))
        ]
        assert aliases[0] == aliases[1]


def test_listing_and_reading(view):
    """Files are listed by path, and each can be read."""
    assert [(f.path, f.size) for f in view.listing()] == [("a/w.bin", 200_000), ("card.md", 4)]
    assert view.read("card.md") == b"card"
    with pytest.raises(NotFoundError):
        view.read("none")


def test_download(view, tmp_path, monkeypatch):
    """Its files come into a folder; what is there alike stays, other content is not replaced."""
    told = []
    target = view.download(tmp_path / "here", progress=lambda *x: told.append(x))
    assert (target / "a" / "w.bin").read_bytes() == b"w" * 200_000
    assert told[-1] == (200_004, 200_004)
    (target / "card.md").write_text("mine")
    with pytest.raises(ConflictError):
        view.download(target)
    view.download(target, overwrite=True)
    assert (target / "card.md").read_bytes() == b"card"
    monkeypatch.chdir(tmp_path)
    assert view.download() == tmp_path / "artifacts" / "my-model-v1"


def test_lineage(view):
    """Its lineage begins with itself."""
    assert [node.id for node in view.lineage().nodes] == ["my model:v1", "r1"]


def test_lineage_of_what_is_not_here(lab, api):
    """A version that no run here made is a node all the same."""
    from notabene.model.records import ArtifactUsed

    scribe = lab.scribe("r1")
    scribe.record(ArtifactUsed(name="far", version=3, digest="0" * 64))
    lab.run(scribe=scribe)
    found = api.lineage("r1")
    assert [(n.kind, n.id, n.type) for n in found.nodes] == [
        ("run", "r1", "finished"),
        ("artifact", "far:v3", ""),
    ]
