"""Blobs in a folder: the contract, and what only files can do."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from notabene._ids import now_us
from notabene.artifacts import local
from notabene.artifacts.base import SMALL, open_blob
from notabene.artifacts.local import LocalBlobs
from notabene.errors import (
    AccessError,
    ConflictError,
    IntegrityError,
    NotFoundError,
    TransportError,
    UsageError,
)
from notabene.model.canonical import digest_bytes
from notabene.testing.blobs import BlobSuite, content

LARGE = 3 * SMALL


class TestLocalBlobs(BlobSuite):
    """The shipped contract, over a folder; the fixture is that of this folder's conftest."""

    @pytest.fixture
    def blobs(self, tmp_path):
        """A store in a folder that does not exist yet."""
        with LocalBlobs(tmp_path / "blobs") as store:
            yield store


def files_of(root: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(p for p in root.rglob("*") if p.is_file())


def place(blobs: LocalBlobs, digest: str) -> Path:
    """Where a large blob lies."""
    return blobs.root / digest[:2] / digest[2:]


def spoil(path: Path, offset: int) -> None:
    """Flip one bit of a file, as a failing disk does."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))
    path.chmod(mode)


# -- layout ---------------------------------------------------------------------------------------


def test_large_blobs_are_read_only_files(blobs):
    """A large blob is one file named by its digest, which nobody may write to."""
    digest = blobs.put(content(LARGE))
    path = place(blobs, digest)
    assert path.read_bytes() == content(LARGE)
    assert not stat.S_IMODE(path.stat().st_mode) & 0o222
    assert blobs.path(digest) == path
    assert blobs.is_file(digest)


def test_thousands_of_small_blobs_cost_few_files(blobs):
    """Three thousand images of 10 KB lie in one pack, which also has an index in the end."""
    digests = [blobs.put(content(10_000, seed=n)) for n in range(3000)]
    blobs.close()
    assert sorted(p.suffix for p in files_of(blobs.root)) == [".idx", ".pack"]
    again = LocalBlobs(blobs.root)
    assert again.touch(digests) == set()
    assert again.read(digests[1234]) == content(10_000, seed=1234)
    assert again.path(digests[0]) is None


def test_runs_one_after_another_share_a_pack(blobs):
    """Each process goes on with the pack that the last one left, so runs add no files."""
    for n in range(5):
        with LocalBlobs(blobs.root) as store:
            store.put(content(100, seed=n))
    assert len(files_of(blobs.root)) == 1
    assert len(list(blobs.list())) == 5


def test_two_at_once_have_a_pack_each(blobs):
    """Two writers at once never append to one file, and each finds what the other stored."""
    with LocalBlobs(blobs.root) as other:
        one, two = blobs.put(b"one"), other.put(b"two")
        assert len(files_of(blobs.root)) == 2
        assert blobs.read(two) == b"two"
        assert other.read(one) == b"one"


def test_a_full_pack_is_left(blobs, monkeypatch):
    """A pack beyond its size or number of records gets an index, and the next one is begun."""
    monkeypatch.setattr("notabene.artifacts.packs.MAX_RECORDS", 10)
    digests = [blobs.put(content(50, seed=n)) for n in range(35)]
    blobs.close()
    assert len(list((blobs.root / "packs").glob("*.pack"))) == 4
    assert len(list((blobs.root / "packs").glob("*.idx"))) >= 3
    again = LocalBlobs(blobs.root)
    assert [again.read(d) for d in digests] == [content(50, seed=n) for n in range(35)]


def test_nothing_is_made_by_looking(tmp_path):
    """A store that is only read makes no folder, and an empty one lists nothing."""
    store = LocalBlobs(tmp_path / "none")
    assert not store.has("0" * 64)
    assert list(store.list()) == []
    store.close()
    assert not (tmp_path / "none").exists()


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 10, LARGE])
def test_a_file_is_kept_and_told_of(blobs, tmp_path, size):
    """``put_file`` keeps a file, leaves it alone and reports all of its bytes."""
    source = tmp_path / "file"
    source.write_bytes(content(size))
    steps = []
    info = blobs.put_file(source, progress=steps.append)
    assert (info.digest, info.size, sum(steps)) == (digest_bytes(content(size)), size, size)
    source.write_bytes(b"something else")
    assert blobs.read(info.digest) == content(size)


def test_a_file_given_up_is_moved(blobs, tmp_path):
    """With ``move`` a file becomes the blob itself, without a copy, and is gone from its place."""
    for size in (LARGE, 10):
        source = tmp_path / "file"
        source.write_bytes(content(size))
        number = source.stat().st_ino
        digest = blobs.put_file(source, move=True).digest
        assert not source.exists()
        assert blobs.read(digest) == content(size)
        assert size == 10 or place(blobs, digest).stat().st_ino == number


def test_a_file_with_another_name_is_copied_even_when_given_up(blobs, tmp_path):
    """A file that has a second hard link is copied: who has the other name could write to it."""
    source, other = tmp_path / "file", tmp_path / "other"
    source.write_bytes(content(LARGE))
    os.link(source, other)
    digest = blobs.put_file(source, move=True).digest
    other.write_bytes(b"changed in place")
    assert blobs.read(digest) == content(LARGE)


def test_holes_stay_holes(blobs, tmp_path):
    """A sparse file of 64 MiB takes little room, and comes back equal."""
    source = tmp_path / "sparse"
    with open(source, "wb") as file:
        file.seek(32 << 20)
        file.write(content(1000))
        file.truncate(64 << 20)
    if source.stat().st_blocks * 512 > 8 << 20:
        pytest.skip("this file system has no sparse files")
    digest = blobs.put_file(source).digest
    assert place(blobs, digest).stat().st_blocks * 512 < 8 << 20
    assert place(blobs, digest).stat().st_size == 64 << 20
    assert digest_bytes(source.read_bytes()) == digest


def growing(source: Path, times: int):
    """A listener to progress that lets the file grow so many times while it is read."""
    left = [times]
    steps = []

    def step(count):
        steps.append(count)
        if left[0] > 0:
            left[0] -= 1
            with open(source, "ab") as file:
                file.write(b"more")

    step.steps = steps
    return step


def test_a_file_that_changes_once_is_read_again(blobs, tmp_path):
    """A file that grows while it is read is read once more, and the progress stays right."""
    source = tmp_path / "file"
    source.write_bytes(content(LARGE))
    step = growing(source, 1)
    info = blobs.put_file(source, progress=step)
    assert blobs.read(info.digest) == content(LARGE) + b"more" == source.read_bytes()
    assert sum(step.steps) == info.size


def test_a_file_that_keeps_changing_is_refused(blobs, tmp_path):
    """A file that changes each time is refused in one sentence, and nothing of it is kept."""
    source = tmp_path / "log"
    source.write_bytes(content(LARGE))
    with pytest.raises(ConflictError, match="changed while it was read, 3 times"):
        blobs.put_file(source, progress=growing(source, 1000))
    assert list(blobs.list()) == []
    assert files_of(blobs.root) == []


def test_what_is_no_file_is_refused(blobs, tmp_path):
    """A folder, a pipe and a device are refused without waiting for them; a gone file is named."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UsageError, match="no regular file"):
            blobs.put_file(path)
    with pytest.raises(NotFoundError, match="gone"):
        blobs.put_file(tmp_path / "gone")


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, LARGE // 2, LARGE - 1])
def test_a_flipped_bit_is_never_read(blobs, offset):
    """A bit flipped in a large blob fails every way of reading, by its name; others are fine."""
    digest, other = blobs.put(content(LARGE)), blobs.put(content(LARGE, seed=1))
    spoil(place(blobs, digest), offset)
    with pytest.raises(IntegrityError, match=digest), open_blob(blobs, digest) as file:
        file.read()
    with pytest.raises(IntegrityError, match=digest):
        blobs.read(digest)
    with pytest.raises(IntegrityError, match=digest):  # set aside, and still told of
        blobs.read(digest)
    assert blobs.read(other) == content(LARGE, seed=1)


def test_logging_again_heals(blobs, tmp_path):
    """Content that proved damaged is stored anew when it is put again, large or small."""
    large, small = content(LARGE), content(500)
    digests = [blobs.put(large), blobs.put(small)]
    spoil(place(blobs, digests[0]), 5)
    blobs.close()
    [pack] = (blobs.root / "packs").glob("*.pack")
    spoil(pack, pack.stat().st_size - 5)
    for digest in digests:
        with pytest.raises(IntegrityError, match=digest):
            blobs.read(digest)
    for data, digest in zip((large, small), digests, strict=True):
        assert blobs.put(data) == digest
        assert blobs.read(digest) == data
    assert not list(blobs.root.rglob("*.damaged"))


def test_a_good_copy_stands_in_for_a_bad_one(blobs):
    """Where two processes stored the same small content, one damaged copy does no harm."""
    with LocalBlobs(blobs.root) as other:
        other.has("0" * 64)  # both have looked at the store before anything is there
        digest = blobs.put(content(500))
        assert other.put(content(500)) == digest
    blobs.close()
    for pack in (blobs.root / "packs").glob("*.pack"):
        saved = pack.read_bytes()
        spoil(pack, len(saved) - 5)
        assert LocalBlobs(blobs.root).read(digest) == content(500)
        pack.write_bytes(saved)


# -- crashes --------------------------------------------------------------------------------------


def test_a_kill_in_the_middle_of_a_large_put_leaves_no_half_file(blobs, script):
    """SIGKILL while a large blob is written leaves nothing under its digest, and is swept up."""
    process = script.start(
        """
        import sys, time
        from notabene.artifacts.local import LocalBlobs
        from notabene.testing.blobs import content
        def chunks():
            yield content(1 << 20)
            print("half", flush=True)
            time.sleep(60)
        LocalBlobs(sys.argv[1]).put_chunks(chunks())
        """,
        blobs.root,
    )
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate()
    assert [p.parent.name for p in files_of(blobs.root)] == ["tmp"]
    assert list(blobs.list()) == []
    blobs.put(content(LARGE))
    assert [p.parent.name for p in files_of(blobs.root)] == [digest_bytes(content(LARGE))[:2]]


@pytest.mark.faults
def test_kills_at_any_moment_lose_nothing_that_was_put(blobs, script):
    """Killed at 6 random moments, a writer of small and large blobs loses none it had put."""
    digests = []
    for round_ in range(6):
        process = script.start(
            """
            import sys
            from notabene.artifacts.local import LocalBlobs
            from notabene.testing.blobs import content
            store = LocalBlobs(sys.argv[1])
            for n in range(10**6):
                size = 400_000 if n % 20 == 19 else 20 + 997 * (n % 100)
                print(store.put(content(size, seed=int(sys.argv[2]) * 10**6 + n)), flush=True)
            """,
            blobs.root,
            round_,
        )
        lines = [process.stdout.readline() for _ in range(10 + 37 * round_)]
        process.send_signal(signal.SIGKILL)
        lines += process.communicate()[0].splitlines()
        digests += [line.strip() for line in lines if len(line.strip()) == 64]
    assert len(digests) > 6 * 10
    for store in (blobs, LocalBlobs(blobs.root)):
        assert all(digest_bytes(store.read(d)) == d for d in digests)
        assert {info.digest for info in store.list()} >= set(digests)
    # Each process went on in the pack of the one that was killed.
    assert len(list((blobs.root / "packs").glob("*.pack"))) == 1


@pytest.mark.faults
@pytest.mark.parametrize("size", [10_000, 400_000])
def test_a_full_disk_costs_what_does_not_fit(script, small_disk, tmp_path, size):
    """On a full disk a put raises one sentence and leaves no half blob; freed space is used."""
    out = script.run(
        """
        import os, sys
        from pathlib import Path
        from notabene.artifacts.local import LocalBlobs
        from notabene.errors import TransportError
        from notabene.testing.blobs import content
        disk, size = Path(sys.argv[1]), int(sys.argv[2])
        (disk / "ballast").write_bytes(bytes(500_000))
        store, put, n, failed = LocalBlobs(disk / "blobs"), [], 0, 0
        while failed < 3:
            try:
                put.append(store.put(content(size, n)))
            except TransportError as error:
                assert "no space left" in str(error), error
                failed += 1
            n += 1
        (disk / "ballast").unlink()
        put.append(store.put(content(size, n)))
        store.close()
        again = LocalBlobs(disk / "blobs")
        assert {i.digest for i in again.list()} == set(put)
        assert [len(again.read(d)) for d in put] == [size] * len(put)
        assert not list((disk / "blobs" / "tmp").glob("*")) if size > 10_000 else True
        print(len(put))
        """,
        tmp_path / "disk",
        size,
        prefix=small_disk("size=2m"),
    )
    assert int(out) >= 3


@pytest.mark.faults
def test_a_disk_that_cannot_be_written_is_named(script, small_disk, tmp_path):
    """On a read-only disk reading works, and putting says that it cannot be written."""
    script.run(
        """
        import subprocess, sys
        from pathlib import Path
        from notabene.artifacts.local import LocalBlobs
        from notabene.errors import AccessError
        from notabene.testing.blobs import content
        disk = Path(sys.argv[1])
        with LocalBlobs(disk / "blobs") as store:
            digests = [store.put(content(size)) for size in (100, 400_000)]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        store = LocalBlobs(disk / "blobs")
        assert [len(store.read(d)) for d in digests] == [100, 400_000]
        for size in (101, 400_001):
            try:
                store.put(content(size))
                raise SystemExit("it was put")
            except AccessError as error:
                assert "read-only" in str(error), error
        """,
        tmp_path / "disk",
        prefix=small_disk("size=4m"),
    )


def test_a_failed_sync_is_told_and_not_trusted(blobs, monkeypatch):
    """After a failed sync the put content is not taken for stored: putting it stores it again."""
    digest = blobs.put(b"not yet safe")

    def fail(_fd):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("notabene.artifacts.packs.sync_file", fail)
    with pytest.raises(TransportError, match="input/output error"):
        blobs.flush()
    monkeypatch.undo()
    before = sum(p.stat().st_size for p in files_of(blobs.root))
    assert blobs.put(b"not yet safe") == digest
    blobs.flush()
    assert sum(p.stat().st_size for p in files_of(blobs.root)) > before
    assert blobs.read(digest) == b"not yet safe"


# -- several processes ----------------------------------------------------------------------------


def test_two_processes_put_the_same_at_once(blobs, script):
    """Processes that put the same contents at once all succeed, and every blob is whole."""
    code = """
        import sys
        from notabene.artifacts.local import LocalBlobs
        from notabene.testing.blobs import content
        with LocalBlobs(sys.argv[1]) as store:
            for n in range(40):
                store.put(content(300_000 if n % 4 == 0 else 3000, seed=n))
        """
    writers = [script.start(code, blobs.root) for _ in range(4)]
    assert [w.communicate(timeout=60)[1] for w in writers] == [""] * 4
    assert [w.returncode for w in writers] == [0] * 4
    found = {info.digest: info.size for info in blobs.list()}
    assert len(found) == 40
    assert all(len(blobs.read(d)) == size for d, size in found.items())
    assert not list((blobs.root / "tmp").iterdir())


def test_a_forked_child_goes_on(blobs):
    """A forked child puts and reads through the store it inherited, in a pack of its own."""
    before = blobs.put(b"before the fork")

    def child():
        ok = blobs.read(before) == b"before the fork" and bool(blobs.put(b"from the child"))
        blobs.close()
        os._exit(0 if ok else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    after = blobs.put(b"after the fork")
    process.join(30)
    assert process.exitcode == 0
    assert blobs.read(digest_bytes(b"from the child")) == b"from the child"
    assert blobs.read(after) == b"after the fork"
    assert len(list((blobs.root / "packs").glob("*.pack"))) == 2


def test_other_peoples_files_are_touched_by_a_note(blobs, monkeypatch):
    """Where a blob's file is somebody else's, touching it is noted in a pack of one's own."""
    digest = blobs.put(content(LARGE))
    old = now_us() - 40 * 86_400_000_000
    os.utime(place(blobs, digest), ns=(old * 1000, old * 1000))

    def refuse(path, *args, **kwargs):
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(local.os, "utime", refuse)
    assert blobs.touch([digest]) == set()
    monkeypatch.undo()
    [info] = blobs.list()
    assert now_us() - info.touched < 60_000_000


def test_errors_are_one_sentence(tmp_path):
    """A store whose place is a file says so in one sentence, by a class of ours."""
    (tmp_path / "file").write_text("not a folder")
    store = LocalBlobs(tmp_path / "file")
    for size in (10, LARGE):
        with pytest.raises((UsageError, AccessError, ConflictError), match="file"):
            store.put(content(size))


@pytest.mark.faults
def test_clones_share_their_bytes(script, tmp_path):
    """Where the file system can clone, a large file costs no second copy, and stays its own."""
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    mkfs = shutil.which("mkfs.xfs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if mkfs is None or subprocess.run([mkfs, "-q", str(image)], check=False).returncode:
        pytest.skip("no file system that can clone can be made here")
    mount = f'mount -o loop {image} {disk} && "$@"; r=$?; umount {disk}; exit $r'
    probe = subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", "true"], capture_output=True)
    if probe.returncode:
        pytest.skip("this system does not let us mount a file system that can clone")
    script.run(
        """
        import os, sys
        from pathlib import Path
        from notabene.artifacts.download import download
        from notabene.artifacts.local import LocalBlobs
        from notabene.artifacts.scan import scan
        from notabene.artifacts.transfer import add
        disk = Path(sys.argv[1])
        source, block = disk / "model.bin", os.urandom(1 << 20)
        with open(source, "wb") as file:
            for n in range(64):
                file.write(n.to_bytes(4, "little") + block[4:])
        os.sync()
        def free():
            os.sync()
            return os.statvfs(disk).f_bfree * os.statvfs(disk).f_frsize
        before = free()
        with LocalBlobs(disk / "blobs") as store:
            added = add(store, scan(source))
            download(store, added.manifest, disk / "out")
            assert before - free() < 8 << 20, before - free()
            with open(source, "r+b") as file:
                file.write(b"changed in place")
            with open(disk / "out/model.bin", "r+b") as file:
                file.write(b"changed there too")
            [file] = added.manifest.files
            assert store.read(file.digest)[4:100] == block[4:100]
        """,
        disk,
        prefix=("unshare", "-m", "sh", "-c", mount, "sh"),
    )
