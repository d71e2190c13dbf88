"""What a program prints becomes the lines a person would see."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.capture import fold as module
from notabene.capture.fold import Fold, plain

RED, BOLD, OFF = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def lines(*parts):
    """The lines after these pieces were printed."""
    fold = Fold()
    for part in parts:
        fold.feed(part, 1)
    return [row.text() for row in fold.take()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\n\nb", ["a", "", "", "b"]),
        ("no end", ["no end"]),
        ("  0%|     |\r 50%|##   |\r100%|#####|\ndone\n", ["100%|#####|", "done"]),
        ("long text\rshort", ["shorttext"]),
        ("long text\r\x1b[Kshort", ["short"]),
        ("long text\x1b[2K\rshort", ["short"]),
        ("abcdef\x1b[3D\x1b[1KX", ["   Xef"]),
        ("abc\b\bX", ["aXc"]),
        ("a\tb", ["a       b"]),
        ("bar 1\nbar 2\n\x1b[2A\rBAR 1\n\nend", ["BAR 1", "bar 2", "end"]),
        ("bar 1\nbar 2\x1b[1FBAR 1\x1b[1Eend 2", ["BAR 1", "end 2"]),
        ("x\x1b[5Cy\x1b[2Gz", ["xz    y"]),
        ("a\nb\nc\x1b[3A\r\x1b[JX", ["X", "", ""]),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["textlink"]),
        ("\x1b[?25lhidden cursor\x1b[?25h", ["hidden cursor"]),
        ("before\n\x1b[?1049hfull screen\x1b[H\x1b[2Jmore\x1b[?1049lafter", ["before", "after"]),
        ("page 1\n\x1b[H\x1b[2Jpage 2\n", ["page 1", "page 2"]),
        ("a\x07\x00\x7fb", ["ab"]),
        ("trailing   \n", ["trailing"]),
    ],
)
def test_movements_are_followed(text, expected):
    """Carriage returns, backspaces, cursor movements and erasures do what a terminal does."""
    assert lines(text) == expected


def test_colours_are_kept_and_closed():
    """A coloured line keeps its colours, each is ended, and runs of one colour are one."""
    assert lines(f"{RED}red{OFF} plain") == [f"{RED}red{OFF} plain"]
    assert lines(f"{RED}re", f"{RED}d{OFF}") == [f"{RED}red{OFF}"]
    assert lines("\x1b[1;38;5;200mx\x1b[22my") == [f"\x1b[1;38;5;200mx{OFF}\x1b[38;5;200my{OFF}"]
    assert lines("\x1b[38;2;1;2;3mx\x1b[39my") == [f"\x1b[38;2;1;2;3mx{OFF}y"]


def test_a_colour_goes_on_in_the_next_line():
    """A colour that is not ended colours the lines after it, each line for itself."""
    assert lines(f"{RED}a\nb{OFF}\nc") == [f"{RED}a{OFF}", f"{RED}b{OFF}", "c"]


def test_plain_takes_colours_away():
    """A folded line without its colours is its text."""
    assert plain(lines(f"{BOLD}{RED}a{OFF}b")[0]) == "ab"


def test_numbers_count_lines_and_changes_come_again():
    """A line that changes is taken again under its number, the others are not."""
    fold = Fold()
    fold.feed("one\ntwo 1%", 5)
    assert [(r.number, r.text(), r.time) for r in fold.take()] == [(0, "one", 5), (1, "two 1%", 5)]
    fold.feed("\rtwo 2%", 9)
    assert [(r.number, r.text(), r.time) for r in fold.take()] == [(1, "two 2%", 9)]
    assert fold.take() == []


def test_lines_that_are_not_due_stay_until_they_are():
    """A row is held back as long as the caller says, and comes with its last state."""
    fold = Fold()
    fold.feed("1%", 1)
    assert fold.take(lambda row: False) == []
    fold.feed("\r2%", 2)
    assert [row.text() for row in fold.take(lambda row: True)] == ["2%"]


def test_what_left_the_screen_is_always_taken():
    """Lines that scrolled away can change no more and are given whether due or not."""
    fold = Fold()
    fold.feed("".join(f"{n}\n" for n in range(module.HEIGHT + 10)), 1)
    gone = [row.text() for row in fold.take(lambda row: False)]
    assert gone == [str(n) for n in range(11)]


def test_memory_stays_bounded():
    """However much is printed, no more than a screen of lines is held."""
    fold = Fold()
    for n in range(10_000):
        fold.feed(f"{n} \x1b[9999B\x1b[9999A\n" * 3, 1)
        fold.take()
    assert len(fold._lines) <= module.HEIGHT
    assert not fold._gone


def test_very_long_lines_go_on_in_the_next():
    """Nothing of a long line is lost."""
    text = "".join(random.Random(1).choices("abc", k=3 * module.WIDTH + 5))
    got = lines(text)
    assert [len(line) for line in got] == [module.WIDTH] * 3 + [5]
    assert "".join(got) == text


def test_states_are_told_as_they_are_printed():
    """Each state of a bar is told when it is written over, and each line when it ends."""
    told: list[tuple[str, bool]] = []
    fold = Fold(lambda text, whole: told.append((text, whole)))
    for part in ("1%\r", "\r2", "%\r", "\x1b[2K3%", f"\r{RED}4%{OFF}\r\n", "end\r", "\n", "\n"):
        fold.feed(part, 1)
    assert told == [("1%", False), ("2%", False), ("3%", False), ("4%", True), ("end", True)]


PIECES = st.sampled_from(
    ["a", "bc", "\n", "\r", "\r\n", "\b", "\t", "\x1b[A", "\x1b[2B", "\x1b[3C", "\x1b[K",
     "\x1b[2K", "\x1b[J", "\x1b[2J", "\x1b[H", "\x1b[5;9H", "\x1b[31m", "\x1b[0m", "\x1b]0;t\x07",
     "é", "\x1b[?1049h", "\x1b[?1049l", "\x1b[999999999C", "\x1bM", "\x9b1A", "\x1b[;m"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60), st.randoms(use_true_random=False))
def test_where_the_pieces_are_torn_makes_no_difference(pieces, rng):
    """Any cut through the stream, also through control sequences, gives the same lines."""
    text = "".join(pieces)
    cuts = sorted(rng.choices(range(len(text) + 1), k=5))
    torn = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert lines(*torn) == lines(text)


@given(st.text(alphabet="\x00\x07\x1b[]?;0123456789mKJHABCDhlM \r\n\\ab", max_size=200))
def test_no_text_makes_it_fail(text):
    """Broken and senseless sequences are got over, and leave no controls but colours."""
    for line in lines(text, text):
        assert not set(plain(line)) & set("\x00\x07\x1b\r\n")


def test_bars_of_rich_fold_to_their_last_state():
    """A live display of rich, refreshed many times with logs between, ends as it looks."""
    console_module = pytest.importorskip("rich.console")
    progress_module = pytest.importorskip("rich.progress")
    out = io.StringIO()
    console = console_module.Console(file=out, force_terminal=True, width=60, color_system=None)
    with progress_module.Progress(
        "{task.description}", "{task.completed}/{task.total}", console=console, auto_refresh=False
    ) as progress:
        one, two = progress.add_task("one", total=50), progress.add_task("two", total=50)
        for n in range(50):
            progress.advance(one)
            progress.advance(two)
            if n == 25:
                console.print("half time")
            progress.refresh()
    assert [line for line in lines(out.getvalue()) if line] == [
        "half time",
        "one 50/50",
        "two 50/50",
    ]
