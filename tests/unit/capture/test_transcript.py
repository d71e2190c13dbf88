"""The console on disk: what is written, when, and what is given up."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import pytest
import zstandard

from notabene.capture import transcript as module
from notabene.capture.playback import ConsoleReader, piece_path
from notabene.capture.secrets import HIDDEN
from notabene.capture.transcript import Transcript

SECOND = 1_000_000


def texts(path):
    """All lines of a console, remarks included."""
    return [line.text for line in ConsoleReader(path).read()]


@pytest.fixture
def path(tmp_path):
    """Where a transcript goes."""
    return tmp_path / "w.console.zst"


def test_lines_of_both_streams_stand_in_the_order_of_time(path):
    """Lines come back with stream, number and time; a bar is one line with its last state."""
    transcript = Transcript(path)
    transcript.feed("o", "one\n", 1)
    transcript.feed("e", "warning\n", 2)
    transcript.feed("o", " 1%\r 2%\r99%\n", 3)
    transcript.flush(3)
    assert [tuple(line) for line in ConsoleReader(path).read()] == [
        (1, "o", 0, "one"), (2, "e", 0, "warning"), (3, "o", 1, "99%"),
    ]  # fmt: skip
    assert transcript.bytes == len("one\nwarning\n 1%\r 2%\r99%\n")
    assert transcript.lines == 3


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the program zstd")
def test_the_file_is_what_its_description_says(path):
    """The program ``zstd`` prints a file in the published format, colours and accents in it."""
    transcript = Transcript(path)
    transcript.feed("o", "\x1b[31mrouge\x1b[0m é\n", 7)
    transcript.flush(7)
    transcript.feed("e", "x", 8)
    transcript.flush(8)
    out = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout.decode()
    assert out == "= 0 0\n7 o 0 \x1b[31mrouge\x1b[0m é\n= 18 1\n8 e 0 x\n= 19 2\n"


def test_a_line_that_keeps_changing_is_written_ever_less_often(path):
    """A bar of an hour takes a line each few seconds on disk, and its last state at the end."""
    transcript = Transcript(path)
    for second in range(600):
        transcript.feed("e", f"\r{second}", second * SECOND)
        transcript.flush(second * SECOND)
    written, _ = ConsoleReader(path).follow(module_position())
    assert 100 < len(written) < 200
    transcript.flush(600 * SECOND, everything=True)
    assert texts(path) == ["599"]


def module_position():
    """The beginning of a console."""
    from notabene.capture.playback import Position

    return Position()


def test_a_new_line_is_written_at_the_next_flush(path):
    """What is printed is on disk after one flush, complete or not."""
    transcript = Transcript(path)
    transcript.feed("o", "Password: ", 1)
    transcript.flush(1)
    assert texts(path) == ["Password:"]


def test_secrets_do_not_reach_the_disk(path):
    """Tokens, passwords and the lines of a private key are hidden."""
    transcript = Transcript(path)
    key = "-----BEGIN PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END PRIVATE KEY-----\n"
    transcript.feed("o", f"password=hunter2\n{key}after\n", 1)
    transcript.flush(1)
    assert texts(path) == [f"password={HIDDEN}", *[HIDDEN] * 4, "after"]
    assert transcript.last_lines(2) == [HIDDEN, "after"]


def fill(transcript, count, size=80):
    """Print many lines that do not compress well."""
    rng = random.Random(1)
    for n in range(count):
        text = f"{n:06} " + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=size))
        transcript.feed("o", text + "\n", n)
        transcript.flush(n * SECOND)


def test_head_and_tail_of_a_long_console_are_kept(path):
    """Files stay below the limit; the beginning and the end are there, the gap is counted."""
    transcript = Transcript(path, limit=40_000)
    fill(transcript, 2000)
    size = sum(p.stat().st_size for p in path.parent.iterdir())
    assert 25_000 < size <= 42_000
    lines = ConsoleReader(path).read()
    numbers = [int(line.text[:6]) for line in lines if line.stream == "o"]
    assert numbers[:50] == list(range(50))
    assert numbers[-50:] == list(range(1950, 2000))
    assert sorted(numbers) == numbers
    remarks = [line.text for line in lines if line.stream == "n"]
    assert remarks == [f"notabene: {transcript.dropped:,} bytes were dropped here"]
    assert transcript.dropped == (2000 - len(numbers)) * 88


def test_a_full_disk_loses_nothing_once_there_is_room_again(path, monkeypatch):
    """Frames that could not be written wait, and no half frame stands in the file."""
    transcript = Transcript(path)
    transcript.feed("o", "before\n", 1)
    transcript.flush(1)
    before = path.read_bytes()
    files = transcript._files
    append = files._append
    monkeypatch.setattr(files, "_append", lambda data: False)
    for n in range(5):
        transcript.feed("o", f"{n}\n", 2)
        transcript.flush(2)
    assert path.read_bytes() == before
    monkeypatch.setattr(files, "_append", append)
    transcript.flush(3)
    assert texts(path) == ["before", "0", "1", "2", "3", "4"]
    assert transcript.dropped == 0


def test_a_disk_that_stays_full_costs_no_memory(path, monkeypatch):
    """Beyond a few megabytes the oldest frames are given up, and counted."""
    monkeypatch.setattr(module, "MAX_BACKLOG", 1000)
    transcript = Transcript(path)
    monkeypatch.setattr(transcript._files, "_append", lambda data: False)
    fill(transcript, 100)
    assert sum(len(frame) for frame, _ in transcript._files._backlog) <= 1000
    assert 0 < transcript.dropped < 100 * 88


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_without_room_does_not_raise(tmp_path):
    """ENOSPC from a real device, and a folder that is gone, are got over."""
    full = tmp_path / "w.console.zst"
    full.symlink_to("/dev/full")
    for path in (full, tmp_path / "gone" / "w.console.zst"):
        transcript = Transcript(path)
        transcript.feed("o", "x\n", 1)
        transcript.flush(1)
        assert transcript.last_lines(1) == ["x"]


def test_half_a_write_is_taken_back(tmp_path):
    """Where the system takes only part of a frame, the file is cut back to whole frames."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))\n"
        "from notabene.capture.transcript import Transcript\n"
        "t = Transcript(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    t.feed('o', f'line {n}\\n', n); t.flush(n)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "print(Path(sys.argv[1]).stat().st_size)\n"
        "t.flush(99)\n"
    )
    path = tmp_path / "w.console.zst"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert 200 < int(done.stdout) < 300
    assert texts(path) == [f"line {n}" for n in range(20)]


def test_without_a_file_only_the_last_lines_are_kept():
    """A transcript without a place writes nothing and remembers a bounded number of lines."""
    transcript = Transcript(None)
    fill(transcript, 500, size=3)
    assert [line[:6] for line in transcript.last_lines(3)] == ["000497", "000498", "000499"]
    assert len(transcript.last_lines(10_000)) == module.RECENT
    assert transcript.last_lines(0) == []


def test_what_was_printed_too_fast_is_counted(path):
    """Skipped bytes leave a remark, are counted as dropped, and end the line they fell into."""
    transcript = Transcript(path)
    transcript.feed("o", "half a li", 1)
    transcript.skip("o", 5000, 2)
    transcript.feed("o", "whole line\n", 3)
    transcript.flush(3)
    assert texts(path) == ["5,000 bytes came too fast and are not kept", "half a li", "whole line"]
    assert transcript.dropped == 5000
    assert transcript.bytes == 5000 + 9 + 11


def test_odd_characters_are_written(path):
    """Lone surrogates and line separators of Unicode neither fail nor break the records."""
    transcript = Transcript(path)
    transcript.feed("o", "a\udc80b\u2028c\x85d\n", 1)
    transcript.flush(1)
    assert texts(path) == ["a\\udc80b\u2028c\x85d"]


def test_many_lines_at_once_make_frames_that_readers_accept(path):
    """A burst of megabytes is cut into frames of about a megabyte."""
    transcript = Transcript(path)
    transcript.feed("o", ("x" * 99 + "\n") * 30_000, 1)
    transcript.flush(1)
    assert len(texts(path)) == 30_000
    data = path.read_bytes()
    sizes, at = [], 0
    while at < len(data):
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        sizes.append(len(decompressor.decompress(data[at:])))
        at = len(data) - len(decompressor.unused_data)
    assert max(sizes) < module.MAX_FRAME + 1000
    assert len(sizes) > 2


def test_pieces_are_named_after_the_first_file(path):
    """The numbered pieces lie beside the first file and are not taken for one."""
    assert piece_path(path, 0) == path
    assert piece_path(path, 12).name == "w.console.12.zst"
    assert list(ConsoleReader.all(path.parent)) == []
