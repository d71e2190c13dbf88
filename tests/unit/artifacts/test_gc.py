"""Garbage collection: never what is needed, never too early, always to be undone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notabene.artifacts import gc
from notabene.artifacts.base import SMALL
from notabene.artifacts.cells import Stamp
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import FileEntry, make_manifest, save_manifest
from notabene.artifacts.pack import OVERHEAD, START, read_header, record_header, scan
from notabene.artifacts.packs import Packs
from notabene.artifacts.versions import Versions
from notabene.errors import ConflictError, FormatError, NotFoundError
from notabene.model.canonical import digest_bytes
from notabene.testing.blobs import content

LARGE = SMALL * 2


@pytest.fixture
def versions(tmp_path) -> Versions:
    """No versions yet."""
    return Versions(tmp_path / "artifacts")


def log(blobs: LocalBlobs, versions: Versions, name: str, *contents: bytes):
    """Log an artifact with files of these contents."""
    files = [FileEntry(f"f{n}", blobs.put(c), len(c)) for n, c in enumerate(contents)]
    manifest = make_manifest(files)
    digest = save_manifest(blobs, manifest)
    return versions.allocate(
        name, type="file", digest=digest, size=manifest.size, files=len(files)
    ).version


def age(blobs: LocalBlobs, days: float) -> None:
    """Make everything look as if it had been touched so many days earlier."""
    blobs.close()
    for path in blobs.root.rglob("*"):
        if path.is_file() and len(path.name) == 62:
            then = path.stat().st_mtime - days * 86400
            os.utime(path, (then, then))
    for path in (blobs.root / "packs").glob("*.pack"):
        path.with_suffix(".idx").unlink(missing_ok=True)
        backdate(path, round(days * gc.DAY))
    blobs.packs = Packs(blobs.root / "packs")
    blobs.trash.packs = blobs.packs


def backdate(path: Path, by: int) -> None:
    """Rewrite the times of a pack's records."""
    fd = os.open(path, os.O_RDWR)
    file_id = read_header(fd)
    for record in list(scan(fd, file_id, START, path.stat().st_size)):
        length, time = record.place.length, record.place.time - by
        head = record_header(file_id, record.kind, record.digest, length, time)
        os.pwrite(fd, head, record.end - length - OVERHEAD)
    os.close(fd)


def contents(blobs: LocalBlobs) -> dict[str, bytes]:
    """All that is in a store."""
    store = LocalBlobs(blobs.root)
    return {info.digest: store.read(info.digest) for info in store.list()}


def test_only_what_nothing_needs_goes(blobs, versions):
    """Content of versions, and digests that the caller names, stay; all else goes."""
    kept = [content(size, seed=n) for n, size in enumerate((10, LARGE))]
    log(blobs, versions, "model", *kept)
    named = [blobs.put(content(size, seed=7)) for size in (20, LARGE)]
    lost = [blobs.put(content(size, seed=8)) for size in (60_000, LARGE)]
    age(blobs, 40)
    plan = gc.plan(blobs, versions, named)
    assert plan.goes == gc.Amount(2, 60_000 + LARGE)
    assert plan.referenced.blobs == 5  # two files, their manifest, and two that were named
    assert plan.loose == (lost[1],)
    assert list(plan.packs.values()) == [(lost[0],)]
    assert all(blobs.has(d) for d in (*named, *lost))  # so far it is a plan
    tombstone = gc.apply(blobs, plan)
    assert tombstone.digests == set(lost)
    assert tombstone.bytes == 60_000 + LARGE
    assert not any(blobs.has(d) for d in lost)
    assert all(blobs.read(d) for d in named)
    assert set(contents(blobs)) == {
        *map(digest_bytes, kept),
        *named,
        versions.resolve("model").digest,
    }


def test_a_collection_can_be_undone(blobs, versions):
    """Undo brings back every byte that was there, and nothing else."""
    log(blobs, versions, "model", content(10), content(LARGE))
    for n in range(20):
        blobs.put(content(50_000 if n % 2 else LARGE, seed=n + 1))
    age(blobs, 40)
    before = contents(blobs)
    tombstone = gc.apply(blobs, gc.plan(blobs, versions, []))
    assert len(tombstone.digests) == 20
    assert len(contents(blobs)) == 3
    blobs.close()
    undone = gc.undo(LocalBlobs(blobs.root), tombstone.id)
    assert undone.restored
    assert contents(blobs) == before
    assert gc.plan(blobs, versions, []).goes.blobs == 20


def test_what_is_young_stays(blobs, versions):
    """Content touched within 30 days stays though nothing refers to it, unless that is asked."""
    for n in range(4):
        blobs.put(content(50_000 if n % 2 else LARGE, seed=n))
    age(blobs, 29)
    plan = gc.plan(blobs, versions, [])
    assert (plan.goes.blobs, plan.young.blobs) == (0, 4)
    assert gc.plan(blobs, versions, [], min_age_days=0).goes.blobs == 4
    assert gc.plan(blobs, versions, [], min_age_days=10).goes.blobs == 4


def test_putting_again_makes_young(blobs, versions):
    """What was stored long ago and put or touched again lately is as if it were new."""
    digests = [blobs.put(content(size, seed=size)) for size in (50_000, LARGE)]
    others = [blobs.put(content(size, seed=1)) for size in (60_000, LARGE + 1)]
    age(blobs, 40)
    blobs.put(content(50_000, seed=50_000))
    assert blobs.touch([digests[1]]) == set()
    blobs.close()
    assert gc.apply(blobs, gc.plan(blobs, versions, [])).digests == set(others)
    assert set(contents(blobs)) == set(digests)


@pytest.mark.parametrize("how", ["put", "touch"])
def test_what_is_touched_after_the_plan_stays(blobs, versions, how):
    """Content that is wanted again between plan and deed is spared."""
    sizes = (50_000, LARGE)
    digests = [blobs.put(content(size)) for size in sizes]
    age(blobs, 40)
    plan = gc.plan(blobs, versions, [])
    assert plan.goes.blobs == 2
    with LocalBlobs(blobs.root) as other:
        if how == "touch":
            other.touch(digests)
        else:
            for size in sizes:
                other.put(content(size))
    assert gc.apply(blobs, plan).digests == set()
    assert set(contents(blobs)) == set(digests)


def test_a_touch_noted_in_another_pack_spares(blobs, versions):
    """A small blob of another machine's pack is spared when this one wants it after the plan."""
    digests = [blobs.put(content(1000, seed=n)) for n in range(3)]
    age(blobs, 40)
    [pack] = (blobs.root / "packs").glob("*.pack")
    pack = pack.rename(pack.with_name("elsewhere-1.pack"))
    os.utime(pack, (1, 1))
    plan = gc.plan(blobs, versions, [])
    assert plan.goes.blobs == 3
    with LocalBlobs(blobs.root) as other:
        assert other.touch(digests[:1]) == set()
    assert gc.apply(blobs, plan).digests == set(digests[1:])
    assert contents(blobs) == {digests[0]: content(1000, seed=0)}


def test_what_a_running_process_holds_too_stays(blobs):
    """Content that also lies in a pack in use did not go, and is not told as gone."""
    with LocalBlobs(blobs.root) as other:
        other.has("0" * 64)  # both look before anything is there
        digest, lone = blobs.put(content(1000)), blobs.put(content(1001))
        assert other.put(content(1000)) == digest
        assert blobs.delete([digest, lone]) == 1
        assert blobs.has(digest)
        assert not blobs.has(lone)


def test_a_pack_that_is_mostly_needed_is_left(blobs, versions):
    """Dead content in a pack that is mostly alive stays, and is told of; later it goes."""
    needed = [blobs.put(content(10_000, seed=n)) for n in range(9)]
    blobs.put(content(10_000, seed=99))
    age(blobs, 40)
    plan = gc.plan(blobs, versions, needed)
    assert (plan.goes, plan.packed) == (gc.Amount(), gc.Amount(1, 10_000))
    assert gc.plan(blobs, versions, needed[:3]).goes == gc.Amount(7, 70_000)


def test_a_pack_in_use_is_left(blobs, versions, clock):
    """A pack that a running process appends to is not rewritten under its hands."""
    digest = blobs.put(content(1000))
    clock(40)
    with LocalBlobs(blobs.root) as other:
        plan = gc.plan(other, versions, [])
        assert plan.goes.blobs == 1
        assert gc.apply(other, plan).digests == set()
    assert blobs.put(content(1001))
    assert blobs.read(digest) == content(1000)


def test_versions_in_the_trash_keep_their_content(blobs, versions, clock):
    """A deleted version's content stays until the version is purged, so it can be restored."""
    log(blobs, versions, "model", content(LARGE))
    log(blobs, versions, "model", content(LARGE, seed=1))
    versions.delete("model", 1, Stamp(gc.now_us()))
    age(blobs, 50)
    clock(29)
    gc.purge(blobs, versions, [])
    assert gc.plan(blobs, versions, []).goes.blobs == 0
    clock(31)
    gc.purge(blobs, versions, [])
    plan = gc.plan(blobs, versions, [])
    assert plan.goes.blobs >= 1
    gc.apply(blobs, plan)
    assert not blobs.has(digest_bytes(content(LARGE)))
    assert blobs.has(digest_bytes(content(LARGE, seed=1)))


def test_purging_frees_the_room_and_leaves_a_tombstone(blobs, versions, clock):
    """After 30 days in the trash bytes are removed; what was removed is still told."""
    digests = [blobs.put(content(size)) for size in (50_000, LARGE)]
    age(blobs, 40)
    tombstone = gc.apply(blobs, gc.plan(blobs, versions, []))
    assert gc.purge(blobs, versions, []) == ()
    assert blobs.read(digests[1]) == content(LARGE)  # reads still find it
    assert blobs.read(digests[0]) == content(50_000)
    clock(31)
    [purged] = gc.purge(blobs, versions, [])
    assert purged.digests == set(digests)
    for digest in digests:
        with pytest.raises(NotFoundError):
            LocalBlobs(blobs.root).read(digest)
    assert sum(p.stat().st_size for p in blobs.root.rglob("*") if p.is_file()) < 5000
    assert [t.id for t in blobs.trash.tombstones()] == [tombstone.id]
    with pytest.raises(ConflictError, match="for good"):
        gc.undo(blobs, tombstone.id)
    assert gc.purge(blobs, versions, []) == ()


def test_purging_spares_what_is_needed_again(blobs, versions, clock):
    """What something refers to by the time of the purge is restored instead of removed."""
    small, large = blobs.put(content(50_000)), blobs.put(content(LARGE))
    gone = blobs.put(content(LARGE, seed=3))
    age(blobs, 40)
    gc.apply(blobs, gc.plan(blobs, versions, []))
    clock(31)
    gc.purge(blobs, versions, [small, large])
    assert blobs.has(small)
    assert blobs.has(large)
    assert not blobs.has(gone)
    assert contents(blobs) == {small: content(50_000), large: content(LARGE)}


def test_putting_what_lies_in_the_trash(blobs, versions, clock):
    """Content in the trash is not there: it is stored anew, and outlives the purge."""
    digests = [blobs.put(content(size)) for size in (50_000, LARGE)]
    age(blobs, 40)
    gc.apply(blobs, gc.plan(blobs, versions, []))
    assert not any(blobs.has(d) for d in digests)
    for size in (50_000, LARGE):
        blobs.put(content(size))
    clock(31)
    gc.purge(blobs, versions, [])
    assert set(contents(blobs)) == set(digests)


def test_touching_brings_back_from_the_trash(blobs, versions):
    """Touching content in the trash brings it back, as logging it again would."""
    digests = [blobs.put(content(size)) for size in (50_000, LARGE)]
    age(blobs, 40)
    gc.apply(blobs, gc.plan(blobs, versions, []))
    assert blobs.touch(digests) == set()
    assert all(blobs.has(d) for d in digests)


def test_damaged_versions_stop_the_collection(blobs, versions, tmp_path):
    """Where it cannot be told what a version needs, nothing is collected."""
    made = log(blobs, versions, "model", content(10))
    (tmp_path / "artifacts" / "model" / "v1").write_bytes(b"{")
    with pytest.raises(FormatError, match="v1"):
        gc.plan(blobs, Versions(tmp_path / "artifacts"), [])
    (tmp_path / "artifacts" / "model" / "v1").unlink()
    broken = blobs.put(b"no manifest")
    versions.allocate("other", type="t", digest=broken, size=0, files=0)
    with pytest.raises(FormatError, match="manifest of other:v1"):
        gc.plan(blobs, Versions(tmp_path / "artifacts"), [])
    assert made


def test_content_that_is_not_here_yet_is_told(blobs, versions):
    """A version whose content is still on its way is named in the plan, and stops nothing."""
    away = "1" * 64
    versions.allocate("far", type="t", digest=away, size=0, files=0)
    lacks = save_manifest(blobs, make_manifest([FileEntry("f", "2" * 64, 3)]))
    versions.allocate("near", type="t", digest=lacks, size=3, files=1)
    assert gc.plan(blobs, versions, []).missing == ("1" * 64, "2" * 64)


def test_manifests_that_records_name_count(blobs, versions):
    """What the manifests list that the caller names is needed as well."""
    inner = blobs.put(content(LARGE))
    manifest = save_manifest(blobs, make_manifest([FileEntry("f", inner, LARGE)]))
    age(blobs, 40)
    assert gc.plan(blobs, versions, [], manifests=[manifest]).goes.blobs == 0
    assert gc.plan(blobs, versions, [manifest]).goes.blobs == 1


def test_many_small_packs_become_one(blobs, versions, monkeypatch):
    """Packs that nobody fills any more, of other machines or before a restart, are merged."""
    monkeypatch.setattr(gc, "MANY_PACKS", 3)
    digests = []
    for n in range(6):
        monkeypatch.setattr("notabene.artifacts.packs.machine", lambda n=n: f"host{n}")
        with LocalBlobs(blobs.root) as store:
            digests.append(store.put(content(100, seed=n)))
    monkeypatch.undo()
    packs = list((blobs.root / "packs").glob("*.pack"))
    assert len(packs) == 6
    for pack in packs:
        os.utime(pack, (1, 1))
    monkeypatch.setattr(gc, "MANY_PACKS", 3)
    tombstone = gc.apply(blobs, gc.plan(blobs, versions, digests))
    assert tombstone.digests == set()
    assert len(list((blobs.root / "packs").glob("*.pack"))) == 1
    assert set(contents(blobs)) == set(digests)


def test_one_collects_at_a_time(blobs, versions):
    """While one process collects, another is told so."""
    blobs.put(content(LARGE))
    age(blobs, 40)
    plan = gc.plan(blobs, versions, [])
    with blobs.trash._alone(), pytest.raises(ConflictError, match="cleaning up"):
        gc.apply(LocalBlobs(blobs.root), plan)
    with pytest.raises(NotFoundError, match="no collection"):
        gc.undo(blobs, "nothing")


@pytest.mark.faults
def test_a_kill_during_a_collection_can_be_undone(blobs, versions, script):
    """Killed half-way, a collection has lost nothing: undo by its tombstone brings all back."""
    for n in range(30):
        blobs.put(content(50_000 if n % 3 == 0 else LARGE, seed=n))
    blobs.close()
    before = contents(blobs)
    process = script.start(
        """
        import os, signal, sys
        from pathlib import Path
        from notabene.artifacts import gc, trash
        from notabene.artifacts.local import LocalBlobs
        from notabene.artifacts.versions import Versions
        moves, real = [0], trash._move
        def move(source, target):
            moves[0] += 1
            if moves[0] == 12:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(source, target)
        trash._move = move
        blobs = LocalBlobs(sys.argv[1])
        gc.apply(blobs, gc.plan(blobs, Versions(Path(sys.argv[2])), [], min_age_days=0))
        """,
        blobs.root,
        versions.folder,
    )
    process.wait(60)
    process.communicate()
    assert process.returncode == -9
    assert len(contents(blobs)) == 19
    [tombstone] = blobs.trash.tombstones()
    gc.undo(blobs, tombstone.id)
    assert contents(blobs) == before


@pytest.mark.faults
def test_collecting_while_others_log_removes_nothing_needed(blobs, versions, script, tmp_path):
    """Eight collections, sparing nothing for its age, beside two loggers lose no version's file."""
    code = """
        import sys
        from pathlib import Path
        from notabene.artifacts.local import LocalBlobs
        from notabene.artifacts.manifest import FileEntry, make_manifest, save_manifest
        from notabene.artifacts.versions import Versions
        from notabene.testing.blobs import content
        root, me = Path(sys.argv[1]), int(sys.argv[2])
        versions = Versions(root / "artifacts")
        for n in range(60):
            with LocalBlobs(root / "blobs") as blobs:
                sizes = (3000, 200_000 if n % 3 == 0 else 4000)
                # Half of the contents are those of the other process, or were logged before.
                files = [
                    FileEntry(str(size), blobs.put(content(size, seed=n % 7 + me * (n % 2))), size)
                    for size in sizes
                ]
                digest = save_manifest(blobs, make_manifest(files))
                versions.allocate(f"m{me}", type="t", digest=digest, size=1, files=2)
        """
    loggers = [script.start(code, tmp_path, me) for me in (1, 2)]
    store = LocalBlobs(tmp_path / "blobs")
    rounds = 0
    while rounds < 8 or any(p.poll() is None for p in loggers):
        gc.apply(store, gc.plan(store, Versions(tmp_path / "artifacts"), [], min_age_days=1e-6))
        rounds += 1
    assert [(p.communicate()[1], p.returncode) for p in loggers] == [("", 0)] * 2
    needed = gc.mark(store, versions)
    for digest in needed:
        assert digest_bytes(store.read(digest)) == digest
    # What was marked while it went into the trash comes back before anything is removed.
    gc.purge(store, versions, [], days=-1)
    fresh = LocalBlobs(tmp_path / "blobs")
    assert all(digest_bytes(fresh.read(d)) == d for d in needed)
