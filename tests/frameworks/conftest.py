"""Real, small trainings with each framework, recorded and not, and what is then in the notebook."""

from __future__ import annotations

import gc
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import notabene
from notabene.api import Api
from notabene.tracking.autolog import autolog


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here bear the marker; the frameworks' own warnings are their own."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.framework)
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings("error::notabene.NotabeneWarning"))


class Notebook:
    """The runs of the default store, as a reader sees them."""

    def runs(self) -> list[Any]:
        """All runs, oldest first."""
        if not (Path.home() / ".notabene/format").exists():
            return []
        with Api() as api:
            found = sorted(api.runs(limit=None), key=lambda run: run.started)
            for run in found:
                assert run.config is not None
            return found

    def only(self) -> Any:
        """The one run there is."""
        (run,) = self.runs()
        return run

    def curve(self, run: Any, key: str) -> list[float]:
        """The values of a metric, by step."""
        with Api() as api:
            return [float(v) for v in api.history(run.id, key).values]

    def last(self, run: Any, key: str) -> float:
        """The last value of a metric."""
        return float(run.metrics[key].last)

    def models(self, run: Any, type: str = "model") -> list[Any]:
        """Artifacts that a run made, of a type."""
        with Api() as api:
            return [a for a in api.artifacts() if a.run == run.id and a.type == type]

    def values(self, run: Any) -> dict[str, int]:
        """How many values that are no numbers were logged under each key."""
        found: dict[str, int] = {}
        with Api() as api:
            for value in api.run(run.id).values():
                found[value.key] = found.get(value.key, 0) + 1
        return found


@pytest.fixture
def notebook(home: Path) -> Notebook:
    """Reads what was recorded."""
    return Notebook()


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is otherwise swallowed and told in a warning fails; all is switched off afterwards."""
    monkeypatch.setenv("NOTABENE_STRICT", "1")
    monkeypatch.setenv("NOTABENE_QUIET", "1")
    yield
    autolog(enabled=False)
    gc.collect()


def states() -> list[Any]:
    """Where the random generators of the process stand."""
    found: list[Any] = [random.getstate()]
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        found.append((kind, keys.tobytes(), *rest))
    if torch is not None:
        found.append(torch.get_rng_state().numpy().tobytes())
    return found


def seed() -> None:
    """Set the random generators of the process."""
    random.seed(7)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed(7)
    if torch is not None:
        torch.manual_seed(7)


@pytest.fixture
def same() -> Callable[..., Any]:
    """Runs a training without and with us: the results must be equal, to the bit."""

    def check(train: Callable[[], Any], framework: str = "") -> Any:
        notabene.autolog(enabled=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seed()
            plain, before = train(), states()
            notabene.autolog(*([framework] if framework else []))
            seed()
            recorded, after = train(), states()
        assert recorded == plain
        assert after == before
        return recorded

    return check
