"""The index of a store folder: a cache that may vanish, and sealing beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import notabene
from notabene.store.local import index_path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two runs, one of them with thousands of points; none is sealed."""
    monkeypatch.setenv("NOTABENE_SEAL", "0")
    root = tmp_path / "store"
    for name, steps in (("long", 5000), ("short", 3)):
        with notabene.init("p", id=name, config={"lr": 0.1}, store=root, capture=False) as run:
            for step in range(steps):
                run.log({"loss": np.float32(1 / (step + 1)), "x": step}, step=step)
                if step % 200 == 0:
                    run.flush()  # what a journal of a long run is like: many small blocks
            run.log({"odd": float("nan")})
            run.note("kept")
    return root


def answers(root: Path) -> dict[str, object]:
    """What an Api says of a store; as text, since NaN is not equal to itself."""
    with notabene.Api(root) as api:
        return {
            view.id: (
                repr(view.to_dict()),
                {k: api.history(view.id, k).values.tobytes() for k in api.keys(view.id)},
            )
            for view in api.runs()
        }


def test_a_damaged_index_is_made_anew(store: Path) -> None:
    """Garbage in the index's place, or none at all, changes no answer and raises nothing."""
    before = answers(store)
    path = index_path(store)
    assert path is not None
    assert not path.is_relative_to(store)
    for content in (b"", b"no database" * 500, None):
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.unlink() if content is None else path.write_bytes(content)
        assert answers(store) == before


def test_sealing_changes_no_answer_and_saves_space(store: Path) -> None:
    """A sealed run gives the same answers in fewer bytes, also to an index made after it."""
    before = answers(store)
    size = sum(p.stat().st_size for p in (store / "runs").rglob("*") if p.is_file())
    with notabene.Api(store) as api:
        assert {sealed.run for sealed in api.seal(seconds=30)} >= {"long"}
        assert api.check().good
    assert list((store / "runs").glob("*/long/*")) == list((store / "runs").glob("*/long/sealed"))
    after = sum(p.stat().st_size for p in (store / "runs").rglob("*") if p.is_file())
    assert after < size
    assert answers(store) == before
    with notabene.Api(store) as api:
        api.rebuild()
    assert answers(store) == before


def test_a_sealed_run_can_be_resumed(store: Path) -> None:
    """New points after sealing stand beside the sealed file and are read with it."""
    with notabene.Api(store) as api:
        api.seal(seconds=30)
    with notabene.init("p", id="long", resume="must", store=store, capture=False) as run:
        assert run.config.lr == 0.1
        run.log({"loss": 7.0}, step=4998)
    with notabene.Api(store) as api:
        loss = api.history("long", "loss")
        assert loss.steps.tolist() == list(range(4999))
        assert loss.values[-1] == 7.0
