"""The way of a number through ``log()``: steps, values, failure policy."""

from __future__ import annotations

import asyncio
import math
import shutil
import threading
import time
import warnings
from collections import UserDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import notabene
from notabene.artifacts import open as opening
from notabene.errors import ConflictError, NotabeneWarning, UsageError


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def history(store: str, run: notabene.Run, key: str) -> tuple[list[int], list[float]]:
    with notabene.Api(store) as api:
        found = api.history(run.id, key)
        return found.steps.tolist(), found.values.tolist()


def test_numbers_come_back_as_they_were_logged(store: str) -> None:
    """Every bit of a float64, NaN and the infinities survive the trip from log() to history()."""
    values = [0.1, 1e-310, -0.0, math.nan, math.inf, -math.inf, 1 / 3, 2**53]
    with notabene.init("p", store=store, capture=False) as run:
        for step, value in enumerate(values):
            run.log({"x": value}, step=step)
    steps, found = history(store, run, "x")
    assert steps == list(range(len(values)))
    assert np.array(found).view("u8").tolist() == np.array(values, float).view("u8").tolist()


def test_steps_count_up_once_per_call(store: str) -> None:
    """log() without a step takes one above the largest so far, also after an explicit one."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"a": 1, "b": 1})
        run.log({"a": 2})
        run.log({"a": 3}, step=10)
        run.log({"a": 4}, step=5)
        run.log({"a": 5})
    assert history(store, run, "a") == ([0, 1, 5, 10, 11], [1, 2, 4, 3, 5])
    assert history(store, run, "b") == ([0], [1])


def test_log_metric_counts_per_key(store: str) -> None:
    """log_metric without a step takes the next one of its key."""
    with notabene.init("p", store=store, capture=False) as run:
        for value in (1.0, 2.0):
            run.log_metric("a", value)
        run.log_metric("b", 7)
        run.log_metric("a", 9.0, step=40)
        run.log_metric("a", 10.0)
    assert history(store, run, "a") == ([0, 1, 40, 41], [1, 2, 9, 10])
    assert history(store, run, "b") == ([0], [7])


def test_log_metric_counts_on_from_any_step(store: str) -> None:
    """Steps of numpy count as others do, and so do those that log() gave the key."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log_metric("a", 1, step=np.int64(10))  # type: ignore[arg-type]  # as people do
        run.log_metric("a", 2)
        run.log_metric("a", 3, step=np.float32(20))  # type: ignore[arg-type]  # likewise
        run.log_metric("a", 4)
        for value in (1, 2):
            run.log({"b": value})
        run.log_metric("b", 3)
        with pytest.raises(UsageError, match="texts as names"):
            run.log_metric(["a"], 1)  # type: ignore[arg-type]  # what is tested
    assert history(store, run, "a") == ([10, 11, 20, 21], [1, 2, 3, 4])
    assert history(store, run, "b") == ([22, 23, 24], [1, 2, 3])


@pytest.mark.parametrize("killed", [False, True])
def test_a_resumed_run_goes_on_where_it_was(store: str, killed: bool) -> None:
    """Metrics without steps count on, and replace nothing; the summary is what it was."""
    run = notabene.init("p", id="r", store=store, capture=False)
    for value in range(3):
        run.log_metric("a", value)
    run.log_metric("b", 0)
    run.summary.update(best=0.9, gone=1)
    del run.summary["gone"]
    if killed:
        run.flush()
    else:
        run.finish()
    again = notabene.init("p", id="r", resume="must", store=store, capture=False)
    assert again.summary.as_dict() == {"best": 0.9}
    again.log_metric("a", 3)
    again.log_metric("b", 1)
    again.log_metric("c", 0)
    again.finish()
    run.finish()
    assert history(store, run, "a") == ([0, 1, 2, 3], [0, 1, 2, 3])
    assert history(store, run, "b") == ([0, 1], [0, 1])
    assert history(store, run, "c") == ([0], [0])


@pytest.mark.parametrize(
    "value",
    [np.float32(0.5), np.float64(0.5), np.array(0.5), np.array([0.5]), np.bool_(True), True, 3],
)
def test_scalars_of_all_kinds_are_numbers(store: str, value: object) -> None:
    """Scalars of numpy, bools, ints and arrays of one element become points."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"x": value})
    assert history(store, run, "x")[1] == [float(np.asarray(value).item())]


def test_nested_mappings_become_keys_with_slashes(store: str) -> None:
    """A mapping in a mapping is logged under joined names; any Mapping will do."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"train": {"loss": 1.0, "deep": {"x": 2}}, "lr": 3})
        run.log(UserDict({"lr": 4.0}))
    assert history(store, run, "train/loss")[1] == [1]
    assert history(store, run, "train/deep/x")[1] == [2]
    assert history(store, run, "lr")[1] == [3, 4]


@pytest.mark.parametrize("data", [None, 3, "loss", [1, 2], {3: 1.0}, {None: 1.0}])
def test_wrong_calls_of_log_raise_a_usage_error(store: str, data: object) -> None:
    """What no data can cause is told at once: not a mapping, a key that is no text or empty."""
    with (
        notabene.init("p", store=store, capture=False) as run,
        pytest.raises(UsageError, match="log"),
    ):
        run.log(data)  # type: ignore[arg-type]


def test_odd_values_are_kept_counted_and_never_raise(store: str) -> None:
    """None is counted, texts and objects are kept as text, and the numbers beside them stay."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with notabene.init("p", store=store, capture=False) as run:
            for step in range(3):
                run.log({"good": step, "none": None, "word": "warm-up", "thing": object()})
    assert history(store, run, "good") == ([0, 1, 2], [0, 1, 2])
    with notabene.Api(store) as api:
        kept = {v.key for v in api.values(run.id)}
        health = {h.code for h in api.run(run.id).health}
    assert kept == {"word", "thing"}
    assert {"none", "unknown-value"} <= health
    said = [w for w in caught if issubclass(w.category, NotabeneWarning)]
    assert len(said) == len({str(w.message) for w in said}), "each kind is said once"


def test_strict_mode_raises_where_it_would_warn(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTABENE_STRICT=1 turns a counted remark into an error; the numbers beside it are kept."""
    monkeypatch.setenv("NOTABENE_STRICT", "1")
    with (
        notabene.init("p", store=store, capture=False) as run,
        pytest.raises(UsageError, match="None"),
    ):
        run.log({"x": None, "y": 1})
    assert history(store, run, "y")[1] == [1]


@pytest.mark.filterwarnings("ignore::notabene.errors.NotabeneWarning")
def test_bad_steps_are_mended_and_counted(store: str) -> None:
    """A step that is no whole number is cut, one that is no number is replaced; nothing is lost."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"x": 1}, step=2.7)  # type: ignore[arg-type]
        run.log({"x": 2}, step="three")  # type: ignore[arg-type]
        run.log({"x": 3}, step=np.int64(9))
        run.log({"x": 4}, step=np.float32(12))
    assert history(store, run, "x") == ([2, 3, 9, 12], [1, 2, 3, 4])
    assert run.health["step"][1] == 2


@pytest.mark.filterwarnings("ignore::notabene.errors.NotabeneWarning")
def test_log_after_finish_is_counted(store: str) -> None:
    """log() on a finished run neither raises nor writes; setting what the run is raises."""
    run = notabene.init("p", store=store, capture=False)
    run.log({"x": 1})
    run.finish()
    run.finish()
    run.log({"x": 2})
    notabene.log({"x": 3})
    assert history(store, run, "x")[1] == [1]
    assert run.health["log-after-finish"][1] == 2
    notabene.log_metric("x", 4)
    notabene.log_text("t", "too late")
    assert run.health["log-after-finish"][1] == 4
    with pytest.raises(ConflictError, match="finished"):
        run.log_artifact(__file__)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda run: run.set_tag("late"), "set_tags"),
        (lambda run: run.remove_tag("late"), "remove_tag"),
        (lambda run: run.note("late"), "note"),
        (lambda run: run.hypothesis("late"), "hypothesis"),
        (lambda run: run.conclude("late"), "conclude"),
        (lambda run: run.alert("late"), "alert"),
        (lambda run: run.rename("late"), "rename"),
        (lambda run: run.define_metric("late"), "define_metric"),
        (lambda run: run.log_code_version("late"), "log_code_version"),
        (lambda run: run.log_param("late", 1), "config"),
        (lambda run: run.summary.update(late=1), "summary"),
    ],
)
def test_what_is_said_after_the_end_is_noted(
    store: str, call: Callable[[notabene.Run], object], code: str
) -> None:
    """No verb loses anything in silence: who says something too late is told, once."""
    run = notabene.init("p", store=store, capture=False)
    run.finish()
    with pytest.warns(NotabeneWarning, match="had finished; nothing was kept"):
        call(run)
    call(run)  # a second warning would fail the test
    assert f"{code}-after-finish" in run.health


@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.log_image("v", np.zeros((0, 0, 3))),
        lambda run: run.log_image("v", object()),
        lambda run: run.log_table("v", columns=["a", "b"], data=[[1]]),
        lambda run: run.log_table("v", columns=3, data=[[1]]),
        lambda run: run.log_figure("v", None),
        lambda run: run.log_text("v", Spoiled()),
    ],
    ids=["empty", "object", "ragged", "columns", "figure", "text"],
)
@pytest.mark.filterwarnings("ignore::notabene.errors.NotabeneWarning")
def test_values_that_cannot_be_made_are_noted(
    store: str, call: Callable[[notabene.Run], object]
) -> None:
    """An empty batch or a figure that is none ends no training; the numbers beside it stay."""
    with notabene.init("p", store=store, capture=False) as run:
        call(run)
        run.log({"x": 1})
    with notabene.Api(store) as api:
        (noted,) = api.run(run.id).health
        assert noted.code == "unknown-value"
        assert noted.message.startswith("'v' was not kept: ")
        assert api.run(run.id).summary["x"] == 1


class Spoiled:
    """Cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_words_about_a_run_are_looked_at(store: str) -> None:
    """What no record can hold is refused in a sentence, and the run goes on."""
    with notabene.init("p", store=store, capture=False) as run:
        for wrong in (
            lambda: run.define_metric("x", unit=3),  # type: ignore[arg-type]  # what is tested
            lambda: run.define_metric("x", x=object()),  # type: ignore[arg-type]  # likewise
            lambda: run.define_metric("x", summary="all"),
            lambda: run.log_artifact(object()),  # type: ignore[arg-type]  # likewise
            lambda: run.log_artifact("a\0b"),
            lambda: run.log_artifact("s3://bucket/key"),
            lambda: run.note(Spoiled()),  # type: ignore[arg-type]  # likewise
            lambda: run.finish(exit_code="3"),  # type: ignore[arg-type]  # likewise
            lambda: run.finish("x" * 10_000),  # type: ignore[arg-type]  # likewise
        ):
            with pytest.raises(UsageError) as caught:
                wrong()
            assert len(str(caught.value)) < 300
        run.log_code_version(1234)  # type: ignore[arg-type]  # a revision of Subversion
        run.set_tag("half", "\ud800")
        run.finish("failed", reason=None)  # type: ignore[arg-type]  # likewise
    with notabene.Api(store) as api:
        view = api.run(run.id)
        assert (view.status, view.reason, view.tags) == ("failed", "", {"half": "\\ud800"})
        assert view.facts["code.version"] == "1234"


@pytest.mark.filterwarnings("ignore::notabene.errors.NotabeneWarning")
def test_hostile_names_are_kept_under_a_safe_name(store: str) -> None:
    """Spaces, slashes, unicode and emoji stay; control characters and endless keys are mended."""
    long = "k" * 10_000
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"a b/c": 1, "größe": 2, "🎉": 3, "nul\0": 4, long: 5, "../../x": 6})
    with notabene.Api(store) as api:
        keys = api.keys(run.id)
        assert {"a b/c", "größe", "🎉", "../../x"} <= set(keys)
        assert len(keys) == 6
        assert all(len(key.encode()) <= 250 and "\0" not in key for key in keys)


def test_wide_rows_keep_all_their_keys(store: str) -> None:
    """A call with more keys than a row takes is split, and reads as one step."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log({f"k{i}": i for i in range(10_000)}, step=3)
    with notabene.Api(store) as api:
        info = api.run(run.id)
        assert len(info.metrics) == 10_000
        assert info.metrics["k9999"].last == 9999
        assert info.metrics["k9999"].last_step == 3


def test_sixteen_threads_lose_nothing(store: str) -> None:
    """Threads that log at once into one run lose and double nothing."""
    with notabene.init("p", store=store, capture=False) as run:

        def work(number: int) -> None:
            for step in range(1000):
                notabene.log({f"t{number}": step}, step=step)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(16):
        assert history(store, run, f"t{number}") == (list(range(1000)), list(range(1000)))


def test_tasks_have_runs_of_their_own(store: str) -> None:
    """Two asyncio tasks that begin a run each log into their own."""

    async def work(name: str) -> str:
        run = notabene.init("p", name=name, store=store, capture=False)
        for step in range(3):
            notabene.log({name: step})
            await asyncio.sleep(0)
        notabene.finish()
        return run.id

    async def both() -> list[str]:
        return list(await asyncio.gather(work("a"), work("b")))

    first, second = asyncio.run(both())
    with notabene.Api(store) as api:
        assert api.keys(first) == ["a"]
        assert api.keys(second) == ["b"]
        assert api.history(second, "b").values.tolist() == [0, 1, 2]


def test_disabled_runs_take_every_call_and_keep_nothing(store: str) -> None:
    """Mode disabled accepts what a run accepts and makes no store."""
    with notabene.init("p", store=store, mode="disabled", config={"lr": 1}) as run:
        run.log({"x": 1})
        run.log({"x": "text", "y": None})
        run.note("hello")
        run.set_tags({"a": 1})
        assert run.config.lr == 1
        with pytest.raises(UsageError):
            run.log(3)  # type: ignore[arg-type]
    assert not Path(store).exists()


def test_a_folder_that_was_removed_is_told(tmp_path: Path) -> None:
    """A run whose folder somebody removes says that nothing of it is kept, and goes on."""
    run = notabene.init("p", store=tmp_path / "store", capture=False)
    run.log({"loss": 1.0})
    run.flush()
    shutil.rmtree(tmp_path / "store")
    with pytest.warns(NotabeneWarning, match="was removed"):
        _log_until_told(run)
    run.finish()


def _log_until_told(run: notabene.Run) -> None:
    for _ in range(500):
        run.log({"loss": 2.0})
        time.sleep(0.02)
        if "removed" in run.guard.health:
            return


def test_threads_that_come_at_once_share_one_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capture and the program ask at the same moment: a second store would never be closed."""
    opened = []
    real = opening.store_blobs

    def slow(*words):
        time.sleep(0.05)
        opened.append(real(*words))
        return opened[-1]

    monkeypatch.setattr(opening, "store_blobs", slow)
    with notabene.init("p", store=tmp_path / "store", capture=False) as run:
        threads = [threading.Thread(target=lambda: run.blobs) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [run.blobs] == opened


def test_tables_of_all_kinds_and_one_alias(store: str) -> None:
    """log_table takes what Table takes, and one word is one alias, not its letters."""
    with notabene.init("p", store=store, capture=False) as run:
        run.log_table("named", {"a": [1, 2], "b": [3, 4]})
        run.log_table("rows", [[1, 2]], columns=["a", "b"])
        run.log_table("array", np.ones((2, 3)))
        assert run.log_artifact(__file__, name="one", aliases="best").name == "one"
        assert run.use_artifact("one:best").version == 1
        with pytest.raises(UsageError, match="an alias must be a text, not int 3"):
            run.log_artifact(__file__, aliases=3)  # type: ignore[arg-type]  # what is tested
        with pytest.raises(notabene.NotFoundError):
            run.use_artifact("one:b")
    assert run.health == {}
    with notabene.Api(store) as api:
        assert sorted(value.key for value in api.run(run.id).values()) == ["array", "named", "rows"]
