"""Taking in a source: equal, once, what is new, and whole or not at all."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from notabene.errors import FormatError
from notabene.importers import take_in
from notabene.importers._base import Cells, Ended, Kept, Logged, Missed, Points, Printed, Said
from notabene.importers.known import PART
from notabene.model.records import MetricDefined
from notabene.model.values import Blob, ImageValue, TextValue
from tests.unit.importers.conftest import END, START, Foreign, column

VALUES = [3.0, math.nan, math.inf, -math.inf, -0.0, 1e300, 0.1]


def test_all_of_a_run_is_here(lab):
    """Points to the bit, cells, values, tags, times and end are those of the source."""
    picture = Blob.of(b"\x89PNG pixels", "image/png")
    source = Foreign(
        one=[
            Cells(config={"lr": 0.1, "model.depth": 3}, summary={"best": 1}, notes={"n": "good"}),
            Said(0, MetricDefined(key="loss", goal="min")),
            column("loss", VALUES),
            Logged("img", 4, START, ImageValue(file=picture.ref(), width=2).encoded(picture)),
            Ended(START + 60_000_000, "failed", 3, "out of memory"),
        ]
    )
    report = lab.take(source)
    assert [(run.fate, run.points, run.values) for run in report.runs] == [("new", 7, 1)]
    run = lab.api.run("one")
    assert (run.project, run.status, run.exit_code, run.reason) == (
        "p", "failed", 3, "out of memory",
    )  # fmt: skip
    assert (run.started, run.ended, run.duration) == (START, START + 60_000_000, 60.0)
    assert run.params == {"lr": 0.1, "model.depth": 3}
    assert (run.summary["best"], run.tags, [n.text for n in run.notes]) == (
        1, {"from": "there"}, ["good"],
    )  # fmt: skip
    steps, values = lab.points("one", "loss")
    assert steps == list(range(7))
    assert str(values) == str(VALUES)
    assert [value.key for value in run.values()] == ["img"]
    assert lab.api.blobs.read(picture.digest) == b"\x89PNG pixels"
    assert run.captured()[PART]["where"] == "one"
    assert run.source == "foreign"


def test_twice_changes_nothing(lab):
    """Read or unread, the second import leaves every file as it is."""
    source = Foreign(one=[Cells(config={"a": 1}), column("x", VALUES), END], two=[column("x", [1])])
    assert lab.fates(source) == ["new", "new"]
    before = lab.files()
    assert lab.fates(source) == ["same", "same"]
    source.state = "2"  # the source says it changed, and did not
    assert lab.fates(source) == ["same", "same"]
    assert lab.files() == before


def test_a_source_that_has_grown(lab):
    """Only what is new is added: points behind the old ones, new keys, changed cells."""
    lab.take(Foreign(one=[Cells(config={"a": 1, "b": 2}), column("x", [1, 2, 3])]))
    more = Foreign(
        one=[
            Cells(config={"a": 9, "b": 2}, tags={"late": ""}),
            column("x", [1, 2]),
            column("x", [3, 4, 5], first=2),
            column("y", [7]),
            END,
        ]
    )
    more.state = "2"
    report = lab.take(more)
    assert [(run.fate, run.points) for run in report.runs] == [("more", 3)]
    run = lab.api.run("one")
    assert lab.points("one", "x") == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])
    assert lab.points("one", "y") == ([0], [7])
    assert run.params == {"a": 9, "b": 2}
    assert (run.tags, run.status) == ({"from": "there", "late": ""}, "finished")
    assert lab.fates(more) == ["same"]


def test_growth_after_sealing(lab):
    """The run may have been compacted in between."""
    source = Foreign(one=[column("x", [float(n) for n in range(100)]), column("y", [1, 2]), END])
    lab.take(source)
    assert lab.api.seal(seconds=10)
    source.runs["one"].insert(1, column("x", [100.0], first=100))
    source.state = "2"
    assert lab.fates(source) == ["more"]
    assert lab.points("one", "x")[1] == [float(n) for n in range(101)]


def test_a_source_that_was_changed(lab):
    """Where old points are others now, all are written anew and stand above the old ones."""
    source = Foreign(one=[column("x", [1, 2, 3]), column("y", [5]), END])
    lab.take(source)
    for state, values in (("2", [1, 9, 3, 4]), ("3", [0, 9])):
        source.runs["one"][0] = column("x", [float(v) for v in values])
        source.state = state
        assert lab.fates(source) == ["more"]
        assert lab.points("one", "x")[1][: len(values)] == values
        assert lab.points("one", "y") == ([0], [5])
        assert lab.fates(source) == ["same"]
    assert lab.api.run("one").status == "finished"


def test_fewer_points_than_before(lab):
    """A source that was cut takes nothing away here, and the report says so."""
    source = Foreign(one=[column("x", [1, 2, 3])])
    lab.take(source)
    source.runs["one"], source.state = [column("x", [1])], "2"
    report = lab.take(source)
    assert lab.points("one", "x")[1] == [1, 2, 3]
    assert "fewer points" in next(iter(report.missed()))


def test_cells_that_are_gone(lab):
    """Where the source gives all cells, those it has no longer are removed."""
    source = Foreign(one=[Cells(config={"a": 1, "b": 2}, whole=True), column("x", [1])])
    lab.take(source)
    source.runs["one"][0], source.state = Cells(config={"b": 2}, whole=True, tags={"t": "1"}), "2"
    lab.take(source)
    assert lab.api.run("one").params == {"b": 2}
    assert lab.api.run("one").tags == {"t": "1"}


def test_what_breaks_while_reading(lab):
    """What was read until then is kept and the rest named; other runs are not touched by it."""
    source = Foreign(
        bad=[FormatError("no such thing")],
        half=[column("x", [1, 2]), OSError(5, "Input/output error")],
        good=[column("x", [1]), END],
        nothing=[Missed("graphs are not carried over")],
    )
    report = lab.take(source)
    assert [run.fate for run in report.runs] == ["failed", "new", "new", "empty"]
    assert lab.points("half", "x")[1] == [1, 2]
    missed = report.missed()
    assert missed["it could not be read: no such thing"] == (1, 1)
    assert "it could be read only in part: input/output error" in missed
    assert "only in part" in str(lab.api.run("half").health)
    # What was read in part is read again, though the source has not changed.
    source.runs["half"][1] = column("x", [3], first=2)
    assert lab.fates(source)[1] == "more"
    assert lab.points("half", "x")[1] == [1, 2, 3]


@pytest.mark.parametrize("left", [0, 30, -9])
def test_a_journal_that_lost_its_end(lab, left):
    """What a disk has lost of an imported run is brought again, beside what is left."""
    source = Foreign(one=[Cells(config={"a": 1}), column("x", [1.0, 2.0, 3.0]), END])
    take_in(lab.api.folder, lab.api.blobs, source, "there")
    (folder,) = lab.api.folder.run_dirs()
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[: left or None] if left else b"")
    assert lab.fates(source) == ["more"]
    assert lab.points("one", "x")[1] == [1, 2, 3]
    assert lab.api.run("one").params == {"a": 1}
    assert lab.fates(source) == ["same"]


def test_dry_run(lab):
    """Says what would be done, and writes nothing."""
    source = Foreign(one=[column("x", [1])])
    before = lab.files()
    assert lab.fates(source, dry_run=True) == ["new"]
    assert lab.files() == before
    lab.take(source)
    assert lab.fates(source, dry_run=True) == ["same"]


def test_a_run_in_the_trash_stays_there(lab):
    """What somebody deleted here does not come back by itself."""
    source = Foreign(one=[column("x", [1]), END])
    lab.take(source)
    lab.api.delete("one")
    source.state = "2"
    assert lab.fates(source) == ["trash"]


def test_many_keys_and_shapes(lab):
    """Wide rows, keys that share an axis, single points: all come back."""
    rng = np.random.default_rng(1)
    keys = tuple(f"k{n}" for n in range(300))
    steps = np.arange(40, dtype=np.int64)
    table = rng.normal(size=(40, 300))
    wide = Points(keys, steps, START + steps, table)
    lab.take(Foreign(one=[wide, *(column(f"s{n}", [float(n)]) for n in range(50))]))
    assert lab.points("one", "k7") == (steps.tolist(), table[:, 7].tolist())
    assert lab.points("one", "s49") == ([0], [49.0])


def test_names_are_cleaned(lab):
    """Names that no store takes are changed, and the report says so."""
    report = lab.take(Foreign(one=[column("a\nb", [1]), column("x" * 400, [2]), column("", [3])]))
    names = sorted(lab.api.run("one").metrics)
    assert names[0] == "(empty)"
    assert "a\ufffdb" in names
    assert max(map(len, names)) < 250
    assert any("names" in what for what in report.missed())


def test_unknown_times_are_the_beginning(lab):
    """Points without a time lie where the run begins, at each import the same."""
    steps = np.arange(3, dtype=np.int64)
    source = Foreign(one=[Points(("x",), steps, np.zeros(3, np.int64), np.ones((3, 1)))])
    lab.take(source)
    source.state = "2"
    assert lab.fates(source) == ["same"]
    assert lab.api.run("one").started == START


def test_two_at_once(lab):
    """Two imports of one source at the same time give what one gives."""
    source = Foreign(**{f"r{n}": [column("x", [1, 2, float(n)]), END] for n in range(40)})
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(lab.take(source))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.count("new") + report.count("more") for report in reports) >= 40
    assert sum(run.points for report in reports for run in report.runs) == 120
    assert len(list(lab.api.runs())) == 40
    for n in range(40):
        assert lab.points(f"r{n}", "x")[1] == [1, 2, n]
    source.state = "2"
    assert set(lab.fates(source)) == {"same"}


KILLED = """
import os, sys
sys.path[:0] = [{root!r}]
from notabene.api import Api
from notabene.importers import take_in
from tests.unit.importers.conftest import END, Foreign, column
runs = {{f"r{{n}}": [column("x", [1.0] * 5000), END] for n in range(30)}}
source = Foreign(**runs)
real, count = source.read, [0]
def read(found):
    count[0] += 1
    for item in real(found):
        yield item
        if count[0] == {at}:
            os.kill(os.getpid(), 9)
source.read = read
import notabene.importers.take as take
take.BATCH = 7
with Api.make({store!r}) as api:
    take_in(api.folder, api.blobs, source, "there")
"""


@pytest.mark.parametrize("at", [1, 15, 30])
def test_killed_in_the_middle(lab, at):
    """Runs are here whole or not at all, and the next import brings the rest."""
    root = str(Path(__file__).parents[3])
    code = KILLED.format(root=root, at=at, store=str(lab.api.folder.root))
    done = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    here = len(list(lab.api.folder.run_dirs()))
    assert here == (at - 1) // 7 * 7
    source = Foreign(**{f"r{n}": [column("x", [1.0] * 5000), END] for n in range(30)})
    fates = lab.fates(source)
    assert fates == ["same"] * here + ["new"] * (30 - here)
    assert [len(lab.points(f"r{n}", "x")[1]) for n in (0, 29)] == [5000, 5000]
    assert not list(lab.api.folder.root.glob(".import-*"))


def test_text_values_stay(lab):
    """A value at the same step and time is written once, another beside it."""
    first = Logged("t", 1, START, TextValue(text="a", chars=1).encoded())
    source = Foreign(one=[first, first])
    lab.take(source)
    source.runs["one"].append(Logged("t", 2, START, TextValue(text="b", chars=1).encoded()))
    source.state = "2"
    lab.take(source)
    assert [value.step for value in lab.api.run("one").values()] == [1, 2]


def test_files_that_are_gone(lab, tmp_path):
    """A file that cannot be read, or linked, is named; the others of the artifact are kept."""
    (tmp_path / "there.txt").write_text("x")
    (tmp_path / "model.pt").write_text("w")
    files = (("a", tmp_path / "there.txt"), ("b", tmp_path / "gone.txt"))
    links = (("model.pt", tmp_path / "model.pt"), ("lost.pt", tmp_path / "lost.pt"))
    source = Foreign(
        one=[Kept(name="data", files=files, links=links), Kept(name="no", files=files[1:]), END]
    )
    report = lab.take(source)
    assert [run.fate for run in report.runs] == ["new"]
    assert "files cannot be read: no such file or directory" in report.runs[0].missed
    assert any(what.startswith("lost.pt is not linked") for what in report.runs[0].missed)
    assert [entry.path for entry in lab.api.artifact("data").listing()] == ["a", "model.pt"]
    assert [version.name for version in lab.api.artifacts()] == ["data"]


def test_a_console(lab):
    """What was printed is here, once, also where more of it comes later."""
    first = [Printed("one\n", START), Printed("bad\n", START + 1, error=True)]
    lab.take(Foreign(one=[*first]))
    source = Foreign(one=[*first, Printed("two\n", START + 2), column("x", [1.0]), END])
    source.state = "2"
    assert lab.fates(source) == ["more"]
    source.state = "3"
    assert lab.fates(source) == ["same"]
    source.runs["one"][3] = column("x", [2.0])  # replaced: all is written anew
    source.state = "4"
    assert lab.fates(source) == ["more"]
    lines = [(line.stream, line.plain) for line in lab.api.console("one")]
    assert lines == [("o", "one"), ("e", "bad"), ("o", "two")]


def test_aliases_move(lab):
    """An alias that points elsewhere by now is moved, also where the index is made anew."""
    old, new = (Kept(name="m", files=(("w", data),), aliases=("best",)) for data in (b"1", b"2"))
    lab.take(Foreign(one=[old, Kept(name="m", files=(("w", b"2"),))]))
    assert lab.api.artifact("m:best").ref == "m:v1"
    moved = Foreign(one=[Kept(name="m", files=(("w", b"1"),)), new])
    moved.state = "2"
    assert lab.fates(moved) == ["more"]
    assert lab.api.artifact("m:best").ref == "m:v2"
    lab.api.rebuild()
    assert lab.api.artifact("m:best").ref == "m:v2"
