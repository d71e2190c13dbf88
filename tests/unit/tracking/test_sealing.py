"""Sealing at the end of a run, by the process that wrote it: only where it is cheap."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import notabene
from notabene.journal.folder import SEALED
from notabene.store import seal as module
from notabene.tracking.sealing import FEWEST, MOST


def log(store: Path, points: int, **more: object) -> Path:
    """A run of so many points; gives its folder."""
    with notabene.init("p", store=store, capture=False, **more) as run:
        for step in range(points // 10):
            run.log({f"k{n}": np.float32(step + n) for n in range(10)}, step=step)
        run.note("kept")
    assert run.path is not None
    return run.path


def is_sealed(place: Path) -> bool:
    """Whether there is one sealed file, and no journal."""
    return (place / SEALED).exists() and not list(place.glob("*.journal"))


def settle() -> None:
    """Wait for disks that confirm later than a run's end waits for them."""
    for thread in threading.enumerate():
        if thread.name == "notabene-seal":
            thread.join(30)


def test_a_run_of_middling_size_is_sealed(store: Path) -> None:
    """It is one file soon after its end, and answers as it would unsealed."""
    place = log(store, FEWEST)
    settle()
    assert is_sealed(place)
    with notabene.Api(store) as api:
        assert api.history(place.name, "k3").values.tolist() == [
            s + 3.0 for s in range(FEWEST // 10)
        ]
        assert api.run(place.name).status == "finished"
        assert [note.text for note in api.run(place.name).notes] == ["kept"]
        assert api.check().good


@pytest.mark.parametrize("points", [FEWEST - 10, MOST + 10])
def test_small_and_large_runs_are_left_to_readers(store: Path, points: int) -> None:
    """With few points nobody gains by it, with many it would cost."""
    assert not is_sealed(log(store, points))


def test_what_did_not_end_well_or_alone_is_left(store: Path, monkeypatch) -> None:
    """A failed run, a resumed one and one of several ranks are left as they are."""
    with pytest.raises(ZeroDivisionError), notabene.init("p", store=store, capture=False) as run:
        for step in range(FEWEST):
            run.log({"loss": 1.0}, step=step)
        1 / 0  # noqa: B018
    assert run.path is not None
    assert not is_sealed(run.path)
    assert is_sealed(log(store, FEWEST, id="again"))
    assert (log(store, FEWEST, id="again", resume="must") / SEALED).exists()
    assert len(list(run.path.parent.glob("again/*.journal"))) == 1
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    assert not is_sealed(log(store, FEWEST))


def test_the_setting_switches_it_off(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NOTABENE_SEAL=0 leaves all journals as they are."""
    monkeypatch.setenv("NOTABENE_SEAL", "0")
    assert not is_sealed(log(store, FEWEST))


def test_a_worker_still_at_work_is_waited_for(store: Path) -> None:
    """As long as another process has its mark on the run, nothing is sealed."""
    with notabene.init("p", store=store, capture=False) as run:
        for step in range(FEWEST):
            run.log({"loss": 1.0}, step=step)
        assert run.folder is not None
        run.folder.mark_live(run.id, "other")
    assert run.path is not None
    assert not is_sealed(run.path)


def test_a_disk_that_hangs_delays_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """finish returns while the disk does not confirm; when it does, the run is sealed."""
    asked, answer = threading.Event(), threading.Event()
    real = module._confirm

    def hang(draft: Path) -> None:
        asked.set()
        answer.wait(30)
        real(draft)

    monkeypatch.setattr(module, "_confirm", hang)
    begun = time.monotonic()
    place = log(store, FEWEST)
    assert time.monotonic() - begun < 20
    assert asked.is_set()
    assert not is_sealed(place)
    answer.set()
    settle()
    assert is_sealed(place)


def test_what_was_left_by_the_killed_is_cleared(store: Path) -> None:
    """A draft of somebody who was killed at it long ago goes with the next sealing."""
    place = log(store, 100)
    draft = place / f".{SEALED}-x.draft"
    draft.write_bytes(b"half")
    with notabene.Api(store) as api:
        os.utime(draft, (1e9, 1e9))
        api.refresh()
        assert api.seal(seconds=30)
    assert not draft.exists()
    assert is_sealed(place)


LIGHT = """
    import sys, threading, notabene
    if len(sys.argv) > 1:
        import numpy
    with notabene.init("p", id="r", capture=False) as run:
        for step in range(5000):
            run.log({"loss": step})
    for thread in threading.enumerate():
        thread.name == "notabene-seal" and thread.join(30)
    sealed = (run.path / "sealed").exists()
    print(*(name in sys.modules for name in ("numpy", "sqlalchemy")), sealed)
"""


@pytest.mark.parametrize("numpy", [False, True])
def test_the_training_process_stays_light(store: Path, numpy: bool) -> None:
    """Sealing loads no database; and a process without numpy is not made to load it."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIGHT), *(["numpy"] if numpy else [])],
        env={**os.environ, "NOTABENE_STORE": str(store), "NOTABENE_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == [str(numpy), "False", str(numpy)], done.stderr


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Path of a store."""
    return tmp_path / "store"
