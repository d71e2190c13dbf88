"""An artifact's files into a folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from notabene.artifacts.base import SMALL
from notabene.artifacts.download import download
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import FileEntry, Manifest, make_manifest
from notabene.artifacts.references import references
from notabene.artifacts.scan import scan
from notabene.artifacts.transfer import add
from notabene.errors import ConflictError, IntegrityError, NotFoundError, UsageError
from notabene.testing.blobs import content


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with small and large files, a program, and an empty folder."""
    root = tmp_path / "source"
    for n, size in enumerate((0, 10, 5000, SMALL, SMALL + 1, 3 << 20)):
        path = root / f"sub{n % 2}" / f"file{n}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(size, seed=n))
    (root / "run").write_bytes(content(SMALL * 2, seed=9))
    (root / "run").chmod(0o755)
    (root / "empty").mkdir()
    return root


@pytest.fixture
def manifest(blobs: LocalBlobs, source: Path) -> Manifest:
    """That folder, logged."""
    return add(blobs, scan(source), references=references("s3://b/far")).manifest


def tree(root: Path) -> dict[str, object]:
    """Everything below a folder: content and whether it can be run, None for folders."""
    return {
        str(p.relative_to(root)): None
        if p.is_dir()
        else (p.read_bytes(), bool(p.stat().st_mode & stat.S_IXUSR))
        for p in root.rglob("*")
    }


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("threads", [1, 4])
def test_what_was_logged_comes_back(blobs, manifest, source, tmp_path, link, threads):
    """A download is equal to what was logged: content, programs, empty folders; no leftovers."""
    done = download(blobs, manifest, tmp_path / "a" / "b", link=link, threads=threads)
    assert tree(tmp_path / "a" / "b") == tree(source)
    assert (done.path, done.written, done.kept) == (tmp_path / "a" / "b", 7, 0)
    assert done.bytes == manifest.size
    assert [r.uri for r in done.references] == ["s3://b/far"]


def test_downloaded_files_are_ones_own(blobs, manifest, tmp_path):
    """A downloaded file can be changed in place without any harm to the store."""
    download(blobs, manifest, tmp_path / "out")
    for file in manifest.files:
        with open(tmp_path / "out" / file.path, "r+b") as changed:
            changed.write(b"changed")
    assert all(len(blobs.read(f.digest)) == f.size for f in manifest.files)


def test_links_cost_no_copy_and_are_read_only(blobs, manifest, tmp_path):
    """With ``link`` a large file is the store's own, read-only; programs and small ones are not."""
    download(blobs, manifest, tmp_path / "out", link=True)
    linked = {f.path for f in manifest.files if (tmp_path / "out" / f.path).stat().st_nlink == 2}
    assert linked == {"sub0/file4", "sub1/file5"}
    for path in linked:
        assert not stat.S_IMODE((tmp_path / "out" / path).stat().st_mode) & 0o222


def test_equal_files_are_left_alone(blobs, manifest, tmp_path):
    """What is there with the same content is not touched; only what is missing is written."""
    out = tmp_path / "out"
    download(blobs, manifest, out)
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    (out / "sub0/file0").unlink()
    (out / "sub1/file5").unlink()
    done = download(blobs, manifest, out)
    assert (done.written, done.kept, done.bytes) == (2, 5, 3 << 20)
    kept = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    assert sum(times.get(p) == t for p, t in kept.items()) >= 5


def test_what_is_there_is_hashed_once(blobs, manifest, tmp_path, monkeypatch):
    """With a cache of hashes, files that are there and did not change are not read again."""
    monkeypatch.setattr("notabene.artifacts.hashes.SETTLED", -(10**9))
    out = tmp_path / "out"
    download(blobs, manifest, out)
    with HashCache(tmp_path / "hashes") as hashes:
        assert download(blobs, manifest, out, hashes=hashes).kept == 7

        def fail(*_args):
            raise AssertionError("a file was read")

        monkeypatch.setattr("notabene.artifacts.download.hash_open", fail)
        assert download(blobs, manifest, out, hashes=hashes).kept == 7


def test_other_files_are_not_overwritten(blobs, manifest, tmp_path):
    """Where another file is in the way nothing is written at all, unless that is asked for."""
    out = tmp_path / "out"
    (out / "sub1").mkdir(parents=True)
    (out / "sub1" / "file1").write_bytes(b"mine")
    (out / "stranger").write_bytes(b"stays")
    with pytest.raises(ConflictError, match=r"sub1/file1 would be overwritten"):
        download(blobs, manifest, out)
    assert tree(out) == {
        "sub1": None,
        "sub1/file1": (b"mine", False),
        "stranger": (b"stays", False),
    }
    download(blobs, manifest, out, overwrite=True)
    assert (out / "sub1/file1").read_bytes() == content(10, seed=1)
    assert (out / "stranger").read_bytes() == b"stays"


def test_folders_and_files_in_the_way_are_named(blobs, manifest, tmp_path):
    """A folder where a file belongs, or a file where a folder does, is refused by its name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        download(blobs, manifest, tmp_path / "file")
    (tmp_path / "one" / "run").mkdir(parents=True)
    with pytest.raises(ConflictError, match="folder"):
        download(blobs, manifest, tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "sub0").write_text("")
    with pytest.raises(ConflictError, match="sub0"):
        download(blobs, manifest, tmp_path / "two", overwrite=True)


def test_a_link_in_the_way_is_replaced_not_followed(blobs, manifest, tmp_path):
    """A symbolic link at a file's place is replaced by the file; what it led to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out" / "sub1").mkdir(parents=True)
    (tmp_path / "out" / "sub1" / "file1").symlink_to(victim)
    with pytest.raises(ConflictError):
        download(blobs, manifest, tmp_path / "out")
    download(blobs, manifest, tmp_path / "out", overwrite=True)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "out" / "sub1" / "file1").is_symlink()


def test_a_part_can_be_had(blobs, manifest, tmp_path):
    """A part of a manifest brings one folder or file, at its path."""
    download(blobs, manifest.below("sub1"), tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == ["sub1", "sub1/file1", "sub1/file3", "sub1/file5"]


@pytest.mark.parametrize("threads", [1, 4])
def test_damage_is_never_delivered(blobs, manifest, tmp_path, threads):
    """A damaged blob is named with its file, and nothing appears at that file's place."""
    [file] = manifest.below("sub1/file5").files
    path = blobs.path(file.digest)
    path.chmod(0o644)
    with open(path, "r+b") as changed:
        changed.write(b"!")
    for _ in range(2):
        with pytest.raises(IntegrityError, match=rf"{file.digest}.*sub1/file5"):
            download(blobs, manifest, tmp_path / "out", threads=threads)
        assert not (tmp_path / "out" / "sub1" / "file5").exists()


def test_what_the_store_lacks_is_named(blobs, tmp_path):
    """Content that the store does not have raises by its digest."""
    for size in (10, 3 * SMALL):
        lost = make_manifest([FileEntry("a", "0" * 64, size)])
        with pytest.raises(NotFoundError, match="0" * 64):
            download(blobs, lost, tmp_path / "out")
        assert not (tmp_path / "out" / "a").exists()


def test_a_broken_download_is_continued(blobs, manifest, tmp_path, monkeypatch):
    """What was written of a large file before a break is not asked of the store again."""
    monkeypatch.setattr("notabene.artifacts.download.clone", lambda *_fds: False)
    [file] = manifest.below("sub1/file5").files
    whole, out = manifest.below("sub1/file5"), tmp_path / "out"
    starts = []
    real = LocalBlobs.stream

    def stream(self, digest, start=0):
        starts.append(start)
        for n, chunk in enumerate(real(self, digest, start)):
            if len(starts) == 1 and n == 2:
                raise ConnectionResetError("the other side hung up")
            yield chunk

    monkeypatch.setattr(LocalBlobs, "stream", stream)
    with pytest.raises(OSError, match="hung up"):
        download(blobs, whole, out)
    assert not (out / "sub1/file5").exists()
    told = []
    download(blobs, whole, out, progress=lambda *step: told.append(step))
    assert (out / "sub1/file5").read_bytes() == content(3 << 20, seed=5)
    assert starts == [0, 2 << 20]
    assert told[-1] == (file.size, file.size)
    assert sorted(p.name for p in (out / "sub1").iterdir()) == ["file5"]


@pytest.mark.parametrize(
    "leftover", [b"wrong beginning", content(3 << 20, 5)[:-1] + b"?", b"x" * (4 << 20)]
)
def test_a_wrong_beginning_is_thrown_away(blobs, manifest, tmp_path, leftover, monkeypatch):
    """A part file with other bytes than the content's beginning only costs time."""
    monkeypatch.setattr("notabene.artifacts.download.clone", lambda *_fds: False)
    part = manifest.below("sub1/file5")
    (tmp_path / "out" / "sub1").mkdir(parents=True)
    from notabene.artifacts.download import _Download

    work = _Download(blobs, tmp_path / "out", link=False)
    path, fd = work._part(part.files[0], tmp_path / "out" / "sub1")
    os.write(fd, leftover)
    os.close(fd)
    assert path.stat().st_size == len(leftover)
    download(blobs, part, tmp_path / "out")
    assert (tmp_path / "out" / "sub1/file5").read_bytes() == content(3 << 20, seed=5)


def test_two_at_once_do_no_harm(blobs, manifest, tmp_path, script):
    """Two processes that download the same to the same place both succeed."""
    code = """
        import sys
        from notabene.artifacts.download import download
        from notabene.artifacts.local import LocalBlobs
        from notabene.artifacts.manifest import decode_manifest
        manifest = decode_manifest(open(sys.argv[2], "rb").read())
        with LocalBlobs(sys.argv[1]) as store:
            for n in range(20):
                download(store, manifest, f"{sys.argv[3]}/{n}")
        """
    blobs.flush()
    (tmp_path / "manifest").write_bytes(manifest.encode())
    both = [
        script.start(code, blobs.root, tmp_path / "manifest", tmp_path / "out") for _ in range(2)
    ]
    assert [(p.communicate(timeout=60)[1], p.returncode) for p in both] == [("", 0)] * 2
    names = {str(p.relative_to(tmp_path / "out" / "7")) for p in (tmp_path / "out/7").rglob("*")}
    assert names == {"empty", "run", "sub0", "sub1", *(f"sub{n % 2}/file{n}" for n in range(6))}


@pytest.mark.faults
def test_a_full_disk_leaves_no_half_file(blobs, manifest, tmp_path, script, small_disk):
    """On a full disk the download says so, and no file is there in part."""
    blobs.flush()
    (tmp_path / "manifest").write_bytes(manifest.encode())
    script.run(
        """
        import sys
        from pathlib import Path
        from notabene.artifacts.download import download
        from notabene.artifacts.local import LocalBlobs
        from notabene.artifacts.manifest import decode_manifest
        from notabene.errors import TransportError
        from notabene.model.canonical import digest_file
        manifest = decode_manifest(open(sys.argv[2], "rb").read())
        disk = Path(sys.argv[3])
        with LocalBlobs(sys.argv[1]) as store:
            try:
                download(store, manifest, disk / "out")
                raise SystemExit("it fitted")
            except TransportError as error:
                assert "no space left" in str(error), error
        for file in manifest.files:
            path = disk / "out" / file.path
            assert not path.exists() or digest_file(path) == file.digest, path
        """,
        blobs.root,
        tmp_path / "manifest",
        tmp_path / "disk",
        prefix=small_disk("size=2m"),
    )
