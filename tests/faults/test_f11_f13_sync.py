"""F11 to F13: the disk does not confirm once, or ever, or does not come back."""

from __future__ import annotations

import json
import shutil

import pytest

from notabene.journal.verify import verify
from tests.faults.oracle import bring_home, problems
from tests.format.independent_reader import frames


def logged(folder):
    """What is wrong with the four times 500 rows of the program."""
    return [problems(folder, "w1", slot, 500) for slot in range(4)]


def ranges(path):
    """Closed ranges of the frames of a journal."""
    found = frames(path.read_bytes())
    next(found)
    return {(first, last) for _, first, last, _ in found}


def test_a_sync_that_fails_once(finish, folder, counters):
    """What it was to confirm is written once more into a new file; nothing is lost or doubled."""
    done = finish("sync_fails", "once")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["closed"] is True
    assert done.stderr == ""
    assert sorted(p.name for p in folder.iterdir()) == ["w1.1.journal", "w1.journal"]
    assert ranges(folder / "w1.journal") & ranges(folder / "w1.1.journal")
    assert logged(folder) == [[]] * 4


def test_a_reader_that_does_not_know_frames_counts_twice(finish, folder, counters):
    """Negative control: by their number of rows the two files hold more than was logged."""
    assert finish("sync_fails", "once").returncode == 0
    rows = sum(verify(path).rows for path in folder.glob("*.journal"))
    assert rows > 2000


def test_a_sync_that_always_fails(finish, folder, counters):
    """Training goes on; one line says that power loss is not covered, and no files pile up."""
    done = finish("sync_fails", "always")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["closed"] is True
    assert done.stderr.count("\n") == 1
    assert "not safe against power loss" in done.stderr
    assert [p.name for p in folder.iterdir()] == ["w1.journal"]
    assert logged(folder) == [[]] * 4


def test_a_file_that_is_trusted_again_holds_nothing_twice(finish, folder, counters):
    """F11, negative control: who goes on in the file whose sync failed has no second copy."""
    assert finish("sync_fails", "once", "in the old file").returncode == 0
    assert [p.name for p in folder.iterdir()] == ["w1.journal"]


def test_a_writer_that_never_asks_has_nothing_to_say(finish, counters):
    """F12, negative control: without syncs the disk that confirms nothing goes unnoticed."""
    assert finish("sync_fails", "always", "never").stderr == ""


def test_a_writer_that_waits_for_the_disk_is_caught(finish, folder, counters):
    """F13, negative control: where the thread that carries over syncs, it never comes back."""
    told = json.loads(finish("sync_fails", "hangs", "at once").stdout)
    assert told["closed"] is False
    assert logged(folder) != [[]] * 4


def test_a_sync_that_hangs(finish, folder, counters):
    """Logging goes on, the end comes in its time, and everything is in the journal."""
    done = finish("sync_fails", "hangs")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["closed"] is True
    assert told["seconds"] < 20  # two seconds, on a machine that has time
    assert logged(folder) == [[]] * 4


def test_a_write_that_hangs(finish, folder, counters):
    """The end comes in its time; what the disk did not take is in the ring, and comes home."""
    done = finish("write_hangs")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["closed"] is False
    assert told["seconds"] < 20
    assert problems(folder, "w1", 1, 5000) != []
    bring_home(folder, "w1")
    assert problems(folder, "w1", 0, 500) == []
    assert problems(folder, "w1", 1, 5000) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_reports_a_failed_sync(finish, folder, counters):
    """A real fdatasync that fails with EIO: the frames are in a second file as well."""
    inject = ("strace", "-f", "-qq", "-o", "/dev/null",
              "-e", "inject=fdatasync:error=EIO:when=2")  # fmt: skip
    done = finish("forks", 0, before=inject)
    if "ptrace" in done.stderr.lower() and not list(folder.glob("*.journal")):
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    assert problems(folder, "w1", 0, 2000) == []
    assert (folder / "w1.1.journal").exists()
