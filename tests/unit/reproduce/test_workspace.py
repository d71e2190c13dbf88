"""A folder in which a run finds what it found, and nothing else is touched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.evidence import (
    Data,
    FileMissing,
    FileRead,
    FileWritten,
    Listing,
    Source,
    Sources,
)
from notabene.proof.record import Record
from notabene.reproduce.workspace import Workspace, interpreters
from tests.unit.proof.making import digest


class Place:
    """A project that may be gone, what is kept of it, and a workspace for it."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "project"
        self.root.mkdir()
        self.folder = tmp_path / "again"
        self.kept: dict[str, bytes] = {}

    def keep(self, text: str) -> str:
        """Content that is kept; its digest."""
        self.kept[digest(text)] = text.encode()
        return digest(text)

    def fill(self, *, sources=(), code=None, process=None, **data) -> Workspace:
        """A workspace of a record."""
        found = self.of(sources=sources, code=code, process=process, **data)
        found.fill()
        return found

    def of(self, *, sources=(), code=None, process=None, **data) -> Workspace:
        """The same, not filled yet."""
        root = str(self.root)
        record = Record(
            run="r",
            sources=Sources(root=root, files=list(sources)),
            data=Data(**{"root": root, "folder": root, **data}),
            code=code or {},
            process=process or {},
        )
        return Workspace(record, self.folder, self.kept.get)


@pytest.fixture
def place(tmp_path) -> Place:
    """An empty project."""
    return Place(tmp_path)


def test_code_and_data_are_put_where_they_were(place):
    """All files under their full paths, the project's also below ``project``."""
    found = place.fill(
        sources=[Source(path="train.py", digest=place.keep("x"), script=True)],
        read=[
            FileRead(path="data/a.csv", digest=place.keep("1"), kept=True, mtime=1_000_000),
            FileRead(path="/far/b.csv", digest=place.keep("2"), kept=True),
        ],
    )
    assert (found.top / "train.py").read_text() == "x"
    assert (found.top / "data/a.csv").read_text() == "1"
    assert os.stat(found.top / "data/a.csv").st_mtime == 1
    assert (place.folder / "files/far/b.csv").read_text() == "2"
    assert (found.placed, found.linked, found.missing) == (3, 0, [])


def test_absolute_paths_inside_the_project(place):
    """A file that the program named in full is the one below the project."""
    path = f"{place.root}/a.csv"
    found = place.fill(read=[FileRead(path=path, digest=place.keep("1"), kept=True)])
    assert (found.top / "a.csv").read_text() == "1"


def test_paths_of_the_run_lead_here(place):
    """The project, and each file, source and folder outside it, have their places."""
    found = place.fill(
        sources=[Source(path="/far/lib.py", digest=place.keep("l"))],
        read=[FileRead(path="/far/b.csv", digest=place.keep("2"), kept=True)],
        listed=[Listing(path="/far/many"), Listing(path="data"), Listing(path="/far/*.csv")],
        missing=[FileMissing(path="/far/c"), FileMissing(path="/far/d", made=True),
                 FileMissing(path="e")],
    )  # fmt: skip
    outside = f"{place.folder}/files"
    for kept in interpreters(""):
        assert found.redirects.pop(kept) == kept
    assert found.redirects == {
        str(place.root): str(found.top),
        "/far/lib.py": f"{outside}/far/lib.py",
        "/far/b.csv": f"{outside}/far/b.csv",
        "/far/many": f"{outside}/far/many",
        "/far/*.csv": f"{outside}/far/*.csv",
        "/far/c": "-",
    }
    assert Path(outside, "far/many").is_dir()
    assert not Path(outside, "far/*.csv").exists()


@pytest.mark.parametrize(
    ("word", "led"),
    [
        ("{root}/a.csv", "{top}/a.csv"),
        ("--data={root}/data", "--data={top}/data"),
        ("{root}", "{top}"),
        ("{root}2/a.csv", "{root}2/a.csv"),
        ("/far/c", "/far/c"),
        ("--lr=0.1", "--lr=0.1"),
        ("a=b", "a=b"),
    ],
)
def test_words_of_the_command_line(place, word, led):
    """Paths on a command line are led along; what only begins like one, and what is gone, not."""
    found = place.fill(missing=[FileMissing(path="/far/c")])
    names = {"root": str(place.root), "top": str(found.top)}
    assert found.rewrite(word.format(**names)) == led.format(**names)


def test_folders_that_were_there(place):
    """Folders of what was written and listed are there; one the run itself made is not."""
    found = place.fill(
        written=[FileWritten(path="out/m.bin"), FileWritten(path="made/x"), FileWritten(path="y")],
        missing=[FileMissing(path="made", made=True)],
        listed=[Listing(path="data"), Listing(path="data/*.csv")],
    )
    assert sorted(p.name for p in found.top.iterdir()) == ["data", "out"]


def test_the_working_folder(place):
    """It is the same below the project, also where no file lies in it."""
    found = place.of(folder=f"{place.root}/sub/deep")
    found.fill()
    assert found.cwd == (place.folder / "project/sub/deep").resolve()
    assert place.of().cwd.is_dir()
    assert place.of(folder="/far").cwd == place.folder / "files/far"


def test_originals_that_are_unchanged_are_linked(place):
    """What was not kept and still has its content is used from where it lies."""
    (place.root / "big.bin").write_text("big")
    found = place.fill(read=[FileRead(path="big.bin", digest=digest("big"))])
    assert (found.top / "big.bin").readlink() == place.root / "big.bin"
    assert (found.linked, found.missing) == (1, [])


@pytest.mark.parametrize("how", ["overwritten", "written"])
def test_originals_that_the_run_writes_to_are_copied(place, how):
    """A rerun that writes over its input does not change the original."""
    (place.root / "a.csv").write_text("before")
    read = FileRead(path="a.csv", digest=digest("before"), overwritten=how == "overwritten")
    written = [FileWritten(path="a.csv")] if how == "written" else []
    found = place.fill(read=[read], written=written)
    (found.top / "a.csv").write_text("after")
    assert (place.root / "a.csv").read_text() == "before"


def told(found):
    """What is missing."""
    return [(one.what, one.item, one.why) for one in found.missing]


def test_data_that_is_gone_or_changed(place):
    """What cannot be had is told with the reason, and nothing stands in its place."""
    (place.root / "changed.csv").write_text("other")
    found = place.fill(
        read=[
            FileRead(path="gone.csv", digest=digest("x")),
            FileRead(path="changed.csv", digest=digest("y")),
            FileRead(path="lost.csv", digest=digest("z"), kept=True),
            FileRead(path="odd.csv", note="changed while it was read"),
            FileRead(path="pipe", note="no regular file"),
        ]
    )
    assert told(found) == [
        ("data", "gone.csv", "it is gone"),
        ("data", "changed.csv", "it has changed since"),
        ("data", "lost.csv", "it is gone"),
        ("data", "odd.csv", "changed while it was read"),
    ]
    assert list(found.top.iterdir()) == []


def test_data_that_a_data_system_vouches_for(place):
    """A file with an identity of its own needs no digest, but must be there."""
    (place.root / "a.bin").write_text("x")
    link = {"kind": "dvc", "id": "1"}
    found = place.fill(read=[FileRead(path=p, link=link) for p in ("a.bin", "b.bin")])
    assert found.linked == 1
    assert told(found) == [("data", "b.bin", "it is gone")]


def test_code_that_was_not_kept(place):
    """A source without content is missing, with the note of the record; originals do not count."""
    (place.root / "lib.py").write_text("x")
    found = place.fill(
        sources=[Source(path="lib.py", digest=digest("x")), Source(path="m.pyc", note="too large")]
    )
    assert told(found) == [("code", "lib.py", ""), ("code", "m.pyc", "too large")]


def test_sources_beside_the_script(place):
    """What lay beside the script is placed too; what the run loaded comes first."""
    code = {
        "files": {"f1": place.keep("beside"), "f2": place.keep("other")},
        "sources": [{"path": "conf.py", "file": "f1"}, {"path": "train.py", "file": "f2"}],
        "script": {"path": "no.py", "file": "f3"},
    }
    loaded = [Source(path="train.py", digest=place.keep("loaded"))]
    found = place.fill(sources=loaded, code=code)
    assert (found.top / "conf.py").read_text() == "beside"
    assert (found.top / "train.py").read_text() == "loaded"
    assert not (found.top / "no.py").exists()


def test_programs_may_be_run(place):
    """A file that could be executed can be executed here."""
    one = FileRead(path="tool", digest=place.keep("#!"), kept=True, executable=True)
    found = place.fill(read=[one, FileRead(path="a", digest=place.keep("1"), kept=True)])
    assert os.access(found.top / "tool", os.X_OK)
    assert not os.access(found.top / "a", os.X_OK)


def test_files_of_large_folders(place):
    """Files that the record tells in one line are placed one by one."""
    files = [FileRead(path=f"many/{n}", digest=place.keep(str(n)), kept=True) for n in range(3)]
    kept = place.keep(msgspec.json.encode(files).decode())
    found = place.fill(files_kept=kept)
    assert sorted(p.name for p in (found.top / "many").iterdir()) == ["0", "1", "2"]


EVIL = [
    "../x",
    "a/../../x",
    "../../../../../../../../tmp/x",
    "/far/../../../../x",
    "..",
    "../project2/x",
]


@pytest.mark.parametrize("path", EVIL)
@pytest.mark.parametrize("kind", ["source", "read", "set", "beside", "written", "listed"])
def test_no_path_leads_out_of_the_workspace(place, tmp_path, path, kind):
    """A record from elsewhere can name any path; nothing is written outside the folder."""
    before = set(tmp_path.rglob("*"))
    content = place.keep("evil")
    read = FileRead(path=path, digest=content, kept=True)
    inputs = {
        "source": {"sources": [Source(path=path, digest=content)]},
        "read": {"read": [read]},
        "set": {"files_kept": place.keep(msgspec.json.encode([read]).decode())},
        "beside": {"code": {"files": {"f": content}, "sources": [{"path": path, "file": "f"}]}},
        "written": {"written": [FileWritten(path=f"{path}/y")]},
        "listed": {"listed": [Listing(path=path)]},
    }[kind]
    place.fill(**inputs)
    made = set(tmp_path.rglob("*")) - before
    assert made
    assert all(one == place.folder or place.folder in one.parents for one in made)


NAMES = st.lists(st.sampled_from(["..", ".", "a", "b", "", "..x"]), max_size=8).map("/".join)


@given(NAMES, st.booleans(), st.sampled_from(["", "/p", "/p/q/r"]))
def test_every_path_has_a_place_inside(path, absolute, root):
    """Whatever a path looks like, its place lies in the workspace."""
    folder = Path("/w/again")
    record = Record(data=Data(root=root, folder=root))
    where = Workspace(record, folder, lambda _: None).where(f"/{path}" if absolute else path)
    assert os.path.normpath(where).startswith(f"{folder}/")


def test_a_record_without_a_root(place):
    """Without a project nothing of the machine is led anywhere."""
    record = Record(data=Data())
    found = Workspace(record, place.folder, place.kept.get)
    found.fill()
    assert set(found.redirects) == set(interpreters(""))
    assert found.rewrite("/etc/hosts") == "/etc/hosts"


def test_the_system_and_python_stay_where_they_are(place):
    """A program may list the folders they lie in."""
    above = str(Path(sys.prefix).parent)
    found = place.fill(listed=[Listing(path="/"), Listing(path="/usr"), Listing(path=above)])
    assert "/" not in found.redirects
    assert "/usr" not in found.redirects
    assert found.redirects[sys.prefix] == sys.prefix
    assert found.redirects[above] == str(found.where(above))
