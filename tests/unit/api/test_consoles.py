"""What runs printed."""

from __future__ import annotations

import pytest

from notabene.capture.transcript import Transcript
from notabene.errors import NotFoundError
from notabene.testing.scribe import START


def say(lab, writer, lines, *, start=0):
    """Have a writer's process print lines, one a second."""
    transcript = Transcript(lab.place(writer) / f"{writer.id}.console.zst")
    for n, line in enumerate(lines):
        at = START + (start + n) * 1_000_000
        transcript.feed("o", f"{line}\n", at)
        transcript.flush(at, everything=True)
    return transcript


@pytest.fixture
def printed(lab):
    """A run that printed ten lines."""
    lab.talker = lab.run("r1")
    lab.transcript = say(lab, lab.talker, [f"line {n}" for n in range(10)])
    return lab


def test_all_and_the_last(printed, api):
    """All lines, or the last so many, come with their times."""
    lines = api.console("r1")
    assert [line.text for line in lines] == [f"line {n}" for n in range(10)]
    assert lines[3].time == START + 3_000_000
    assert [line.text for line in api.console("r1", tail=2)] == ["line 8", "line 9"]
    assert api.console("r1", tail=0) == []
    assert len(api.run("r1").console(tail=100)) == 10


def test_a_run_that_printed_nothing(lab, api):
    """No console is an empty list; no run is an error."""
    lab.run("r1")
    assert api.console("r1") == []
    with pytest.raises(NotFoundError):
        api.console("r2")


def test_ranks(lab, api):
    """Of several ranks the lowest is shown unless another is named."""
    for rank in (1, 0):
        scribe = lab.scribe("r1", rank=rank, time=START)
        lab.run(scribe=scribe)
        say(lab, scribe, [f"rank {rank}"])
    assert [line.text for line in api.console("r1")] == ["rank 0"]
    assert [line.text for line in api.console("r1", rank=1)] == ["rank 1"]
    assert [line.text for line in api.console("r1", writer=scribe.id)] == ["rank 0"]
    assert api.console("r1", rank=5) == []


def test_a_resumed_run(lab, api):
    """The consoles of one after the other process stand in order of time."""
    for n, start in enumerate((0, 100)):
        scribe = lab.scribe("r1", time=START + n)
        lab.run(scribe=scribe)
        say(lab, scribe, [f"{n}a", f"{n}b"], start=start)
    assert [line.text for line in api.console("r1")] == ["0a", "0b", "1a", "1b"]
    assert [line.text for line in api.console("r1", tail=3)] == ["0b", "1a", "1b"]


def test_following(printed, api):
    """A follower begins with the last lines and then gives what is new, each once."""
    follower = api.follow_console("r1", tail=3)
    assert [line.text for line in follower.read()] == ["line 7", "line 8", "line 9"]
    assert follower.read() == []
    printed.transcript.feed("o", "line 10\n", START + 20_000_000)
    printed.transcript.flush(START + 20_000_000, everything=True)
    assert [line.text for line in follower.read()] == ["line 10"]
    assert follower.read() == []


def test_a_process_that_comes_later(printed, api):
    """A follower sees the console of a process that begins after it."""
    follower = api.follow_console("r1", tail=0)
    assert follower.read() == []
    scribe = printed.scribe("r1", time=START)
    printed.run(scribe=scribe)
    say(printed, scribe, ["resumed"], start=50)
    assert [line.text for line in follower.read()] == ["resumed"]
