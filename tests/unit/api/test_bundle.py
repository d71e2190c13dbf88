"""Export: runs as one file, with all that belongs to them."""

from __future__ import annotations

import signal
import subprocess
import sys

import msgspec
import pytest

from notabene._ids import now_us
from notabene.api.archive import unpack
from notabene.api.bundle import Head, Shelf
from notabene.errors import ConflictError, NotFoundError
from notabene.journal.reader import JournalReader
from notabene.model.records import NoteWritten, TagsChanged
from notabene.testing.scribe import Scribe
from tests.unit.api.conftest import Lab


@pytest.fixture
def full(lab):
    """Two runs of a project and one of another, with everything that can belong to a run."""
    first = lab.scribe("r1", project="p", name="one")
    lab.image(first, "img", b"pixels")
    lab.capture(first, b"code")
    lab.artifact(first, "model", {"weights.bin": b"w" * 300_000, "card.md": b"card"})
    lab.run(scribe=first, values={"loss": [3.0, 2.0]})
    second = lab.scribe("r2", project="p", name="two")
    lab.artifact(second, "model", {"weights.bin": b"v" * 10}, aliases=["best"])
    lab.run(scribe=second)
    lab.run("r3", project="q")
    return lab


def read(path, tmp_path):
    """The members of a bundle by name."""
    target = tmp_path / f"read-{path.name}"
    target.mkdir()
    return {name: (target / name).read_bytes() for name in unpack(path, target)}


def edits(members, tmp_path):
    """The edits in a bundle."""
    path = tmp_path / "desk.journal"
    path.write_bytes(members["desk.journal"])
    return [entry for batch in JournalReader(path).all() for entry in batch.entries]


def test_one_run(full, api, tmp_path):
    """A run brings its files, its content, its versions, and nothing of other runs."""
    done = api.export("one", tmp_path / "one")
    assert done.path == tmp_path / "one.notabene"
    assert done.bytes == done.path.stat().st_size
    assert (done.runs, done.artifacts, done.missing) == (("r1",), ("model:v1",), ())
    members = read(done.path, tmp_path)
    head = msgspec.json.decode(members["bundle.json"], type=Head)
    assert [(run.id, run.month) for run in head.runs] == [("r1", "2023-11")]
    journal = next((full.folder.runs / "2023-11" / "r1").glob("*.journal"))
    assert members[f"runs/0/{journal.name}"] == journal.read_bytes()
    content = {data for name, data in members.items() if name.startswith("blobs/")}
    assert {b"pixels", b"code", b"w" * 300_000, b"card"} < content
    assert b"v" * 10 not in content
    assert done.blobs == len(content) == 5
    shelf = msgspec.json.decode(members["artifacts.json"], type=Shelf)
    assert [version.version for version in shelf.versions] == [1]
    assert shelf.aliases == ()


def test_a_project_brings_its_notes_and_aliases(full, api, tmp_path):
    """A project brings all its runs, what was noted on it, and the aliases of its versions."""
    api.note_project("p", "plan")
    api.note_project("q", "other")
    api.tag("r1", "mine")
    api.tag("r3", "other")
    done = api.export("project:p", tmp_path / "p.notabene")
    assert done.runs == ("r1", "r2")
    members = read(done.path, tmp_path)
    found = [entry.record for entry in edits(members, tmp_path)]
    assert [type(record) for record in found] == [NoteWritten, TagsChanged]
    shelf = msgspec.json.decode(members["artifacts.json"], type=Shelf)
    assert [(alias.alias, alias.version) for alias in shelf.aliases] == [("best", 2)]
    (project,) = [p for p in api.projects() if p.name == "p"]
    assert api.export(project, tmp_path / "again").runs == ("r1", "r2")


def test_several_runs(full, api, tmp_path):
    """Runs come as references, views, or what a search found."""
    runs = api.runs("name like 't%' or project = 'q'")
    assert api.export(runs, tmp_path / "a").runs == ("r2", "r3")
    assert api.export(["one", api.run("r3")], tmp_path / "b").runs == ("r1", "r3")
    with pytest.raises(NotFoundError, match="no run to export"):
        api.export(api.runs("name = 'none'"), tmp_path / "c")
    with pytest.raises(NotFoundError, match="no project"):
        api.export("project:none", tmp_path / "c")
    with pytest.raises(NotFoundError):
        api.export("none", tmp_path / "c")
    assert sorted(p.name for p in tmp_path.glob("*.notabene")) == ["a.notabene", "b.notabene"]


def test_equal_runs_give_equal_bytes(full, api, tmp_path):
    """Exporting twice gives the same file."""
    api.tag("r1", "x")
    api.export("project:p", tmp_path / "a")
    api.export(["r2", "r1"], tmp_path / "c")
    api.export("project:p", tmp_path / "b")
    same = (tmp_path / "a.notabene").read_bytes()
    assert (tmp_path / "b.notabene").read_bytes() == same


def test_inputs_come_only_when_asked_for(lab, api, tmp_path):
    """Versions that a run read are not taken along unless wanted."""
    maker, user = lab.scribe("r1"), lab.scribe("r2")
    lab.use(user, lab.artifact(maker, "data", {"d": b"large"}))
    lab.run(scribe=maker)
    lab.run(scribe=user)
    assert api.export("r2", tmp_path / "a").artifacts == ()
    assert api.export("r2", tmp_path / "b", inputs=True).artifacts == ("data:v1",)
    assert b"large" in read(tmp_path / "b.notabene", tmp_path).values()


def test_missing_and_damaged_content_is_told(full, api, tmp_path):
    """Content that is gone or damaged is named, and the rest is exported."""
    version = api.artifact("model:v1")
    entry = version.manifest.file("weights.bin")
    path = full.root / "blobs" / entry.digest[:2] / entry.digest[2:]
    path.chmod(0o644)
    path.write_bytes(b"x" * entry.size)
    done = api.export("r1", tmp_path / "a")
    assert done.missing == (entry.digest,)
    assert done.blobs == 4
    path.unlink(missing_ok=True)
    for other in path.parent.glob("*.damaged*"):
        other.unlink()
    assert api.export("r1", tmp_path / "b").missing == (entry.digest,)


def test_a_run_at_work(lab, api, tmp_path):
    """A run that grows meanwhile is exported as it is when its file is read."""
    scribe = Scribe("r1", time=now_us()).start(project="p", name="one")
    scribe.row({"a": 1.0}, 0)
    path = lab.save(scribe)
    size = path.stat().st_size

    def grow(done, total):
        scribe.row({"a": 2.0}, 1)
        scribe.save(path.parent)

    api.export("r1", tmp_path / "a", progress=grow)
    members = read(tmp_path / "a.notabene", tmp_path)
    assert len(members[f"runs/0/{path.name}"]) == size
    assert path.stat().st_size > size


def test_a_run_that_is_sealed_meanwhile(lab, api, tmp_path, monkeypatch):
    """When a journal goes and a sealed file comes, the export has the records of one of them."""
    from notabene.api.bundle import Bundle

    lab.run("r1", values={"a": [1.0]})
    place = api.run_dir("r1")
    (journal,) = place.glob("*.journal")
    bundle = Bundle(lab.folder, api.blobs, ["r1"])
    real = bundle._files

    def files(folder):
        yield from list(real(folder))
        if journal.exists():
            journal.rename(place / "sealed")

    monkeypatch.setattr(bundle, "_files", files)
    bundle.write(tmp_path / "a")
    members = read(tmp_path / "a.notabene", tmp_path)
    assert [name for name in members if name.startswith("runs/")] == ["runs/0/sealed"]


def test_what_a_killed_process_left_in_its_ring(lab, api, open_api, tmp_path, monkeypatch):
    """Where nobody may bring home what a dead process left, the export takes it along."""
    code = (
        "import notabene, os, sys\n"
        "run = notabene.init('p', name='killed', store=sys.argv[1], capture=False)\n"
        "[run.log({'a': float(i)}, step=i) for i in range(1000)]\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(lab.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    monkeypatch.setattr("notabene.store.ingest.sweep", lambda _: [])
    run = api.run("killed").id
    assert not list(api.run_dir(run).glob("*.recovered"))
    api.export(run, tmp_path / "a")
    other = Lab(tmp_path / "other")
    there = open_api(other.root)
    there.import_(tmp_path / "a.notabene")
    assert there.history(run, "a").values.tolist() == [float(i) for i in range(1000)]
    assert there.run(run).status == "killed"


def test_a_file_is_not_replaced_unasked(full, api, tmp_path):
    """A file that is there is kept unless it may be replaced."""
    api.export("r1", tmp_path / "a")
    with pytest.raises(ConflictError, match="exists already"):
        api.export("r2", tmp_path / "a")
    assert api.export("r2", tmp_path / "a", overwrite=True).runs == ("r2",)


def test_rings_and_hidden_files_stay_here(full, api, tmp_path):
    """A run's ring, drafts and what is not ours are no part of an export."""
    place = api.run_dir("r1")
    for name in ("w.ring", "w.ring.1", ".draft.recovered", "notes.txt"):
        (place / name).write_bytes(b"x")
    api.export("r1", tmp_path / "a")
    names = [n for n in read(tmp_path / "a.notabene", tmp_path) if n.startswith("runs/")]
    assert [name.rsplit(".", 1)[-1] for name in names] == ["journal"]
