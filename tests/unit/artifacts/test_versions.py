"""Named versions."""

from __future__ import annotations

import random

import pytest

from notabene._ids import now_us
from notabene.artifacts.cells import Stamp
from notabene.artifacts.versions import KNOWN, Versions
from notabene.errors import ConflictError, FormatError, NotFoundError, RefError, UsageError
from notabene.model.canonical import digest_bytes


@pytest.fixture
def versions(tmp_path) -> Versions:
    """No versions yet."""
    return Versions(tmp_path / "artifacts")


def digest(content: object) -> str:
    """A digest for content."""
    return digest_bytes(str(content).encode())


def log(versions: Versions, content: object, name: str = "model", **more):
    """Log some content."""
    return versions.allocate(name, type="model", digest=digest(content), size=1, files=1, **more)


def stamp(after: int = 0) -> Stamp:
    """A stamp of now, or so much later (µs)."""
    return Stamp(now_us() + after, "w", 1)


def test_numbers_rise_from_one(versions):
    """The first version is v1, and each new content has the next number."""
    assert [log(versions, n).version.version for n in range(3)] == [1, 2, 3]
    assert [v.version for v in versions.list("model")] == [3, 2, 1]
    assert versions.list("model")[0].ref == "model:v3"


def test_everything_about_a_version_is_kept(versions, tmp_path):
    """What is given comes back, also in another process."""
    made = versions.allocate(
        "Größe/Modell 1",
        type="dataset",
        digest=digest(1),
        size=7,
        files=2,
        run="r1",
        writer="w1",
        metadata={"rows": 3, "nested": {"a": [1, None]}},
        description="words",
    ).version
    assert (made.type, made.size, made.files, made.run) == ("dataset", 7, 2, "r1")
    assert (made.metadata, made.description) == ({"rows": 3, "nested": {"a": [1, None]}}, "words")
    assert made.aliases == ("latest",)
    again = Versions(tmp_path / "artifacts")
    assert again.resolve("Größe/Modell 1") == made
    assert again.names() == ("Größe/Modell 1",)


def test_equal_content_is_no_new_version(versions):
    """Content that any live version has gives that version, whoever logs it."""
    first = log(versions, "a", run="r1")
    log(versions, "b")
    again = log(versions, "a", run="r2")
    assert (first.new, again.new) == (True, False)
    assert again.version.version == 1
    assert again.version.run == "r1"
    assert len(versions.list("model")) == 2


def test_latest_is_what_was_last_logged(versions):
    """``latest`` is the newest version, or an older one whose content was logged again since."""
    log(versions, "a")
    log(versions, "b")
    assert versions.resolve("model").version == 2
    assert log(versions, "a").version.aliases == ("latest",)
    assert versions.resolve("model:latest").version == 1
    assert versions.aliases("model") == {"latest": 1}
    log(versions, "b")
    assert versions.resolve("model").version == 2
    log(versions, "c")
    assert versions.resolve("model").version == 3
    assert [v.aliases for v in versions.list("model")] == [("latest",), (), ()]


def test_latest_is_the_last_logged_of_those_that_live(versions):
    """Where the version logged last is deleted, the one logged before it is ``latest``."""
    for content in "abcab":
        log(versions, content)
    assert versions.resolve("model").version == 2
    versions.delete("model", 2, stamp())
    assert versions.resolve("model").version == 1
    versions.delete("model", 1, stamp())
    assert versions.resolve("model").version == 3
    versions.restore("model", 2, stamp())
    assert versions.resolve("model").version == 2


def test_each_logging_has_a_later_time(versions, monkeypatch):
    """Times of logging rise per name though the clocks of the hosts do not: they decide."""
    clock = iter((5000, 3000, 1000, 2000, 2000))
    monkeypatch.setattr("notabene.artifacts.versions.now_us", lambda: next(clock))
    made = [log(versions, content) for content in "abacc"]
    assert [m.logged for m in made] == [5000, 5001, 5002, 5003, 5003]
    assert [m.version.version for m in made] == [1, 2, 1, 3, 3]


def test_names_are_apart(versions):
    """Names that differ at all are different artifacts, each with numbers of its own."""
    for name in ("model", "Model", "model.", "mod el", "a/b", "a-b", "../up", "modèle"):
        assert log(versions, "same", name).version.ref == f"{name}:v1"
    assert len(versions.names()) == 8


@pytest.mark.parametrize("name", ["", "a:b", "x" * 251, "new\nline", 7, None])
def test_bad_names_are_refused(versions, name):
    """What is no name is refused before anything is written."""
    with pytest.raises(RefError):
        log(versions, 1, name)
    assert not versions.folder.exists()


def test_bad_metadata_is_refused(versions):
    """Metadata that is no JSON, and a digest that is none, are refused in a sentence."""
    loop: dict = {}
    loop["self"] = loop
    for metadata in ({"a": object()}, {"a": {1, 2}, "b": object()}, loop):
        with pytest.raises(UsageError, match="no JSON"):
            log(versions, 1, metadata=metadata)
    with pytest.raises(UsageError, match="no digest"):
        versions.allocate("m", type="t", digest="xyz", size=0, files=0)
    assert versions.list("model") == ()


def test_what_is_not_there_is_explained(versions):
    """A wrong name, number or alias raises, and says what there is."""
    with pytest.raises(NotFoundError, match="no artifact named 'model'"):
        versions.resolve("model")
    log(versions, 1)
    with pytest.raises(NotFoundError, match="did you mean 'model'"):
        versions.resolve("MODEL:v1")
    with pytest.raises(NotFoundError, match=r"no 'v7'.*it has v1"):
        versions.resolve("model:v7")
    with pytest.raises(NotFoundError, match="no 'best'"):
        versions.resolve("model:best")
    assert versions.list("nothing") == ()
    assert versions.aliases("nothing") == {}


def test_aliases_move(versions):
    """An alias points at one version at a time, moves, and can be taken away."""
    log(versions, 1)
    log(versions, 2)
    versions.set_alias("model", "best", 1, stamp())
    versions.set_alias("model", "prod", 1, stamp())
    assert versions.resolve("model:best").aliases == ("best", "prod")
    versions.set_alias("model", "best", 2, stamp(1))
    assert versions.resolve("model:best").version == 2
    assert versions.aliases("model") == {"best": 2, "latest": 2, "prod": 1}
    versions.set_alias("model", "best", None, stamp(2))
    with pytest.raises(NotFoundError):
        versions.resolve("model:best")


def test_a_late_alias_does_not_win(versions):
    """A change that was made before the one that stands changes nothing, whenever it arrives."""
    log(versions, 1)
    log(versions, 2)
    versions.set_alias("model", "best", 2, Stamp(100, "b", 1))
    versions.set_alias("model", "best", 1, Stamp(100, "a", 9))
    assert versions.resolve("model:best").version == 2


def test_bad_aliases_are_refused(versions):
    """``latest`` is not set by hand; an alias is a word and points at what is there."""
    log(versions, 1)
    for alias in ("v3", "a:b", "", "a/b"):
        with pytest.raises(RefError):
            versions.set_alias("model", alias, 1, stamp())
    with pytest.raises(UsageError, match="latest"):
        versions.set_alias("model", "latest", 1, stamp())
    with pytest.raises(NotFoundError):
        versions.set_alias("model", "best", 2, stamp())


def test_a_deleted_version_can_come_back(versions):
    """Deleting hides a version and its aliases; restoring brings both back, equal."""
    log(versions, 1)
    log(versions, 2)
    versions.set_alias("model", "best", 2, stamp())
    before = versions.list("model")
    versions.delete("model", 2, stamp(1))
    assert [v.version for v in versions.list("model")] == [1]
    assert [v.deleted for v in versions.list("model", deleted=True)] == [True, False]
    assert versions.resolve("model").version == 1
    with pytest.raises(NotFoundError, match="in the trash"):
        versions.resolve("model:v2")
    with pytest.raises(NotFoundError):
        versions.resolve("model:best")
    versions.restore("model", 2, stamp(2))
    assert versions.list("model") == before
    with pytest.raises(NotFoundError):
        versions.delete("model", 9, stamp())


def test_a_deleted_number_is_never_used_again(versions):
    """The same content logged after a deletion is a new version with a new number."""
    log(versions, 1)
    versions.delete("model", 1, stamp())
    assert versions.list("model") == ()
    assert log(versions, 1).version.version == 2
    assert versions.resolve("model").version == 2


def test_what_is_purged_is_gone(versions):
    """After its time in the trash a version cannot be restored, and needs no content."""
    log(versions, 1)
    log(versions, 2)
    versions.delete("model", 1, stamp())
    assert [v.version for v in versions.kept()] == [1, 2]
    assert versions.purge(before=now_us() - 60_000_000) == ()
    assert [v.version for v in versions.purge(before=now_us() + 60_000_000)] == [1]
    assert [v.version for v in versions.kept()] == [2]
    assert versions.list("model", deleted=True) == versions.list("model")
    with pytest.raises(ConflictError, match="for good"):
        versions.restore("model", 1, stamp(10**9))
    with pytest.raises(NotFoundError, match="for good"):
        versions.resolve("model:v1")
    assert log(versions, 1).version.version == 3


def test_many_versions_open_few_files(versions, tmp_path, monkeypatch):
    """With 140 versions a new process opens a few files to find equal content, not 140."""
    for n in range(140):
        log(versions, n)
    assert (tmp_path / "artifacts" / "model" / KNOWN).exists()
    opened = []
    again = Versions(tmp_path / "artifacts")
    real = __import__("notabene.artifacts.versions", fromlist=["x"])._read_version
    monkeypatch.setattr(
        "notabene.artifacts.versions._read_version", lambda p, *a: opened.append(p) or real(p, *a)
    )
    assert not log(again, 5).new
    assert log(again, "new").version.version == 141
    assert len(opened) < 20


def test_a_damaged_summary_of_versions_is_only_slow(versions, tmp_path):
    """The file that saves opening each version is a cache: damaged, it changes no answer."""
    for n in range(130):
        log(versions, n)
    (tmp_path / "artifacts" / "model" / KNOWN).write_bytes(b"[{")
    again = Versions(tmp_path / "artifacts")
    assert again.list("model") == versions.list("model")
    assert len(again.list("model")) == 130


def test_a_damaged_version_is_named(versions, tmp_path):
    """A damaged version raises by its path; the others are listed, and ``check`` tells of it."""
    for n in range(3):
        log(versions, n)
    (tmp_path / "artifacts" / "model" / "v2").write_bytes(b"{half")
    again = Versions(tmp_path / "artifacts")
    with pytest.raises(FormatError, match=r"model/v2.*damaged"):
        again.resolve("model:v2")
    assert [v.version for v in again.list("model")] == [3, 1]
    [sentence] = again.check()
    assert "v2" in sentence
    with pytest.raises(FormatError):
        list(again.kept())


def test_a_newer_version_file_is_refused(versions, tmp_path):
    """A version that a newer notabene wrote asks for an upgrade."""
    log(versions, 1)
    path = tmp_path / "artifacts" / "model" / "v1"
    path.write_bytes(path.read_bytes().replace(b"{", b'{"format":2,', 1))
    with pytest.raises(FormatError, match="upgrade"):
        Versions(tmp_path / "artifacts").resolve("model:v1")


WORKER = """
    import sys
    from pathlib import Path
    from notabene.artifacts.versions import Versions
    from notabene.model.canonical import digest_bytes
    versions = Versions(Path(sys.argv[1]))
    me, shared = int(sys.argv[2]), int(sys.argv[3])
    Path(sys.argv[4], str(me)).touch()
    while len(list(Path(sys.argv[4]).iterdir())) < int(sys.argv[5]):
        pass
    for n in range(4):
        content = f"{n}" if shared else f"{me}/{n}"
        made = versions.allocate(
            "model", type="t", digest=digest_bytes(content.encode()), size=0, files=0
        )
        print(made.version.version, made.new, made.version.digest)
    """


@pytest.mark.faults
@pytest.mark.parametrize("shared", [0, 1])
def test_processes_at_once_get_numbers_of_their_own(versions, tmp_path, script, shared):
    """Processes that log at once never share a number, unless their content is equal."""
    (tmp_path / "ready").mkdir()
    count = 8
    workers = [
        script.start(WORKER, versions.folder, me, shared, tmp_path / "ready", count)
        for me in range(count)
    ]
    lines = []
    for worker in workers:
        out, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
        lines += [line.split() for line in out.splitlines()]
    made = {number: content for number, new, content in lines if new == "True"}
    assert len(lines) == 4 * count
    assert all(made[number] == content for number, _, content in lines)
    expected = 4 if shared else 4 * count
    assert sorted(map(int, made)) == list(range(1, expected + 1))
    assert sum(new == "True" for _, new, _ in lines) == expected


def test_threads_at_once_get_numbers_of_their_own(versions):
    """32 threads with 32 contents get 32 numbers; with one content, one."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        own = list(pool.map(lambda n: log(versions, n).version.version, range(32)))
        same = {v.version.version for v in pool.map(lambda _: log(versions, "x"), range(32))}
    assert sorted(own) == list(range(1, 33))
    assert same == {33}


def test_any_interleaving_of_changes_gives_the_same(tmp_path):
    """Alias changes and deletions of several writers may arrive in any order."""
    changes = [("best", n % 3 + 1, Stamp(1000 + n // 2, "ab"[n % 2], n)) for n in range(8)]
    changes += [("v2", n % 2, Stamp(1000 + n, "c", n)) for n in range(3)]
    found = set()
    for seed in range(10):
        versions = Versions(tmp_path / str(seed))
        for n in range(3):
            log(versions, n)
        random.Random(seed).shuffle(changes)
        late = []
        for key, value, at in changes:
            if key == "v2":
                (versions.delete if value else versions.restore)("model", 2, at)
            else:
                late.append((key, value, at))
        for key, value, at in late:
            versions.set_alias("model", key, value, at)
        found.add((tuple(sorted(versions.aliases("model").items())), len(versions.list("model"))))
    assert found == {((("best", 2), ("latest", 3)), 3)}
