"""Opening a store: where it is found, what is made, who may read it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import notabene
from notabene.api import Api
from notabene.errors import AccessError, FormatError, NotFoundError, UsageError
from tests.unit.api.conftest import Lab


class TestOpening:
    """Where a store is."""

    def test_no_store_makes_nothing(self, home, tmp_path):
        """Without a store, opening is an error that says what to do, and makes nothing."""
        with pytest.raises(NotFoundError) as caught:
            Api()
        assert str(home / ".notabene") in caught.value.message
        assert "NOTABENE_STORE" in caught.value.hint
        with pytest.raises(NotFoundError):
            Api(tmp_path / "none")
        assert not (home / ".notabene").exists()
        assert not (tmp_path / "none").exists()

    def test_as_for_runs(self, lab, tmp_path, monkeypatch):
        """The argument, the variable, and the nearest .notabene name the store, in this order."""
        work = tmp_path / "project" / "deep"
        work.mkdir(parents=True)
        near = Lab(tmp_path / "project" / ".notabene")
        monkeypatch.chdir(work)
        with Api() as api:
            assert api.store_path == near.root
        monkeypatch.setenv("NOTABENE_STORE", str(lab.root))
        with Api() as api:
            assert api.store_path == lab.root
        with Api(near.root) as api:
            assert api.store_path == near.root

    def test_what_is_no_store(self, tmp_path, lab):
        """A file, or a store of a newer version, is one clear error each."""
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="is a file"):
            Api(tmp_path / "file")
        (lab.root / "format").write_text('{"format": 99, "id": "x"}')
        with pytest.raises(FormatError, match="format 99"):
            Api(lab.root)

    def test_make(self, tmp_path):
        """A store is made where that is asked for; again it is opened as it is."""
        with Api.make(tmp_path / "new") as api:
            assert api.runs().ids == []
        with Api.make(tmp_path / "new") as api:
            assert api.store_path == tmp_path / "new"

    def test_the_root_has_it(self):
        """``notabene.Api`` is this class, loaded when it is first asked for."""
        assert notabene.Api is Api
        code = "import notabene, sys; assert 'notabene.api' not in sys.modules; notabene.Api"
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_closing_twice(self, lab):
        """An Api can be closed twice, and leaves no file open."""
        lab.run("r1", values={"a": [1.0]})
        with Api(lab.root) as api:
            api.history("r1", "a")
            api.tag("r1", "x")
        api.close()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users may look into and write to."""
    folder = Path(tempfile.mkdtemp(prefix="nb-public-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


class TestCopies:
    """A store elsewhere."""

    def test_a_copy_opens(self, lab, open_api, tmp_path):
        """A store copied by its files answers alike, and edits of one are not in the other."""
        scribe = lab.scribe("r1")
        lab.artifact(scribe, "model", {"w": b"1"})
        lab.run(scribe=scribe, values={"a": [1.0, 2.0]})
        here = open_api(lab.root)
        here.tag("r1", "before")
        shutil.copytree(lab.root, tmp_path / "copy")
        there = open_api(tmp_path / "copy")
        assert there.run("r1").to_dict() == here.run("r1").to_dict()
        assert there.history("r1", "a").values.tolist() == [1.0, 2.0]
        assert there.artifact("model").read("w") == b"1"
        here.tag("r1", "after")
        assert set(there.run("r1").tags) == {"before"}

    def test_nothing_is_written_by_reading(self, lab, open_api):
        """Opening, reading and closing leave a store byte for byte as it was."""
        scribe = lab.scribe("r1")
        lab.image(scribe, "img", b"x")
        lab.run(scribe=scribe, values={"a": [1.0]})
        before = {str(p): p.stat().st_mtime_ns for p in lab.root.rglob("*")}
        api = open_api(lab.root)
        api.run("r1")
        api.history("r1", "a")
        api.values("r1")
        api.artifacts()
        api.close()
        assert {str(p): p.stat().st_mtime_ns for p in lab.root.rglob("*")} == before

    def test_a_store_that_may_only_be_read(self, public, open_api):
        """Who may only read a store opens it, gets answers, and hears that edits are refused."""
        lab = Lab(public / "store")
        lab.run("r1", values={"a": [1.0]})
        open_api(lab.root).history("r1", "a")  # loads what the child may not read from the disk
        for path in (*lab.root.rglob("*"), lab.root):
            path.chmod(0o555 if path.is_dir() else 0o444)
        context = multiprocessing.get_context("fork")
        child = context.Process(target=_read_as_nobody, args=(lab.root, public))
        child.start()
        child.join()
        for path in (lab.root, *lab.root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert (public / "answer").read_text() == "[1.0] refused"


def _read_as_nobody(root: Path, public: Path) -> None:
    if os.geteuid() == 0:  # to whom every file is writable
        os.setgid(65534)
        os.setuid(65534)
    os.chdir(public)
    for name in ("HOME", "XDG_CONFIG_HOME", "NOTABENE_CACHE"):
        os.environ[name] = str(public / "own")
    with Api(root) as api:
        answer = str(api.history("r1", "a").values.tolist())
        try:
            api.tag("r1", "x")
        except AccessError:
            answer += " refused"
    (public / "answer").write_text(answer)


class TestIndex:
    """The index is a cache: reading does without it."""

    @pytest.fixture
    def answers(self, lab, open_api):
        """A store with runs and edits, and what it answers."""
        for n in range(3):
            lab.run(f"r{n}", values={"a": [float(n)]}, tags={"n": str(n)})
        with Api(lab.root) as api:
            api.note("r1", "text")
            api.delete("r2")
            return api.index_path, [view.to_dict() for view in api.runs(archived=True)]

    @pytest.mark.parametrize("harm", ["deleted", "garbage", "cut", "empty", "another store"])
    def test_a_damaged_index_is_made_anew(self, lab, open_api, answers, harm):
        """However the index was harmed, the answers are the same."""
        path, expected = answers
        data = path.read_bytes()
        for other in path.parent.glob(f"{path.name}-*"):
            other.unlink()
        if harm == "deleted":
            path.unlink()
        else:
            path.write_bytes(
                {
                    "garbage": b"\xff" * len(data),
                    "cut": data[: len(data) // 2],
                    "empty": b"",
                    "another store": data.replace(lab.folder.store_id.encode(), b"x" * 12),
                }[harm]
            )
        api = open_api(lab.root)
        assert [view.to_dict() for view in api.runs(archived=True)] == expected
        assert api.runs(deleted=True).ids == ["r2"]
        assert api.history("r1", "a").values.tolist() == [1.0]

    def test_somebody_holds_the_index(self, lab, open_api, answers, monkeypatch):
        """While a backup locks the index, reads answer, edits are kept, and nothing is lost."""
        monkeypatch.setattr("notabene.store.database.BUSY_SECONDS", 0.2)
        monkeypatch.setattr("notabene.api.door.BUSY", -1.0)
        path, _ = answers
        api = open_api(lab.root)
        assert len(api.runs()) == 2
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as backup:
            backup.execute("BEGIN EXCLUSIVE")
            lab.run("late", values={"a": [9.0]})
            assert api.runs().ids == ["r1", "r0"]
            assert api.history("r1", "a").values.tolist() == [1.0]
            api.tag("r1", "while", busy="yes")
            backup.execute("ROLLBACK")
        assert api.runs().ids == ["late", "r1", "r0"]
        assert api.run("r1").tags == {"n": "1", "while": "", "busy": "yes"}


class TestTogether:
    """Several at once."""

    def test_threads(self, lab, open_api):
        """Threads may share an Api: reads and edits at once, and no error."""
        for n in range(5):
            lab.run(f"run{n}", values={"a": [float(i) for i in range(50)]})
        api = open_api(lab.root)
        errors = []

        def work(n):
            try:
                for _ in range(5):
                    api.tag(f"run{n}", f"t{n}")
                    assert len(api.history(f"run{n}", "a")) == 50
                    assert len(api.runs("points > 0")) == 5
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert all(api.run(f"run{n}").tags == {f"t{n}": ""} for n in range(4))

    def test_processes(self, lab, open_api):
        """Several processes open, read and edit one store at once; no edit is lost."""
        lab.run("r1", values={"a": [1.0, 2.0]})
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_edit, args=(str(lab.root), n)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
        expected = {f"p{n}-{i}" for n in range(4) for i in range(5)}
        assert set(open_api(lab.root).run("r1").tags) == expected


def _edit(root: str, n: int) -> None:
    with Api(root) as api:
        for i in range(5):
            api.tag("r1", f"p{n}-{i}")
            assert api.history("r1", "a").values.tolist() == [1.0, 2.0]
