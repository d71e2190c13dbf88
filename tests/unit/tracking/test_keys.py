"""What log() is given as names: kept under some name, whatever the data is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import notabene
from notabene.errors import NotabeneWarning, UsageError
from notabene.tracking.keys import EMPTY, MAX_DEPTH, flat_items, metric_name

pytestmark = pytest.mark.filterwarnings("ignore::notabene.NotabeneWarning")


def logged(tmp_path: Path, *rows: Any) -> tuple[Any, dict[str, list[float]]]:
    """Log rows; gives the view of the run and the values of each metric."""
    with notabene.init("p", id="r", store=tmp_path / "store", capture=False) as run:
        for row in rows:
            run.log(row)
    with notabene.Api(tmp_path / "store") as api:
        return api.run("r"), {key: api.history("r", key).values.tolist() for key in api.keys("r")}


def test_names_of_all_kinds_are_kept(tmp_path: Path) -> None:
    """Blanks, slashes, emoji and other alphabets stay as they are."""
    names = ("a b", "a/b", "🙂", "größe", "x" * 250, "a.b", "'\"", "%_*")
    view, found = logged(tmp_path, dict.fromkeys(names, 1.0))
    assert set(found) == set(names)
    assert view.health == ()


def test_empty_and_long_names_are_kept_under_others(tmp_path: Path) -> None:
    """Data that has an empty, a long or a broken name is kept, and the run's health says how."""
    view, found = logged(tmp_path, {"": 1.0}, {"a": {"": 2.0}}, {"k" * 10_000: 3.0, "x\n": 4.0})
    assert found[EMPTY] == [1.0]
    assert found[f"a/{EMPTY}"] == [2.0]
    assert sorted(values for values in found.values()) == [[1.0], [2.0], [3.0], [4.0]]
    assert [h.code for h in view.health] == ["key"]


def test_keys_that_are_no_text_are_a_wrong_call() -> None:
    """A number or None as a name is refused."""
    for key in (1, None, b"x", ("a", "b")):
        with pytest.raises(UsageError, match="takes texts as names"):
            metric_name(key, lambda *_: None)
        with pytest.raises(UsageError, match="takes texts as names"):
            list(flat_items({"a": {key: 1}}))


def test_a_mapping_that_holds_itself_ends(tmp_path: Path) -> None:
    """It is kept as text where it comes again; all beside it is kept as ever."""
    loop: dict[str, Any] = {"x": 1.0}
    loop["again"] = loop
    view, found = logged(tmp_path, {"loop": loop, "y": 2.0})
    assert found == {"loop/x": [1.0], "y": [2.0]}
    assert [h.code for h in view.health] == ["unknown-value"]


def test_deep_mappings_end() -> None:
    """Below so many levels a mapping is given as it is, not gone into."""
    deep: dict[str, Any] = {"x": 1.0}
    for _ in range(1000):
        deep = {"k": deep}
    ((name, value),) = flat_items(deep)
    assert name == "/".join(["k"] * MAX_DEPTH)
    assert isinstance(value, dict)


def test_rows_of_many_keys_are_one_row(tmp_path: Path) -> None:
    """More keys than a slot takes are logged at one step, numbers and all else."""
    wide: dict[str, Any] = {f"k{n}": float(n) for n in range(10_000)}
    odd = {**wide, "k9999": "a text", "k5": None}
    with notabene.init("p", id="r", store=tmp_path / "store", capture=False) as run:
        run.log(wide)
        run.log(odd)
    with notabene.Api(tmp_path / "store") as api:
        assert len(api.keys("r")) == 10_000
        assert api.history("r", "k7").steps.tolist() == [0, 1]
        assert api.history("r", "k7777").values.tolist() == [7777.0, 7777.0]
        assert api.history("r", "k5").steps.tolist() == [0]
        assert [(v.key, v.step) for v in api.values("r")] == [("k9999", 1)]


def test_numbers_beyond_float64_are_noted(tmp_path: Path) -> None:
    """An integer too large becomes infinite, and the run's health says so."""
    with pytest.warns(NotabeneWarning, match="beyond float64"):
        view, found = logged(tmp_path, {"big": 10**400})
    assert found == {"big": [float("inf")]}
    assert [h.code for h in view.health] == ["large"]


def test_a_store_that_takes_no_content_stops_nothing(tmp_path: Path) -> None:
    """log() goes on where bytes cannot be kept, and counts it."""
    with notabene.init("p", id="r", store=tmp_path / "store", capture=False) as run:
        (tmp_path / "store/blobs").write_text("in the way")
        run.log({"text": "x" * 200_000, "loss": 1.0})
        run.log({"loss": 2.0})
    with notabene.Api(tmp_path / "store") as api:
        assert api.history("r", "loss").values.tolist() == [1.0, 2.0]
        assert [h.code for h in api.run("r").health] == ["put_value-failed"]
