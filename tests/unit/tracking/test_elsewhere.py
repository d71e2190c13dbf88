"""Where a run goes when the disk refuses its store, and what stays the caller's mistake."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import notabene
from notabene.errors import AccessError, NotabeneWarning, UsageError
from notabene.journal.folder import StoreFolder
from notabene.tracking.elsewhere import other_store, refused


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Not strict, with a temporary folder of its own; gives that."""
    monkeypatch.setenv("NOTABENE_STRICT", "0")
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def failing(number: int):
    """A function that fails with an error of the system."""

    def call(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_trouble_and_mistakes_are_told_apart() -> None:
    """A full or failing disk is nobody's mistake; a wrong path, or rights, are."""
    assert refused(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert refused(OSError(errno.EIO, "Input/output error"))
    for number in (errno.EACCES, errno.ENOTDIR, errno.ENOENT):
        assert refused(OSError(number, os.strerror(number))) == ""
    assert refused(UsageError("wrong")) == refused(ValueError("wrong")) == ""
    wrapped = AccessError("cannot keep it")
    wrapped.__cause__ = OSError(errno.EROFS, "Read-only file system")
    assert refused(wrapped) == "Read-only file system"
    assert refused(AccessError("cannot keep it")) == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize(
    ("name", "within"), [("mkdir", "store"), ("scandir", "runs"), ("mkdir", "runs"), ("open", "-")]
)
def test_a_run_is_kept_in_another_store(
    lenient: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    name: str,
    within: str,
) -> None:
    """Whichever step of the beginning fails, the run is whole in the store that the line names."""
    store = tmp_path / "store"
    real = getattr(os, name)

    def call(path: object, *args: object, **options: object) -> object:
        text = str(path)
        if text.startswith(str(store)) and (within in text or text.endswith(".journal")):
            raise OSError(number, os.strerror(number), text)
        return real(path, *args, **options)

    monkeypatch.setattr(os, name, call)
    with pytest.warns(NotabeneWarning, match="takes no run"):
        run = notabene.init("p", store=store, capture=False)
    run.log({"loss": 1.0})
    run.finish()
    assert run.folder is not None
    assert run.folder.root == other_store() == lenient / f"notabene-{os.getuid()}" / ".notabene"
    with notabene.Api(run.folder.root) as api:
        view = api.run(run.id)
        assert (view.status, view.summary["loss"]) == ("finished", 1.0)
        assert [h.code for h in view.health] == ["elsewhere"]


def test_without_any_place_the_program_goes_on(
    lenient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no store can be made the run takes every call, and keeps nothing."""

    def none(*_args: object) -> None:
        raise UsageError("no") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StoreFolder, "_create", none)
    with pytest.warns(NotabeneWarning, match="nothing of this one is kept"):
        run = notabene.init("p", store=tmp_path / "store", config={"lr": 0.1})
    run.log({"loss": 1.0})
    run.note("a note")
    run.finish()
    assert run.folder is None


def test_a_mistake_is_still_said(lenient: Path, tmp_path: Path) -> None:
    """A store below a file is a wrong path, and raises where somebody is looking."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Not a directory"):
        notabene.init("p", store=tmp_path / "file" / "store")
    assert list(lenient.iterdir()) == []


def test_an_artifact_that_the_disk_refuses(
    lenient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no version and is told in the run's health; one that is not there is a mistake."""
    from notabene.artifacts.versions import Versions

    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    with notabene.init("p", store=tmp_path / "store", capture=False) as run:
        with monkeypatch.context() as patch:
            patch.setattr(Versions, "allocate", failing(errno.ENOSPC))
            with pytest.warns(NotabeneWarning, match=r"'a\.bin' is not kept: no space left"):
                lost = run.log_artifact(path, aliases=["best"])
            patch.setattr(Versions, "allocate", failing(errno.EACCES))
            with pytest.raises(PermissionError):
                run.log_artifact(path)
        assert (lost.version, lost.ref) == (None, "a.bin")
        assert run.log_artifact(path).version == 1
        with pytest.raises(notabene.NotFoundError):
            run.log_artifact(tmp_path / "none")
    with notabene.Api(tmp_path / "store") as api:
        assert [h.code for h in api.run(run.id).health] == ["artifact-lost"]
