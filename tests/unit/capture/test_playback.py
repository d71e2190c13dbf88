"""Reading a console while it is written, from its end, and when it is damaged."""

from __future__ import annotations

import random

import pytest

from notabene.capture.playback import ConsoleReader, Line, Position, fold_updates, piece_path
from notabene.capture.transcript import Transcript

SECOND = 1_000_000


@pytest.fixture
def path(tmp_path):
    """Where a transcript goes."""
    return tmp_path / "w.console.zst"


def write(transcript, first, last):
    """Print numbered lines, one a second."""
    for n in range(first, last):
        transcript.feed("o", f"line {n}\n", n * SECOND)
        transcript.flush(n * SECOND)


def test_following_gives_each_line_once(path):
    """A follower that looks now and then sees all that is written, in order, once."""
    transcript, reader = Transcript(path), ConsoleReader(path)
    position, seen = Position(), []
    assert reader.follow(position) == ([], position)
    for n in range(0, 50, 10):
        write(transcript, n, n + 10)
        lines, position = reader.follow(position)
        seen += [line.text for line in lines]
    assert seen == [f"line {n}" for n in range(50)]
    assert reader.follow(position) == ([], position)


def test_following_across_pieces_and_over_a_gap(path):
    """A follower goes on through rotated files; what was given up meanwhile is remarked on."""
    transcript, reader = Transcript(path, limit=4000), ConsoleReader(path)
    write(transcript, 0, 10)
    lines, position = reader.follow(Position())
    write(transcript, 10, 30)
    more, position = reader.follow(position)
    assert [line.text for line in (*lines, *more)] == [f"line {n}" for n in range(30)]
    write(transcript, 30, 500)
    rest, _ = reader.follow(position)
    assert [line.stream for line in rest].count("n") == 1
    numbers = [int(line.text.split()[1]) for line in rest if line.stream == "o"]
    assert numbers[-1] == 499
    gap = next(line.text for line in rest if line.stream == "n")
    assert "bytes were dropped here" in gap


@pytest.mark.parametrize("most", [0, 1, 5, 37, 200, 1000])
def test_the_tail_is_the_end_of_all(path, most):
    """The last lines are those that reading everything ends with, over several files as well."""
    transcript, reader = Transcript(path, limit=8000), ConsoleReader(path)
    write(transcript, 0, 300)
    lines = [line for line in reader.read() if line.stream == "o"]
    tail = [line for line in reader.tail(most) if line.stream == "o"]
    assert tail == lines[len(lines) - min(most, len(lines)) :]


def test_a_changed_line_replaces_itself():
    """Updates fold to the last state of each line, where it first stood."""
    one, two = Line(1, "o", 0, "1%"), Line(2, "e", 0, "x")
    assert fold_updates([one, two, Line(3, "o", 0, "9%")]) == [Line(3, "o", 0, "9%"), two]


def test_a_torn_end_is_waited_for(path):
    """At every length a file may be cut to, what is whole is read, and the rest later."""
    transcript = Transcript(path)
    write(transcript, 0, 5)
    data = path.read_bytes()
    whole = ConsoleReader(path).read()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        lines, position = ConsoleReader(path).follow(Position())
        assert lines == whole[: len(lines)]
        path.write_bytes(data)
        rest, _ = ConsoleReader(path).follow(position)
        assert lines + rest == whole


def test_zeros_at_the_end_are_waited_over(path):
    """Pages of zeros, as a power loss leaves them, are no lines and no error."""
    write(Transcript(path), 0, 3)
    with open(path, "ab") as file:
        file.write(bytes(4096))
    assert [line.text for line in ConsoleReader(path).read()] == ["line 0", "line 1", "line 2"]


def test_damage_in_the_middle_is_remarked_on_and_passed(path):
    """Any flipped byte costs at most the frame around it; what follows is read."""
    write(Transcript(path), 0, 20)
    data = path.read_bytes()
    rng = random.Random(3)
    for _ in range(200):
        at = rng.randrange(len(data) * 3 // 4)
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
        lines = ConsoleReader(path).read()
        good = [line.text for line in lines if line.stream == "o"]
        assert set(good) <= {f"line {n}" for n in range(20)}
        assert len(good) >= 18
        assert good[-1] == "line 19"
        assert len(good) == 20 or any("damaged" in line.text for line in lines)


def test_consoles_of_a_run_are_found_by_writer(tmp_path):
    """Each writer's console is listed once, whatever pieces it has."""
    for writer in ("aaa", "bbb"):
        write(Transcript(tmp_path / f"{writer}.console.zst", limit=2000), 0, 100)
    (tmp_path / "aaa.journal").write_bytes(b"")
    found = ConsoleReader.all(tmp_path)
    assert list(found) == ["aaa", "bbb"]
    assert found["aaa"].tail(1)[0].text == "line 99"


def test_a_piece_that_goes_while_one_looks_is_passed(path, monkeypatch):
    """A file given up between looking and reading is like one that never was."""
    write(Transcript(path, limit=2000), 0, 100)
    reader = ConsoleReader(path)
    pieces = reader.pieces()
    monkeypatch.setattr(reader, "pieces", lambda: pieces)
    piece_path(path, pieces[1]).unlink()
    assert reader.read()[-1].text == "line 99"


def test_a_console_that_is_not_there_is_empty(path):
    """Nothing printed, nothing read."""
    assert ConsoleReader(path).read() == []
    assert ConsoleReader(path).tail(5) == []
