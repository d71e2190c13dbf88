"""Runs that read so many files that a record would not hold them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import notabene
from notabene.capture.inputs import FEW, MANY, MOST, fold
from notabene.journal.folder import StoreFolder
from notabene.model.canonical import digest_bytes
from notabene.model.evidence import Data, FileRead

PROGRAM = """\
import os, sys, random
import notabene
run = notabene.init("p", store=sys.argv[1])
for folder, _, names in sorted(os.walk("data")):
    for name in sorted(names):
        with open(os.path.join(folder, name), "rb") as file: file.read()
run.log({"x": random.random()})
run.finish()
print(run.id)
"""


class Project:
    """A program that reads folders of files."""

    def __init__(self, top: Path, folders: int, files: int) -> None:
        self.top, self.store = top, str(top / "store")
        for number in range(folders):
            for at in range(files):
                self.path(number, at).parent.mkdir(parents=True, exist_ok=True)
                self.path(number, at).write_bytes(b"%d %d" % (number, at))
        (top / "train.py").write_text(PROGRAM)

    def path(self, folder: int, at: int) -> Path:
        """One of the files; their names are long, as those of data sets are."""
        return self.top / "data" / f"class-{folder:03}" / f"{'picture-' * 8}{at:05}.png"

    def run(self) -> str:
        """Run the program; gives the run's id."""
        env = {**os.environ, "XDG_CACHE_HOME": str(self.top / "cache"), "NOTABENE_QUIET": "1"}
        done = subprocess.run(
            [sys.executable, "train.py", self.store],
            cwd=self.top,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@pytest.mark.parametrize(
    ("folders", "files", "lines", "sets"),
    [pytest.param(6, 300, 1800, 0, id="a long part"), pytest.param(1, 1100, 0, 1, id="a set")],
)
def test_all_of_it_is_kept_spared_and_taken_along(tmp_path, folders, files, lines, sets):
    """The record is whole; no collection takes what it names; an export has it all."""
    project = Project(tmp_path, folders, files)
    run = project.run()
    digest = digest_bytes(b"0 7")
    with notabene.Api(project.store) as api:
        record = api.record(run)
        assert record.not_recorded == {}
        assert record.randomness.generators, "the parts that come after are there"
        assert (len(record.data.read), len(record.data.sets)) == (lines, sets)
        assert record.data.pending == 0
        report = api.gc(min_age_days=0, apply=True)
        assert report.count == 0, "nothing goes"
        assert api.blob(digest) == b"0 7"
        api.export([run], tmp_path / "run.zip")
    StoreFolder.open(tmp_path / "other", create=True)
    with notabene.Api(tmp_path / "other") as other:
        other.import_(tmp_path / "run.zip")
        assert other.blob(digest) == b"0 7"
        assert other.record(run).data == record.data


@pytest.mark.parametrize("content", [b"[1]", b"no JSON"])
def test_a_long_part_that_is_none_is_said_to_be_lost(tmp_path, monkeypatch, content):
    """The other parts are read all the same."""
    project = Project(tmp_path, 6, 300)
    run = project.run()
    with notabene.Api(project.store) as api:
        monkeypatch.setattr(notabene.Api, "blob", lambda *_: content)
        record = api.record(run)
    assert list(record.not_recorded) == ["data"]
    assert "cannot be read" in record.not_recorded["data"]
    assert record.randomness.generators


def test_the_file_that_differs_is_named(tmp_path):
    """Also where its folder is told in one line, and where one run has just too few for that."""
    project = Project(tmp_path, 1, MANY)
    runs = [project.run()]
    project.path(0, 3).write_bytes(b"changed")
    project.path(0, MANY).write_bytes(b"one more")
    runs.append(project.run())
    with notabene.Api(project.store) as api:
        assert [len(api.record(run).data.sets) for run in runs] == [0, 1]
        found = [one.item for one in api.diff(*runs).differences if one.kind == "data"]
    names = {f"data/class-000/{project.path(0, at).name}" for at in (3, MANY)}
    assert names | {"data/class-000"} == set(found), "and the folder has another list of names"


def test_what_made_one_of_very_many_files_is_found(tmp_path):
    """A model's ancestors, where what it was trained on is told in one line."""
    project = Project(tmp_path, 1, MANY)
    made = str(project.path(0, MANY))
    prepare = f"open({made!r}, 'wb').write(b'made')\nrun.log("
    train = "open('model.bin', 'wb').write(b'model')\nrun.log("
    (tmp_path / "train.py").write_text(PROGRAM.replace("run.log(", prepare))
    first = project.run()
    (tmp_path / "train.py").write_text(PROGRAM.replace("run.log(", train))
    second = project.run()
    with notabene.Api(project.store) as api:
        assert len(api.record(second).data.sets) == 1
        assert [one.run for one in api.whence(tmp_path / "model.bin")] == [second, first]


def data(*counts: int) -> Data:
    """Folders of so many files."""
    return Data(
        root="/nowhere",
        read=[
            FileRead(path=f"f{folder}/{at}", digest=f"{at:064x}")
            for folder, count in enumerate(counts)
            for at in range(count)
        ],
    )


def test_the_largest_folders_are_told_in_one_line_first():
    """As many as need be, and no small ones."""
    some = data(900, 900, 900, 900, 900, 900, FEW)
    away = fold(some)
    assert [one["path"] for one in some.sets] == ["f0"]
    assert len(some.read) == 5 * 900 + FEW <= MOST
    assert {one.path.split("/")[0] for one in away} == {"f0"}
    few = data(*[FEW] * (MOST // FEW + 1))
    assert fold(few) == []
    assert fold(data(MANY)) == []
    assert len(fold(data(MANY + 1))) == MANY + 1
