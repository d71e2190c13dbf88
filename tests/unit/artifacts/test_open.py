"""From an address to a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.open import open_blobs, open_file, store_blobs
from notabene.errors import MissingDependencyError, UsageError
from notabene.journal.folder import StoreFolder


def test_paths_and_file_addresses_open_folders(tmp_path, home):
    """A path, one with ``~``, and a ``file://`` address name folders."""
    for name in (tmp_path / "b", str(tmp_path / "b"), (tmp_path / "b").as_uri()):
        assert open_blobs(name).root == tmp_path / "b"
    assert open_blobs("~/b").root == home / "b"
    assert open_file((tmp_path / "a b").as_uri()).root == tmp_path / "a b"


def test_unknown_schemes_say_what_to_do(tmp_path):
    """An address that nothing installed knows is refused with a way out."""
    with pytest.raises(MissingDependencyError, match=r"carrier-pigeon.*install"):
        open_blobs("carrier-pigeon://roof/x")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        open_blobs(tmp_path / "file")


def test_other_schemes_come_by_entry_point(monkeypatch, tmp_path):
    """An installed package may offer a scheme of its own."""

    class EntryPoint:
        def load(self):
            return lambda url: LocalBlobs(tmp_path / url.rpartition("/")[2])

    def entry_points(*, group, name):
        return [EntryPoint()] if (group, name) == ("notabene.blobs", "cloud") else []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert open_blobs("cloud://bucket/there").root == tmp_path / "there"


def test_a_stores_blobs(tmp_path):
    """A store's content lies in it, or where one says; its trash always beside the content."""
    folder = StoreFolder.open(tmp_path / "store", create=True)
    with store_blobs(folder) as inside, store_blobs(folder, tmp_path / "big") as outside:
        for store in (inside, outside):
            digest = store.put(bytes(300_000))
            assert store.delete([digest]) == 1
    assert len(list((folder.trash / "blobs").glob("??/*"))) == 1
    assert len(list((tmp_path / "big" / "trash").glob("??/*"))) == 1
    assert isinstance(outside.root, Path)
