"""Aim: what its library gives comes over; a stand-in for it gives here."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from notabene.errors import FormatError, MissingDependencyError, UsageError
from notabene.importers import Given
from notabene.importers.aim import Aim


class Run(SimpleNamespace):
    """A run as the library has it."""

    def __getitem__(self, _: object) -> dict[str, object]:
        return {"hparams": {"lr": 0.1, "layers": [1, 2]}, "__system_params": {"cpu": 1}}

    def metrics(self) -> list[SimpleNamespace]:
        """One metric, its steps in any order."""
        columns = np.array([[3.0, 1.0, 2.0], [0, 0, 0], [12.0, 10.0, 11.0]])
        data = SimpleNamespace(numpy=lambda: (np.array([2, 0, 1]), columns))
        context = SimpleNamespace(to_dict=lambda: {"subset": "val"})
        return [SimpleNamespace(name="loss", context=context, data=data)]


def made(tmp_path) -> SimpleNamespace:
    """A repository of one run."""
    (tmp_path / ".aim" / "meta").mkdir(parents=True)
    run = Run(hash="c0ffee12", name="first", experiment="vision", creation_time=10.0,
              end_time=20.0, tags=["a"], description="note")  # fmt: skip
    return SimpleNamespace(iter_runs=lambda: iter([run]))


def test_a_repository(lab, tmp_path):
    """Params, metrics with their context, times in order, tags and note."""
    source = Aim(tmp_path, Given(), made(tmp_path))
    assert lab.fates(source) == ["new"]
    run = lab.api.run("first")
    assert (run.project, run.status) == ("vision", "finished")
    assert run.params == {"hparams.lr": 0.1, "hparams.layers": [1, 2]}
    assert lab.points("first", "loss subset=val") == ([0, 1, 2], [1.0, 2.0, 3.0])
    assert lab.fates(source) == ["same"]


def test_without_what_is_needed(tmp_path):
    """No repository, no library, or one that does not read: a sentence each."""
    with pytest.raises(UsageError, match=r"has no folder \.aim"):
        Aim(tmp_path, Given())
    repo = made(tmp_path)
    assert Aim.recognises(tmp_path)

    def fails():
        raise RuntimeError("corrupted")

    (tmp_path / ".aim" / "meta" / "chunks" / "c0ffee").mkdir(parents=True)
    repo.iter_runs = lambda: iter([])
    with pytest.raises(FormatError, match="lists none of the 1 runs"):
        list(Aim(tmp_path, Given(), repo).find())
    repo.iter_runs = fails
    with pytest.raises(FormatError, match="cannot read"):
        list(Aim(tmp_path, Given(), repo).find())
    with pytest.raises((MissingDependencyError, FormatError)):
        Aim(tmp_path, Given())
