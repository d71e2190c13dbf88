"""The journal file: whole frames or nothing, whatever the disk does."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from notabene.journal import file as module
from notabene.journal.file import JournalFile
from notabene.journal.reader import JournalReader
from notabene.journal.segment import Header, Section, encode_section

HEADER = Header(file_id=b"", kind="run", writers=("w1",), run="r")


@pytest.fixture
def file(tmp_path):
    """A journal that may go on in a second folder."""
    found = JournalFile(tmp_path / "w1.journal", HEADER, [tmp_path, tmp_path / "spill"])
    yield found
    found.close()


def body(i: int, size: int = 10) -> bytes:
    """A body that says which frame it is of."""
    return encode_section(Section.ROWS, bytes([i]) * size)


def frames_in(folder, pattern="*.journal"):
    """Numbers of the frames in all journals of a folder, by file."""
    found = {}
    for path in sorted(folder.glob(pattern)):
        reader = JournalReader(path)
        found[path.name] = [p.data[0] for b in reader.all() for p in b.points]
        assert reader.damage is None, path
    return found


class Disk:
    """Answers of the disk: ``on(call, what)`` makes the next calls fail or do something else."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.calls = []

    def on(self, name, *answers):
        """Each answer an error number, or a function ``(real, *args)``; then as ever."""
        real, left = getattr(os, name), list(answers)

        def call(*args):
            self.calls.append(name)
            answer = left.pop(0) if left else None
            if isinstance(answer, int):
                raise OSError(answer, os.strerror(answer))
            return real(*args) if answer is None else answer(real, *args)

        self.monkeypatch.setattr(os, name, call)


@pytest.fixture
def disk(monkeypatch):
    """A disk that does as it is told."""
    return Disk(monkeypatch)


def test_frames_are_appended(file, tmp_path):
    """Each frame stands whole in the file, in order, and is counted until it is synced."""
    for i in range(3):
        file.append(i + 1, i + 1, body(i))
    assert frames_in(tmp_path) == {"w1.journal": [0, 1, 2]}
    assert file.unsynced == 3 * len(body(0))
    file.sync()
    assert file.unsynced == 0


def test_a_file_is_made_once(file, tmp_path):
    """Two writers of one name: the second is refused and the first file left alone."""
    with pytest.raises(FileExistsError):
        JournalFile(tmp_path / "w1.journal", HEADER, [tmp_path])
    file.append(1, 1, body(7))
    assert frames_in(tmp_path) == {"w1.journal": [7]}


def test_no_file_stays_that_has_no_header(tmp_path, disk):
    """A disk that takes no header gets no file."""
    disk.on("write", lambda real, fd, data: real(fd, data[:5]), errno.ENOSPC)
    with pytest.raises(OSError, match="No space"):
        JournalFile(tmp_path / "w1.journal", HEADER, [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_a_short_write_is_completed(file, tmp_path, disk):
    """The rest of a write that was cut short is written after it."""
    cut = lambda real, fd, data: real(fd, data[:3])  # noqa: E731
    disk.on("write", cut, cut, cut)
    file.append(1, 1, body(1))
    file.append(2, 2, body(2))
    assert frames_in(tmp_path) == {"w1.journal": [1, 2]}
    assert disk.calls.count("write") == 5


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_half_a_frame_is_taken_back(file, tmp_path, disk, number):
    """After a write that failed half way the file ends where it did before, and can go on."""
    file.append(1, 1, body(1))
    before = (tmp_path / "w1.journal").stat().st_size
    disk.on("write", lambda real, fd, data: real(fd, data[:20]), number)
    with pytest.raises(OSError):
        file.append(2, 2, body(2))
    assert (tmp_path / "w1.journal").stat().st_size == before
    file.append(2, 2, body(2))
    assert sorted(n for found in frames_in(tmp_path).values() for n in found) == [1, 2]


def test_half_a_frame_that_stays_begins_a_new_file(file, tmp_path, disk):
    """Where half a frame cannot be cut off, nothing more is written behind it."""
    file.append(1, 1, body(1))
    disk.on("write", lambda real, fd, data: real(fd, data[:20]), errno.EIO)
    disk.on("ftruncate", errno.EIO)
    with pytest.raises(OSError):
        file.append(2, 2, body(2))
    file.append(2, 2, body(2))
    assert file.path == tmp_path / "w1.1.journal"
    reader = JournalReader(tmp_path / "w1.journal")
    assert len(reader.all()) == 1
    assert reader.damage.torn
    assert frames_in(tmp_path, "w1.1.*") == {"w1.1.journal": [2]}
    file.sync()
    assert file.unsynced == 0


def test_a_limit_on_the_size_of_files_begins_a_new_one(file, tmp_path, disk):
    """Past such a limit there is room in another file; a frame too large for any stays out."""
    file.append(1, 1, body(1))
    disk.on("write", errno.EFBIG)
    with pytest.raises(OSError):
        file.append(2, 2, body(2))
    file.append(2, 2, body(2))
    assert frames_in(tmp_path) == {"w1.1.journal": [2], "w1.journal": [1]}


def test_a_bad_place_does_not_fill_with_files(tmp_path, disk):
    """A disk that fails each write gets one more file, not one at each try."""
    file = JournalFile(tmp_path / "w1.journal", HEADER, [tmp_path])
    file.append(1, 1, body(1))

    def only_headers(real, fd, data):
        if bytes(data[:8]) == b"notabene":
            return real(fd, data)
        raise OSError(errno.EIO, "bad")

    disk.on("write", *[only_headers] * 20)
    for _ in range(8):
        with pytest.raises(OSError):
            file.append(2, 2, body(2))
    assert sorted(frames_in(tmp_path)) == ["w1.1.journal", "w1.journal"]
    file.close()


def test_the_journal_goes_on_in_another_place(file, tmp_path):
    """A place that is given up is left for the next; what stands in it stays."""
    file.append(1, 1, body(1))
    assert file.give_up_place()
    file.append(2, 2, body(2))
    assert file.path.parent == tmp_path / "spill"
    assert not file.give_up_place()
    assert frames_in(tmp_path) == {"w1.journal": [1]}
    assert frames_in(tmp_path / "spill") == {"w1.1.journal": [2]}
    file.sync()
    assert file.unsynced == 0


def test_a_failed_sync_rewrites_what_it_was_to_confirm(file, tmp_path, disk):
    """After a sync that failed, all since the last good one stands in a new, synced file."""
    file.append(1, 1, body(1))
    file.sync()
    file.append(2, 2, body(2))
    file.append(3, 3, body(3))
    disk.on("fdatasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        file.sync()
    file.append(4, 4, body(4))
    file.sync()
    file.append(5, 5, body(5))
    assert frames_in(tmp_path) == {"w1.1.journal": [2, 3, 4, 5], "w1.journal": [1, 2, 3, 4]}
    assert file.unsynced == len(body(5))


def test_a_disk_that_confirms_nothing_gets_no_copies(file, tmp_path, disk):
    """Where every sync fails the one file goes on, however often it is tried."""
    disk.on("fdatasync", *[errno.EIO] * 20)
    for i in range(6):
        file.append(i + 1, i + 1, body(i))
        with pytest.raises(OSError):
            file.sync()
    assert frames_in(tmp_path) == {"w1.journal": [0, 1, 2, 3, 4, 5]}
    file.append(7, 7, body(6))
    assert file.path == tmp_path / "w1.journal"


def test_a_disk_that_comes_to_its_senses_gets_all(file, tmp_path, disk):
    """After many syncs that failed, the first good one brings everything since the last good."""
    disk.on("fdatasync", *[errno.EIO] * 5)
    for i in range(5):
        file.append(i + 1, i + 1, body(i))
        with pytest.raises(OSError):
            file.sync()
    file.sync()
    assert frames_in(tmp_path, f"{file.path.name}") == {file.path.name: [0, 1, 2, 3, 4]}
    assert file.unsynced == 0


def test_what_comes_during_a_rewrite_is_not_lost(file, tmp_path, disk):
    """Frames appended while a new file is being made and synced stand in it too."""
    file.append(1, 1, body(1))
    added = iter(range(2, 5))

    def slow(real, fd):
        i = next(added)
        file.append(i, i, body(i))
        return real(fd)

    disk.on("fdatasync", errno.EIO, slow, slow, slow)
    with pytest.raises(OSError):
        file.sync()
    file.sync()
    assert frames_in(tmp_path)["w1.1.journal"] == [1, 2, 3, 4]
    assert file.unsynced == 0


def test_only_so_much_is_kept_in_memory(file, tmp_path, disk, monkeypatch):
    """Beyond the limit the oldest frames are rewritten no more: memory is not without end."""
    monkeypatch.setattr(module, "KEEP", 100)
    for i in range(10):
        file.append(i + 1, i + 1, body(i, 30))
    disk.on("fdatasync", errno.EIO)
    with pytest.raises(OSError):
        file.sync()
    file.sync()
    assert frames_in(tmp_path)["w1.1.journal"] == [8, 9]
    assert frames_in(tmp_path)["w1.journal"] == list(range(10))


def test_appending_goes_on_while_the_disk_hangs(file, tmp_path, disk):
    """A sync that does not come back holds up nobody, and the descriptor may be closed."""
    hangs, entered = threading.Event(), threading.Event()

    def hang(_real, _fd):
        entered.set()
        assert hangs.wait(30)

    disk.on("fdatasync", hang)
    file.append(1, 1, body(1))
    thread = threading.Thread(target=file.sync)
    thread.start()
    assert entered.wait(30)
    file.append(2, 2, body(2))
    assert file.unsynced == 2 * len(body(1))
    hangs.set()
    thread.join()
    assert file.unsynced == len(body(1))
    assert frames_in(tmp_path) == {"w1.journal": [1, 2]}


def test_a_name_is_made_durable_once(file, disk):
    """The first sync of a file brings its name, and those of the folders above, to the disk."""
    disk.on("fsync")
    file.append(1, 1, body(1))
    file.sync()
    assert disk.calls.count("fsync") == 3
    file.append(2, 2, body(2))
    file.sync()
    assert disk.calls.count("fsync") == 3


def test_a_descriptor_given_away_is_not_written_to(file, tmp_path):
    """A program that closed all descriptors and opened its own file finds nothing of ours in it."""
    file.append(1, 1, body(1))
    number = file._fd
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    os.dup2(theirs, number)
    file.append(2, 2, body(2))
    file.close()
    assert (tmp_path / "theirs").read_bytes() == b""
    os.fstat(number)  # still theirs, still open
    os.close(number)
    os.close(theirs)
    assert frames_in(tmp_path) == {"w1.1.journal": [2], "w1.journal": [1]}


def test_a_file_that_somebody_cut_is_left(file, tmp_path):
    """What is appended after somebody truncated the file is readable."""
    file.append(1, 1, body(1))
    os.truncate(tmp_path / "w1.journal", 0)
    file.append(2, 2, body(2))
    assert frames_in(tmp_path, "w1.1.*") == {"w1.1.journal": [2]}


def test_a_forked_child_lets_go(file, tmp_path):
    """The child's close leaves the parent's file as it is, even if a lock was held at the fork."""
    file.append(1, 1, body(1))
    with file._lock:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                file.abandon()
                code = not file._lock.acquire(timeout=1)
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    file.append(2, 2, body(2))
    assert frames_in(tmp_path) == {"w1.journal": [1, 2]}
