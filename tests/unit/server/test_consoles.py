"""Consoles by page: what the reader reads, found by an index, and searched."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import zstandard

from notabene.capture.playback import ConsoleReader
from notabene.capture.transcript import Transcript
from notabene.errors import UsageError
from notabene.server.consoles import Consoles, Question
from notabene.server.lines import LineIndex, table_of
from tests.unit.server.conftest import print_lines


@pytest.fixture
def place(tmp_path):
    """A folder of a run with a console of a thousand lines."""
    folder = tmp_path / "run"
    folder.mkdir()
    print_lines(folder, 1000)
    return folder


def everything(consoles, place, step=77, **more):
    """All lines, page by page."""
    found, page = [], None
    while page is None or page.lines:
        page = consoles.page(place, Question(len(found), step, **more))
        found += page.lines
    return found


class TestPages:
    """Pages hold what a reader of the whole reads."""

    def test_all_pages_together(self, place):
        """Line by line: time, stream and text, and lines that changed as they stand."""
        expected = ConsoleReader.all(place)["w0"].read()
        found = everything(Consoles(), place)
        assert [(x.time, x.stream, x.text) for x in found] == [
            (x.time, x.stream, x.text) for x in expected
        ]
        assert [x.n for x in found] == list(range(len(expected)))

    def test_from_the_end(self, place):
        """A negative offset counts from the end, and not beyond the beginning."""
        consoles = Consoles()
        total = consoles.page(place, Question(0, 1)).total
        last = consoles.page(place, Question(-3, 10)).lines
        assert [x.n for x in last] == [total - 3, total - 2, total - 1]
        assert consoles.page(place, Question(-10_000, 2)).lines[0].n == 0
        assert consoles.page(place, Question(10_000, 2)).lines == []

    def test_from_a_time_or_a_place(self, place):
        """A page begins at the first line of a time, or at the first match from a place on."""
        consoles = Consoles()
        lines = everything(consoles, place)
        middle = lines[500]
        page = consoles.page(place, Question(0, 3, at=middle.time))
        assert page.lines[0].time >= middle.time
        assert page.offset == page.lines[0].n
        assert consoles.page(place, Question(0, 3, at=1 << 60)).lines == []
        match = consoles.page(place, Question(0, 1, search="line", after=500))
        assert match.lines[0].n >= 500
        before = consoles.page(place, Question(match.offset - 1, 1, search="line"))
        assert before.lines[0].n < 500

    def test_one_stream(self, place):
        """Lines keep their place in the whole console."""
        page = Consoles().page(place, Question(0, 1000, stream="e"))
        assert page.total == 100
        assert {x.stream for x in page.lines} == {"e"}
        assert page.lines[0].n > 0

    def test_while_it_grows(self, tmp_path):
        """A later look takes in what is new, and lines that changed meanwhile."""
        consoles, time = Consoles(), 1_700_000_000_000_000
        transcript = Transcript(tmp_path / "w0.console.zst")
        transcript.feed("o", "first\nloading 1", time)
        transcript.flush(time)
        assert [x.text for x in consoles.page(tmp_path, Question(0, 9)).lines] == [
            "first",
            "loading 1",
        ]
        time += 10_000_000
        transcript.feed("o", "\rloading 2\nthird\n", time)
        transcript.flush(time)
        page = consoles.page(tmp_path, Question(0, 9))
        assert [x.text for x in page.lines] == ["first", "loading 2", "third"]
        assert page.lines[1].time == time

    def test_nothing_printed(self, tmp_path):
        """A run without a console has an empty one."""
        page = Consoles().page(tmp_path, Question(-5, 5, search="x"))
        assert (page.total, page.lines, page.ranks, page.matches) == (0, [], [], 0)

    def test_the_middle_is_missing(self, tmp_path):
        """Where a long console was cut, a remark says how much; the sum is told."""
        transcript = Transcript(tmp_path / "w0.console.zst", limit=16 << 10)
        time = 1_700_000_000_000_000
        import random

        noise = random.Random(3)
        for n in range(3000):
            time += 1000
            transcript.feed("o", f"{n} {noise.random()}\n", time)
            if n % 20 == 0:
                transcript.flush(time)
        transcript.flush(time, everything=True)
        expected = ConsoleReader.all(tmp_path)["w0"].read()
        consoles = Consoles()
        found = everything(consoles, tmp_path)
        assert [x.text for x in found] == [x.text for x in expected]
        page = consoles.page(tmp_path, Question(0, 5000))
        remarks = [x.text for x in page.lines if x.stream == "n"]
        assert len(remarks) == 1
        assert f"{page.dropped:,} bytes were dropped here" in remarks[0]

    @pytest.mark.parametrize("at", [10, 400, 1500, -30])
    def test_damage(self, place, at):
        """Damaged bytes cost the lines in them, and are told; the rest is read."""
        path = place / "w0.console.zst"
        data = bytearray(path.read_bytes())
        data[at] ^= 0xFF
        path.write_bytes(data)
        expected = ConsoleReader.all(place)["w0"].read()
        found = everything(Consoles(), place)
        assert {x.text for x in found if "damaged" not in x.text} == {
            x.text for x in expected if "damaged" not in x.text
        }

    def test_several_processes(self, tmp_path):
        """Lines of one rank's processes are in order of time."""
        for name, shift in (("w0", 0), ("w1", 500)):
            transcript = Transcript(tmp_path / f"{name}.console.zst")
            for n in range(50):
                time = 1_700_000_000_000_000 + n * 1000 + shift
                transcript.feed("o", f"{name} {n}\n", time)
            transcript.flush(time + 10_000_000, everything=True)
        found = everything(Consoles(), tmp_path, step=7)
        assert [x.text for x in found[:4]] == ["w0 0", "w1 0", "w0 1", "w1 1"]
        assert [x.time for x in found] == sorted(x.time for x in found)
        page = Consoles().page(tmp_path, Question(0, 9, search="w1 4"))
        assert [x.text for x in page.lines] == ["w1 4", *(f"w1 4{n}" for n in range(8))]


class TestSearch:
    """What is looked for."""

    @pytest.mark.parametrize("search", ["LINE 77", "größe", "GRÖSSE", "line 999 ", "progress 950"])
    def test_plain_texts(self, place, search):
        """In upper or lower case, through colours, in lines as they stand."""
        texts = [x.plain for x in ConsoleReader.all(place)["w0"].read()]
        page = Consoles().page(place, Question(0, 1000, search=search))
        found = [n for n, text in enumerate(texts) if search.lower() in text.lower()]
        assert [x.n for x in page.lines] == found
        assert page.matches == len(found)

    def test_what_was_overwritten_is_not_found(self, place):
        """Only the last state of a line counts."""
        assert Consoles().page(place, Question(0, 9, search="progress 0")).matches <= 1
        assert Consoles().page(place, Question(0, 9, search="progress 500")).matches <= 1

    def test_signs_mean_themselves(self, place):
        """A plain search is no pattern, and times and numbers of lines are no text."""
        consoles = Consoles()
        for search in (".*", "line [", "17000000", " o 5 ", "\\", "["):
            assert consoles.page(place, Question(0, 9, search=search)).matches == 0, search

    def test_a_frame_without_lines(self, tmp_path):
        """A file begins with how much was printed before; that is no line to be found in."""
        transcript = Transcript(tmp_path / "w0.console.zst")
        transcript.flush(1_700_000_000_000_000, everything=True)
        transcript.feed("o", "10\n", 1_700_000_000_000_001)
        transcript.flush(1_700_000_000_000_001, everything=True)
        (tmp_path / "w1.console.zst").write_bytes(zstandard.compress(b"= 0 0\n"))
        page = Consoles().page(tmp_path, Question(0, 9, search="0"))
        assert [x.text for x in page.lines] == ["10"]

    def test_patterns(self, place):
        """Python's patterns, line by line."""
        page = Consoles().page(place, Question(0, 1000, search=r"^line \d0 ", regex=True))
        assert [x.text.split()[1] for x in page.lines] == [f"{n}0" for n in range(1, 10)]
        umlaut = Consoles().page(place, Question(0, 1000, search=r"1.* größe$", regex=True))
        assert umlaut.matches > 100

    def test_pages_of_matches(self, place):
        """Offset and limit count matches."""
        consoles = Consoles()
        whole = consoles.page(place, Question(0, 1000, search="line 1"))
        part = consoles.page(place, Question(10, 5, search="line 1"))
        assert part.lines == whole.lines[10:15]
        assert consoles.page(place, Question(-2, 5, search="line 1")).lines == whole.lines[-2:]

    @pytest.mark.parametrize("pattern", ["(", "*", "(?P<a", "a\nb", "a{9999999999}"])
    def test_patterns_that_are_none(self, place, pattern):
        """They are the asker's mistake."""
        with pytest.raises(UsageError, match="pattern"):
            Consoles().page(place, Question(0, 9, search=pattern, regex=True))

    def test_a_pattern_without_end(self, place, monkeypatch):
        """It is ended from outside; nobody else waits for it."""
        monkeypatch.setattr("notabene.server.consoles._SEARCHER", "while True: pass")
        monkeypatch.setattr("notabene.server.consoles.SECONDS", 0.05)
        with pytest.raises(UsageError, match="took over"):
            Consoles().page(place, Question(0, 9, search="(a*)*b", regex=True))


def test_records_that_are_none():
    """A frame with lines of another form gives those that are understood."""
    text = b"= 5 1\n12 o 0 fine\n\nx y z\n13 q 1 what\n14 e 7\n15 e 8 good\n"
    text += b"99999999999999999999 o 1 a\n"
    table = table_of(text)
    texts = [text[a:b] for a, b in zip(table.texts.tolist(), table.ends.tolist(), strict=True)]
    assert texts[0] == b"fine"
    assert b"good" in texts
    assert table_of(b"").times.tolist() == []


def test_an_index_goes_on_where_files_grew(place):
    """A second look reads no frame again."""
    reader = ConsoleReader.all(place)["w0"]
    index = LineIndex(reader)
    index.refresh(reader.pieces())
    frames, lines = len(index.frames), len(index)
    index.refresh(reader.pieces())
    assert (len(index.frames), len(index)) == (frames, lines)


def test_over_http(visitor, ids, api):
    """A page with its totals; a search in the query; limits as for all lists."""
    print_lines(api.run_dir(ids["media"]), 300)
    path = f"/runs/{ids['media']}/console"
    page = visitor.json(f"{path}?offset=-2&limit=5")
    assert page["ranks"] == [0]
    assert page["lines"][-1]["text"].endswith("299 Größe")
    assert "\x1b[3" in page["lines"][-1]["text"]
    found = visitor.json(f"{path}?search={quote('line 29')}&stream=o")
    assert found["matches"] == 10
    assert visitor.json(f"{path}?search={quote('e 2[0-4]$')}&regex=true&limit=0")["matches"] == 0
    text = visitor.get(f"{path}?format=text&plain=1&stream=e")
    assert text.headers["content-disposition"].startswith("attachment")
    assert text.headers["content-type"].startswith("text/plain")
    assert text.body.decode().splitlines()[:2] == ["line 3 Größe", "line 13 Größe"]
    assert visitor.get(f"{path}?format=text").body.count(b"\n") == page["total"]
    assert visitor.get(f"{path}?limit=1001").status == 400
    assert visitor.get(f"{path}?search=(&regex=1").status == 400
    assert visitor.get(f"{path}?stream=x").status == 400
    assert visitor.get(f"{path}?rank=-1").status == 400
