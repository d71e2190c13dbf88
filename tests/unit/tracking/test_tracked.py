"""``@track``: functions, coroutines and generators whose calls are runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import notabene
from notabene.errors import UsageError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NOTABENE_STORE", str(tmp_path / "store"))
    return str(tmp_path / "store")


def test_track_makes_each_call_a_run(store: str) -> None:
    """@track keeps arguments as config and a returned mapping as summary."""

    @notabene.track(project="tracked", capture=False)
    def train(lr: float, depth: int = 2) -> dict[str, float]:
        notabene.log({"loss": lr})
        return {"score": lr * depth}

    assert train(0.5) == {"score": 1.0}
    assert train(0.25, depth=4) == {"score": 1.0}
    with notabene.Api(store) as api:
        runs = api.runs(order_by="created")
        assert [r.config for r in runs] == [{"lr": 0.5, "depth": 2}, {"lr": 0.25, "depth": 4}]
        assert [r.summary["score"] for r in runs] == [1.0, 1.0]
        assert [r.name for r in runs] == ["train", "train"]


def test_a_coroutine_is_a_run_until_it_has_returned(store: str) -> None:
    """What it logs after it waited belongs to its own run, also beside others."""

    @notabene.track(project="tracked", capture=False)
    async def train(lr: float) -> np.float32:
        for step in range(3):
            await asyncio.sleep(0.001)
            notabene.log({"loss": lr * step})
        return np.float32(lr)

    async def all_of_them() -> list[np.float32]:
        return await asyncio.gather(train(1.0), train(2.0))

    assert asyncio.run(all_of_them()) == [1.0, 2.0]
    with notabene.Api(store) as api:
        found = [(r.config["lr"], r.summary["loss"], r.summary["result"]) for r in api.runs()]
        assert sorted(found) == [(1.0, 2.0, 1.0), (2.0, 4.0, 2.0)]


def test_a_generator_is_a_run_until_it_is_used_up(store: str) -> None:
    """It logs while it is used; one that is given up early has finished as well."""

    @notabene.track(project="tracked", name="given", capture=False)
    def train() -> Iterator[int]:
        for step in range(3):
            notabene.log({"loss": step})
            yield step

    assert list(train()) == [0, 1, 2]
    for step in train():
        if step == 1:
            break
    with notabene.Api(store) as api:
        found = [(r.name, r.status, r.metrics["loss"].n) for r in api.runs(order_by="created")]
        assert found == [("given", "finished", 3), ("given", "finished", 2)]


def test_what_cannot_be_tracked_is_told() -> None:
    """The decorator says it where it stands, not when the function is called."""

    async def stream() -> object:
        yield 1

    for wrong in (stream, 3, "train"):
        with pytest.raises(UsageError, match="@track takes a function"):
            notabene.track(wrong)  # type: ignore[call-overload]  # what is tested
