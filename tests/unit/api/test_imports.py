"""Import: equal after the trip, idempotent, and nothing is placed of what is refused."""

from __future__ import annotations

import io
import shutil
import tarfile

import msgspec
import pytest
import zstandard

from notabene.api import Api
from notabene.api.archive import ArchiveWriter, unpack
from notabene.errors import ConflictError, FormatError
from notabene.journal.desk import desk_journal, read_desk
from notabene.journal.folder import StoreFolder
from notabene.model.records import (
    AliasMoved,
    ArtifactDeleted,
    Entry,
    NoteWritten,
    RunDeleted,
)
from notabene.testing.scribe import Scribe
from tests.unit.api.conftest import Lab, die


@pytest.fixture
def full(lab):
    """A project with everything that can belong to a run."""
    first = lab.scribe("r1", project="p", name="one")
    lab.image(first, "img", b"pixels")
    lab.capture(first, b"code")
    lab.artifact(first, "model", {"w": b"1" * 200_000}, aliases=["old"])
    lab.run(scribe=first, values={"loss": [3.0, float("nan"), 1.0]}, params={"lr": 0.1})
    second = lab.scribe("r2", project="p", name="two")
    lab.artifact(second, "model", {"w": b"2"}, aliases=["best"])
    lab.run(scribe=second, values={"loss": [1.0]}, status="failed")
    return lab


@pytest.fixture
def other(tmp_path):
    """Another store to import into."""
    return Lab(tmp_path / "other")


@pytest.fixture
def there(other, open_api):
    """That store, opened."""
    return open_api(other.root)


def everything(api: Api, project: str = "p") -> dict[str, object]:
    """All that an Api answers of a project."""
    return {
        "runs": [view.to_dict() for view in api.runs(project=project, archived=True)],
        "series": {
            (view.id, key): [a.tobytes() for a in (h.steps, h.times, h.values)]
            for view in api.runs(project=project)
            for key, h in api.history(view).items()
        },
        "values": [view.values() for view in api.runs(project=project)],
        "captured": [view.captured() for view in api.runs(project=project)],
        "artifacts": api.artifacts(),
        "files": [api.artifact(v.ref).listing() for v in api.artifacts()],
        "content": [api.artifact(v.ref).read("w") for v in api.artifacts()],
        "diary": api.diary(project),
        "edges": [api.lineage(view) for view in api.runs(project=project)],
    }


def files_of(folder: StoreFolder) -> dict[str, bytes]:
    """All files of a store."""
    return {
        str(path.relative_to(folder.root)): path.read_bytes()
        for path in sorted(folder.root.rglob("*"))
        if path.is_file() and path.name != "format"
    }


class TestTheTrip:
    """Out and in again."""

    def test_equal_after_the_trip(self, full, api, there, tmp_path):
        """Runs, series, values, captures, artifacts, edits and notes answer alike."""
        api.tag("r1", "kept")
        api.note("r2", "odd")
        api.note_project("p", "plan")
        api.conclude("r1", "works", "supported")
        api.archive("r2")
        api.alias("model:v1", "good")
        api.unalias("model", "old")
        api.export("project:p", tmp_path / "p")
        done = there.import_(tmp_path / "p.notabene")
        assert (done.imported, done.skipped, done.updated) == (("r1", "r2"), (), ())
        assert done.artifacts == ("model:v1", "model:v2")
        assert done.renamed == done.renumbered == {}
        assert everything(there) == everything(api)
        assert there.store.artifacts() == api.store.artifacts()
        assert there.blob(there.values("r1", "img")[0].value["file"]) == b"pixels"
        there.rebuild()
        assert everything(there) == everything(api)

    def test_doing_it_again_changes_nothing(self, full, api, there, other, tmp_path):
        """A second import of the same file skips all, and leaves the store byte for byte."""
        api.tag("r1", "kept")
        api.export("project:p", tmp_path / "p")
        there.import_(tmp_path / "p.notabene")
        before = files_of(other.folder)
        done = there.import_(tmp_path / "p.notabene")
        assert done.skipped == ("r1", "r2")
        assert (done.imported, done.artifacts, done.blobs) == ((), (), 0)
        assert files_of(other.folder) == before

    def test_back_where_it_came_from(self, full, api, lab, tmp_path):
        """Importing into the store that exported is as good as nothing."""
        api.note("r1", "text")
        api.export("project:p", tmp_path / "p")
        before = everything(api)
        assert api.import_(tmp_path / "p.notabene").skipped == ("r1", "r2")
        assert everything(api) == before

    def test_a_second_trip(self, full, api, there, open_api, tmp_path):
        """What was imported can be exported again, and is the same run."""
        api.tag("r1", "kept")
        api.export("r1", tmp_path / "a")
        there.import_(tmp_path / "a.notabene")
        there.export("r1", tmp_path / "b")
        assert (tmp_path / "a.notabene").read_bytes() == (tmp_path / "b.notabene").read_bytes()

    def test_into_a_store_that_is_not_there(self, full, api, tmp_path):
        """A new store can be made for what is imported."""
        api.export("r1", tmp_path / "a")
        with Api.make(tmp_path / "fresh") as fresh:
            assert fresh.import_(tmp_path / "a.notabene").imported == ("r1",)
            assert fresh.runs().ids == ["r1"]

    def test_a_deleted_run(self, full, api, there, tmp_path):
        """A run in the trash can be exported, arrives there as deleted, and can be restored."""
        api.delete("r1")
        api.export("r1", tmp_path / "a")
        there.import_(tmp_path / "a.notabene")
        assert there.runs().ids == []
        assert there.runs(deleted=True).ids == ["r1"]
        there.restore("r1")
        assert there.history("r1", "loss").steps.tolist() == [0, 1, 2]

    def test_progress(self, full, api, there, tmp_path):
        """Export and import tell how far they are, up to the end."""
        out, back = [], []
        api.export("r1", tmp_path / "a", progress=lambda *told: out.append(told))
        there.import_(tmp_path / "a.notabene", progress=lambda *told: back.append(told))
        for told in (out, back):
            assert [done for done, _ in told] == sorted(done for done, _ in told)
            assert told[-1][0] == told[-1][1] > 0

    def test_a_version_in_the_trash_arrives_out_of_it(self, full, api, there, tmp_path):
        """What one deletes here is not deleted there."""
        api.delete_artifact("model:v1")
        api.export("r1", tmp_path / "a")
        there.import_(tmp_path / "a.notabene")
        assert there.artifact("model:v1").read("w") == b"1" * 200_000
        assert [v.deleted for v in there.store.artifacts("model", deleted=True)] == [False]


class TestMore:
    """A later state of a run that is here."""

    def test_a_run_that_went_on(self, lab, api, there, tmp_path):
        """Importing a later export of the same run adds what came since, once."""
        scribe = lab.scribe("r1")
        lab.run(scribe=scribe, values={"a": [1.0, 2.0]}, status=None)
        api.export("r1", tmp_path / "early")
        scribe.row({"a": 3.0}, 2)
        scribe.finish()
        lab.save(scribe)
        api.tag("r1", "late")
        api.export("r1", tmp_path / "late")
        assert there.import_(tmp_path / "early.notabene").imported == ("r1",)
        assert there.import_(tmp_path / "late.notabene").updated == ("r1",)
        assert there.history("r1", "a").values.tolist() == [1.0, 2.0, 3.0]
        assert there.run("r1").to_dict() == api.run("r1").to_dict()
        assert there.run("r1").points == 3
        assert there.import_(tmp_path / "late.notabene").skipped == ("r1",)
        assert there.import_(tmp_path / "early.notabene").skipped == ("r1",)
        there.rebuild()
        assert there.run("r1").to_dict() == api.run("r1").to_dict()

    def test_sealed_or_not_is_the_same_run(self, lab, api, there, other, tmp_path):
        """A run that was compacted on one side is known to be the same on the other."""
        lab.run("r1", values={"a": [1.0, 2.0]})
        api.export("r1", tmp_path / "raw")
        there.import_(tmp_path / "raw.notabene")
        there.seal(seconds=10.0)
        assert [path.name for path in there.run_dir("r1").iterdir()] == ["sealed"]
        assert there.import_(tmp_path / "raw.notabene").skipped == ("r1",)
        there.export("r1", tmp_path / "sealed")
        assert api.import_(tmp_path / "sealed.notabene").skipped == ("r1",)
        shutil.rmtree(other.root / "runs")
        there.refresh(full=True)
        assert there.import_(tmp_path / "sealed.notabene").imported == ("r1",)
        assert everything(there, "digits") == everything(api, "digits")

    def test_a_run_in_the_trash_stays_there(self, full, api, there, tmp_path):
        """A run that was deleted here is not brought back by an import."""
        api.export("r1", tmp_path / "a")
        there.import_(tmp_path / "a.notabene")
        there.delete("r1")
        assert there.import_(tmp_path / "a.notabene").skipped == ("r1",)
        assert there.runs().ids == []


class TestConflicts:
    """What is taken here."""

    @pytest.fixture
    def taken(self, full, api, other, tmp_path):
        """The other store has another run of the same id."""
        other.run("r1", project="mine", values={"loss": [9.0]})
        api.tag("r1", "theirs")
        api.export("project:p", tmp_path / "p")
        return tmp_path / "p.notabene"

    def test_another_run_of_the_id(self, taken, there, other):
        """Another run under the same id is refused before anything is placed."""
        before = files_of(other.folder)
        with pytest.raises(ConflictError, match="r1") as caught:
            there.import_(taken)
        assert "new_ids" in caught.value.hint
        assert files_of(other.folder) == before
        assert there.runs().ids == ["r1"]

    def test_under_new_ids(self, taken, there, api):
        """With new ids the run comes in beside, its edits and versions with it."""
        done = there.import_(taken, new_ids=True)
        new = done.renamed["r1"]
        assert new.startswith("r1-")
        assert done.imported == (new, "r2")
        assert there.history("r1", "loss").values.tolist() == [9.0]
        assert there.history(new, "loss").steps.tolist() == [0, 1, 2]
        assert there.run(new).tags == {"theirs": ""}
        assert there.run("r1").tags == {}
        assert there.artifact("model:v1").run == new
        mine, theirs = there.run(new).to_dict(), api.run("r1").to_dict()
        for found in (mine, theirs):
            del found["id"], found["notes"], found["artifacts"]
        assert mine == theirs

    def test_new_ids_twice(self, taken, there, other):
        """Importing under new ids twice gives one copy."""
        there.import_(taken, new_ids=True)
        before = files_of(other.folder)
        done = there.import_(taken, new_ids=True)
        assert len(done.skipped) == 2
        assert files_of(other.folder) == before

    def test_a_child_follows_its_parent(self, lab, api, there, other, tmp_path):
        """Where a parent gets a new id, its children name that one, and are known again by it."""
        lab.run("parent")
        from notabene.model.records import RunCreated

        child = lab.scribe("zchild")
        child.record(RunCreated(project="digits", parent="parent"))
        lab.run(scribe=child)
        api.export(["parent", "zchild"], tmp_path / "a")
        other.run("parent", project="mine")
        done = there.import_(tmp_path / "a.notabene", new_ids=True)
        assert there.run("zchild").parent == done.renamed["parent"]
        before = files_of(other.folder)
        again = there.import_(tmp_path / "a.notabene", new_ids=True)
        assert (again.renamed, len(again.skipped)) == (done.renamed, 2)
        assert files_of(other.folder) == before

    def test_numbers_of_versions_that_are_taken(self, full, api, there, other, tmp_path):
        """A version whose number is taken gets the next one, everywhere it is named."""
        scribe = other.scribe("mine")
        other.artifact(scribe, "model", {"w": b"other"}, aliases=["mine"])
        other.run(scribe=scribe)
        api.alias("model:v2", "good")
        api.export("project:p", tmp_path / "p")
        done = there.import_(tmp_path / "p.notabene")
        assert done.renumbered == {"model:v1": "model:v3"}
        assert done.artifacts == ("model:v3", "model:v2")
        assert there.artifact("model:v1").read("w") == b"other"
        assert there.artifact("model:v3").read("w") == b"1" * 200_000
        assert there.artifact("model:good").version == 2
        assert there.artifact("model:old").version == 3
        assert [(e.name, e.version) for e in there.run("r1").artifacts] == [("model", 3)]
        assert {n.id for n in there.lineage("model:v3").nodes} == {"model:v3", "r1"}
        again = there.import_(tmp_path / "p.notabene")
        assert (again.skipped, again.artifacts) == (("r1", "r2"), ())
        assert there.check().good

    def test_latest_after_the_trip(self, lab, api, there, other, tmp_path):
        """What was logged last is ``latest`` after an import too, on both ways to ask for it."""
        other.artifact(other.scribe("mine"), "m", {"w": b"a"})
        scribe = lab.scribe("r1", project="p")
        for body in (b"b", b"c", b"b", b"a"):
            lab.artifact(scribe, "m", {"w": body})
        lab.run(scribe=scribe)
        api.export("r1", tmp_path / "a")
        done = there.import_(tmp_path / "a.notabene")
        assert done.renumbered == {"m:v1": "m:v4", "m:v3": "m:v1"}
        for latest in (1, 4, 2):
            assert there.artifact("m").version == there.store.artifact("m").version == latest
            there.delete_artifact(f"m:v{latest}")
            there.refresh()

    def test_content_that_is_here_under_another_number(self, full, api, there, other, tmp_path):
        """Equal content is the version that is here, not a second one."""
        scribe = other.scribe("mine")
        other.artifact(scribe, "model", {"w": b"2"})
        other.run(scribe=scribe)
        api.export("r2", tmp_path / "a")
        done = there.import_(tmp_path / "a.notabene")
        assert done.renumbered == {"model:v2": "model:v1"}
        assert [v.version for v in there.artifacts("model")] == [1]
        assert there.artifact("model:best").version == 1


class TestRefused:
    """Archives that lie."""

    @pytest.fixture
    def good(self, full, api, tmp_path):
        """The members of a good bundle of run r1."""
        api.tag("r1", "x")
        api.export("r1", tmp_path / "good")
        place = tmp_path / "members"
        place.mkdir()
        return {
            name: (place / name).read_bytes() for name in unpack(tmp_path / "good.notabene", place)
        }

    def make(self, tmp_path, members):
        """A bundle of these members, with digests that fit."""
        path = tmp_path / "bad.notabene"
        with ArchiveWriter(path, progress=None, total=0) as archive:
            for name, data in members.items():
                archive.add_bytes(name, data)
            archive.finish()
        return path

    def refuse(self, there, other, path, match):
        """The bundle is refused, and the store stays as it is."""
        before = files_of(other.folder)
        with pytest.raises(FormatError, match=match):
            there.import_(path)
        assert files_of(other.folder) == before
        assert there.runs(archived=True).ids == []

    def test_the_good_one_is_good(self, good, there, tmp_path):
        """Made of the same members, a bundle is taken in."""
        assert there.import_(self.make(tmp_path, good)).imported == ("r1",)

    def test_a_newer_format(self, good, there, other, tmp_path):
        """A bundle of a newer format asks for an upgrade."""
        head = msgspec.json.decode(good["bundle.json"])
        good["bundle.json"] = msgspec.json.encode({**head, "format": 99})
        self.refuse(there, other, self.make(tmp_path, good), "format 99")

    @pytest.mark.parametrize("run_id", ["../../evil", "", "a/b", ".hidden", "x" * 200])
    def test_a_run_id_that_leads_elsewhere(self, good, there, other, tmp_path, run_id):
        """An id that is no id is refused."""
        head = msgspec.json.decode(good["bundle.json"])
        head["runs"][0]["id"] = run_id
        good["bundle.json"] = msgspec.json.encode(head)
        self.refuse(there, other, self.make(tmp_path, good), "refused as a whole")

    def test_a_month_that_leads_elsewhere(self, good, there, other, tmp_path):
        """A month that is no month is refused."""
        head = msgspec.json.decode(good["bundle.json"])
        head["runs"][0]["month"] = "../.."
        good["bundle.json"] = msgspec.json.encode(head)
        self.refuse(there, other, self.make(tmp_path, good), "no month")

    def test_a_journal_of_another_run(self, good, there, other, tmp_path):
        """A journal that says it is of another run is refused."""
        stranger = Scribe("victim", writer="w9").start(name="x")
        good["runs/0/w9.journal"] = stranger.save(tmp_path).read_bytes()
        self.refuse(there, other, self.make(tmp_path, good), "of another run")

    def test_files_of_a_run_that_is_not_named(self, good, there, other, tmp_path):
        """Files of a run that the head does not name are refused."""
        good["runs/7/w9.journal"] = b""
        self.refuse(there, other, self.make(tmp_path, good), "does not name")

    @pytest.mark.parametrize(
        ("run", "record"),
        [
            ("victim", RunDeleted()),
            ("", NoteWritten(id="n", text="spam", project="victim")),
            ("", ArtifactDeleted(name="model", version=1)),
            ("", AliasMoved(name="victim", alias="best", version=None)),
        ],
        ids=["a run", "a project", "a version", "an alias"],
    )
    def test_edits_of_what_is_not_in_it(self, good, there, other, tmp_path, run, record):
        """A bundle cannot delete or note what is not its own."""
        good["desk.journal"] = desk_journal([Entry("w", 1, 1, record, run)])
        self.refuse(there, other, self.make(tmp_path, good), "edits of what is not in it")

    @pytest.mark.parametrize(
        ("part", "field", "value", "match"),
        [
            ("versions", "name", "a:b", "':'"),
            ("versions", "digest", "../../evil", "no digest"),
            ("versions", "version", 0, "version 0"),
            ("aliases", "alias", "../../evil", "'/'"),
            ("aliases", "alias", "v3", "version number"),
            ("aliases", "version", 77, "not in it"),
            ("aliases", "name", "victim", "not in it"),
            ("aliases", "version", "1/../../evil", "cannot be read"),
        ],
    )
    def test_a_shelf_that_lies(self, good, there, other, tmp_path, part, field, value, match):
        """Versions and aliases with names, numbers or digests that cannot be are refused."""
        shelf = msgspec.json.decode(good["artifacts.json"])
        shelf[part][0][field] = value
        good["artifacts.json"] = msgspec.json.encode(shelf)
        self.refuse(there, other, self.make(tmp_path, good), match)

    def test_a_writer_that_leads_elsewhere(self, good, there, other, tmp_path):
        """The id of a writer in an alias's stamp cannot name a file elsewhere."""
        shelf = msgspec.json.decode(good["artifacts.json"])
        shelf["aliases"][0]["writer"] = "../../../evil"
        good["artifacts.json"] = msgspec.json.encode(shelf)
        self.refuse(there, other, self.make(tmp_path, good), "no stamp")

    def test_wrong_json(self, good, there, other, tmp_path):
        """A part that does not parse is refused."""
        good["artifacts.json"] = b"[]"
        self.refuse(there, other, self.make(tmp_path, good), r"artifacts\.json cannot be read")

    def test_a_symbolic_link_in_a_real_bundle(self, good, there, other, tmp_path):
        """One link among good members, and the whole is refused."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, data in good.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            info = tarfile.TarInfo("runs/0/w9.journal")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
        path = tmp_path / "bad.notabene"
        path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
        self.refuse(there, other, path, "no plain file")


def test_killed_in_the_middle(full, api, other, open_api, tmp_path, monkeypatch):
    """An import that was killed at any step is completed by the next one."""
    api.tag("r1", "x")
    api.export("project:p", tmp_path / "p")
    wanted = everything(api)
    steps = ("_place_blobs", "_place_versions", "_place_run", "_place_edits")
    for step in steps:
        shutil.rmtree(other.root)
        StoreFolder.open(other.root, create=True)
        with monkeypatch.context() as patch, Api(other.root) as first:
            patch.setattr(f"notabene.api.imports._Import.{step}", die)
            with pytest.raises(KeyboardInterrupt):
                first.import_(tmp_path / "p.notabene")
        with Api(other.root) as second:
            second.import_(tmp_path / "p.notabene")
            assert everything(second) == wanted
        assert not list(other.root.glob(".import-*"))


def test_edits_are_placed_once(full, api, there, other, tmp_path):
    """The edits of two exports of the same runs count once."""
    api.tag("r1", "a")
    api.export("r1", tmp_path / "one")
    api.note("r1", "b")
    api.export("r1", tmp_path / "two")
    there.import_(tmp_path / "one.notabene")
    there.import_(tmp_path / "two.notabene")
    assert len(read_desk(other.folder)) == 2
    assert there.run("r1").tags == {"a": ""}
    assert [note.text for note in there.run("r1").notes] == ["b"]
