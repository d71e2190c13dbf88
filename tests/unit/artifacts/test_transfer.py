"""Many files into a store, and from one store to another."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from notabene.artifacts.base import SMALL
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import load_manifest
from notabene.artifacts.references import references
from notabene.artifacts.scan import Listing, scan
from notabene.artifacts.transfer import Meter, add, batches, copy_blobs, each
from notabene.errors import ConflictError, IntegrityError, NotFoundError, UsageError
from notabene.model.canonical import digest_bytes
from notabene.testing.blobs import content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """200 small files in 5 folders, and 3 large ones, two of them equal."""
    root = tmp_path / "data"
    for n in range(200):
        path = root / f"{n % 5}" / f"{n}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(n * 50, seed=n))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (root / name).write_bytes(content(5 << 20, seed))
    return root


class Plain:
    """A store that has no files to offer, as one in a cloud: only the protocol itself."""

    def __init__(self, store: LocalBlobs) -> None:
        for name in ("has", "size", "put", "put_chunks", "read", "stream", "touch", "flush"):
            setattr(self, name, getattr(store, name))


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("wrap", [lambda s: s, Plain])
def test_a_folder_is_kept(blobs, folder, threads, wrap):
    """All files are in the store, and the manifest that is kept lists them as they are."""
    added = add(wrap(blobs), scan(folder), threads=threads)
    assert load_manifest(blobs, added.digest) == added.manifest
    assert len(added.manifest.files) == 203
    for file in added.manifest.files:
        assert blobs.read(file.digest) == (folder / file.path).read_bytes()
    assert added.manifest.size == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_adding_again_stores_nothing(blobs, folder):
    """The same folder logged again has the same digest and takes no more room."""
    first = add(blobs, scan(folder))
    before = {p: p.stat().st_size for p in blobs.root.rglob("*")}
    (folder / "0" / "0.bin").touch()
    assert add(blobs, scan(folder)).digest == first.digest
    assert {p: p.stat().st_size for p in blobs.root.rglob("*")} == before


def test_what_was_hashed_is_not_read_again(blobs, folder, tmp_path, monkeypatch):
    """With a cache of hashes, files that did not change are not opened; changed ones are."""
    monkeypatch.setattr("notabene.artifacts.hashes.SETTLED", -(10**9))
    with HashCache(tmp_path / "hashes") as hashes:
        first = add(blobs, scan(folder), hashes=hashes)
        read = []
        real = LocalBlobs.put_file

        def put_file(self, path, **more):
            read.append(path.name)
            return real(self, path, **more)

        monkeypatch.setattr(LocalBlobs, "put_file", put_file)
        assert add(blobs, scan(folder), hashes=hashes).digest == first.digest
        assert read == []
        stat = (folder / "a").stat()
        with open(folder / "a", "r+b") as file:
            file.write(b"x")
        os.utime(folder / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # hidden, but for ctime
        assert add(blobs, scan(folder), hashes=hashes).digest != first.digest
        assert read == ["a"]
        read.clear()
        with LocalBlobs(tmp_path / "other") as other:  # known, but not there
            add(other, scan(folder), hashes=hashes)
            assert len(read) == 203


@pytest.mark.parametrize("threads", [1, 4])
def test_progress_is_told_of(blobs, folder, threads):
    """Progress rises to the total, is told in one call at a time, and ends there."""
    told = []
    inside = threading.Lock()

    def progress(done, total):
        assert inside.acquire(blocking=False)
        told.append((done, total))
        inside.release()

    listing = scan(folder)
    add(blobs, listing, progress=progress, threads=threads)
    assert told == sorted(told)
    assert told[-1] == (listing.size, listing.size)
    assert {total for _, total in told} == {listing.size}
    assert 5 < len(told) < 250


def test_nothing_is_told_wrong_of_nothing(blobs):
    """An empty artifact is one, and its progress is 0 of 0."""
    told = []
    added = add(blobs, Listing(), progress=lambda *step: told.append(step))
    assert load_manifest(blobs, added.digest).files == ()
    assert set(told) <= {(0, 0)}


def test_references_and_empty_folders_are_kept(blobs, tmp_path):
    """References and empty folders are in the manifest, beside files."""
    (tmp_path / "data" / "empty").mkdir(parents=True)
    (tmp_path / "data" / "x").write_text("x")
    added = add(blobs, scan(tmp_path / "data"), references=references("s3://b/far.bin"))
    assert added.manifest.folders == ("empty",)
    assert [r.path for r in added.manifest.references] == ["far.bin"]


def test_two_files_of_one_path_are_refused_before_reading(blobs, folder):
    """Two files that would have one path are refused, and nothing was stored."""
    listing = scan(folder / "a", at="same") + scan(folder / "c", at="same")
    with pytest.raises(UsageError, match="'same'"):
        add(blobs, listing)
    assert list(blobs.list()) == []


@pytest.mark.parametrize("threads", [1, 4])
def test_a_file_that_vanished_is_named(blobs, folder, threads):
    """A file that is gone since it was listed is named; what was stored stays for a next try."""
    listing = scan(folder)
    (folder / "c").unlink()
    with pytest.raises(NotFoundError, match=str(folder / "c")):
        add(blobs, listing, threads=threads)
    assert len(add(blobs, scan(folder)).manifest.files) == 202


def test_moved_files_are_given_up(blobs, folder):
    """With ``move`` the files are gone from their place, and in the store."""
    added = add(blobs, scan(folder), move=True)
    assert not [p for p in folder.rglob("*") if p.is_file()]
    assert all(blobs.has(f.digest) for f in added.manifest.files)


def test_giving_up_stops_the_threads(blobs, folder):
    """An error in the listener, or Ctrl-C, ends all threads at once and goes through."""

    def progress(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(blobs, scan(folder), progress=progress, threads=4)
    assert not [t for t in threading.enumerate() if "notabene" in t.name]
    assert not list(blobs.root.glob("tmp/*"))


def test_the_first_error_is_the_one_raised():
    """Where one thread fails, its error is raised, not that of those that it stopped."""
    meter = Meter(100 << 20, None)

    def work(n):
        if n == 7:
            raise ConflictError("this one")
        for _ in range(1000):
            meter.step(1)

    with pytest.raises(ConflictError, match="this one"):
        each(list(range(50)), work, meter, 4)


def test_batches_are_small():
    """Items are grouped by count and by size, in order, with none left out."""
    sizes = [1] * 200 + [9 << 20] * 3 + [1]
    found = batches(sizes, int)
    assert [size for batch in found for size in batch] == sizes
    assert max(map(len, found)) <= 64
    assert all(len(b) == 1 for b in found if max(b) > 8 << 20)


def test_a_store_is_copied(blobs, tmp_path):
    """Blobs are copied to another store, verified; what is there is not sent again."""
    wanted = {blobs.put(content(size)): size for size in (0, 10, SMALL + 1, 3 << 20)}
    with LocalBlobs(tmp_path / "other") as other:
        told = []
        assert copy_blobs(blobs, other, wanted, progress=lambda *step: told.append(step)) == 4
        assert told[-1] == (sum(wanted.values()),) * 2
        assert all(other.read(d) == blobs.read(d) for d in wanted)
        assert copy_blobs(blobs, other, wanted) == 0
        with pytest.raises(NotFoundError):
            copy_blobs(blobs, other, {"0" * 64: 1})


def test_damage_is_not_copied(blobs, tmp_path):
    """A damaged blob is not stored elsewhere under its digest."""
    digest = blobs.put(content(SMALL + 1))
    path = blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"!" + content(SMALL + 1)[1:])
    with LocalBlobs(tmp_path / "other") as other:
        with pytest.raises(IntegrityError, match=digest):
            copy_blobs(blobs, other, {digest: SMALL + 1})
        assert list(other.list()) == []


def test_equal_files_are_kept_once(blobs, folder):
    """Files of equal content are one blob."""
    add(blobs, scan(folder))
    assert [i.size for i in blobs.list()].count(5 << 20) == 2
    assert blobs.has(digest_bytes(content(5 << 20, 1)))
