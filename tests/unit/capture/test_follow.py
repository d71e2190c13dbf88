"""Files are looked at as the processes of a run tell of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from notabene.artifacts.local import LocalBlobs
from notabene.capture.follow import Follower
from notabene.capture.inputs import Inputs
from notabene.capture.secrets import Redactor
from notabene.model.canonical import digest_bytes

SIZES = {"a.jpg": 100, "b.jpg": 300_000}
"""One that is packed with others, and one with a file of its own."""


class Memory:
    """Digests that are known, in a dict."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], str] = {}

    def get(self, stat: os.stat_result) -> str | None:
        """A digest by the file's number and time."""
        return self.known.get((stat.st_ino, stat.st_mtime_ns))

    def keep(self, stat: os.stat_result, digest: str) -> None:
        """Remember."""
        self.known[stat.st_ino, stat.st_mtime_ns] = digest


class Place:
    """A folder in which processes leave events, and one with files that they read."""

    def __init__(self, top: Path) -> None:
        self.seen, self.data = top / "seen", top / "data"
        self.seen.mkdir()
        self.data.mkdir()
        self.blobs = LocalBlobs(top / "blobs")
        self.memory = Memory()
        self.follower = self.another()

    def another(self) -> Follower:
        """One that has seen nothing yet, with the same memory."""
        inputs = Inputs(self.memory, self.blobs, Redactor())
        return Follower(self.seen, inputs)

    def file(self, name: str, content: bytes) -> str:
        """Make a file that is read."""
        (self.data / name).write_bytes(content)
        return str(self.data / name)

    def tell(self, *events: object, name: str = "1-1.seen", tail: str = "") -> None:
        """A process tells something."""
        with open(self.seen / name, "a") as file:
            file.write("".join(json.dumps(event) + "\n" for event in events) + tail)

    def digests(self, follower: Follower | None = None) -> dict[str, str]:
        """Of the files that were looked at, by name."""
        follower = follower or self.follower
        follower.look(lambda: True)
        found = follower.inputs.seen.found
        return {os.path.basename(path): one.digest for path, one in found.items()}


@pytest.fixture
def place(tmp_path):
    """Where it all lies."""
    made = Place(tmp_path)
    yield made
    made.blobs.close()


def test_what_is_read_is_hashed_and_kept(place):
    """Files of many names in one event, of one name, and by a relative path."""
    one, two, three = (place.file(name, name.encode() * 9) for name in ("a.jpg", "b.jpg", "c.jpg"))
    place.tell(["process", "", 1, "main", "3.12"], ["read", [one, two], "t.py", 3, 0])
    assert place.digests() == {name: digest_bytes(name.encode() * 9) for name in ("a.jpg", "b.jpg")}
    place.tell(["folder", str(place.data)], ["ready", "c.jpg", "t.py", 4, 0])
    assert place.digests()["c.jpg"] == digest_bytes(b"c.jpg" * 9)
    assert place.blobs.read(digest_bytes(b"b.jpg" * 9)) == b"b.jpg" * 9
    assert all(found.kept for found in place.follower.inputs.seen.found.values())
    assert three in place.follower.inputs.seen.found


def test_a_line_that_is_being_written_waits(place):
    """Half a line is none; it is read when the rest is there."""
    path = place.file("a.jpg", b"a")
    line = json.dumps(["read", [path], "t.py", 3, 0])
    place.tell(tail=line[:20])
    assert place.digests() == {}
    place.tell(tail=line[20:] + "\n")
    assert list(place.digests()) == ["a.jpg"]


def test_each_process_has_a_folder_of_its_own(place):
    """A relative path is one from where its process was."""
    place.file("a.jpg", b"a")
    place.tell(["folder", str(place.data)], name="1-1.seen")
    place.tell(["folder", str(place.seen)], ["read", ["a.jpg"], "t.py", 3, 0], name="2-2.seen")
    assert place.digests() == {}, "there is no such file there"
    place.tell(["read", ["a.jpg"], "t.py", 3, 0], name="1-1.seen")
    assert place.digests() == {"a.jpg": digest_bytes(b"a")}


def test_what_the_shim_recorded_counts_too(place):
    """Files that C opened, but for those of Python itself."""
    path = place.file("a.parquet", b"a")
    package = place.data / "site-packages"
    package.mkdir()
    (package / "lib.bin").write_bytes(b"x")
    records = [b"#\t1\t7\t1\t/usr/bin/x", b"r\t5\t" + os.fsencode(path),
               b"r\t6\t" + os.fsencode(package / "lib.bin"), b"m\t7\t/not/there"]  # fmt: skip
    (place.seen / "7-7.files").write_bytes(b"\0".join(records) + b"\0r\t8\t/torn")
    assert place.digests() == {"a.parquet": digest_bytes(b"a")}


def test_events_of_another_version_do_no_harm(place):
    """What comes behind them in another file is looked at all the same."""
    path = place.file("a.jpg", b"a")
    place.tell(["read", 7], ["ready"], ["wanted"], "no event", name="1-1.seen")
    place.tell(["read", [path], "t.py", 3, 0], name="2-2.seen")
    assert list(place.digests()) == ["a.jpg"]


def test_what_is_left_over_comes_next(place):
    """A look that is cut short goes on where it was."""
    paths = [place.file(f"{at}.jpg", b"%d" % at) for at in range(5)]
    place.tell(["read", paths, "t.py", 3, 0])
    turns = iter([True, True, False])
    place.follower.look(lambda: next(turns))
    assert len(place.follower.inputs.seen.found) == 2
    assert len(place.digests()) == 5


def test_a_snapshot_that_is_not_wanted_is_not_made(place):
    """As ``log_data(path, snapshot=False)`` says."""
    path = place.file("a.jpg", b"a")
    place.tell(["wanted", path, False], ["ready", path, "t.py", 3, 0])
    place.digests()
    found = place.follower.inputs.seen.found[path]
    assert found.digest
    assert not found.kept
    assert not place.blobs.has(found.digest)


def test_what_is_known_and_kept_is_not_read_again(place):
    """A second run over the same files looks at their times alone; elsewhere they are kept anew."""
    small, large = (place.file(name, b"a" * size) for name, size in SIZES.items())
    place.tell(["read", [small, large], "t.py", 3, 0])
    first = place.digests()
    for path in (small, large):  # were they read, they would have another digest
        status = os.stat(path)
        Path(path).write_bytes(b"z" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = place.another()
    assert place.digests(again) == first
    assert all(one.kept for one in again.inputs.seen.found.values())
    place.blobs.close()
    with LocalBlobs(place.data / "elsewhere") as place.blobs:
        found = place.digests(place.another())
        assert found == {name: digest_bytes(b"z" * size) for name, size in SIZES.items()}
        assert all(map(place.blobs.has, found.values()))


def test_another_process_tells_what_it_found(place):
    """What was looked at here stands; what was not is taken over."""
    paths = [place.file(f"{at}.jpg", b"%d" % at) for at in range(2)]
    own = Inputs(place.memory, place.blobs, Redactor())
    own.look(paths[0])
    Path(paths[0]).write_bytes(b"changed")
    place.tell(["read", paths, "t.py", 3, 0])
    place.digests()
    own.take(place.follower.inputs.seen)
    found = own.seen.found
    assert [found[path].digest for path in paths] == [digest_bytes(b"0"), digest_bytes(b"1")]
    assert own.seen.kept == 1 + len(b"changed") + 1
