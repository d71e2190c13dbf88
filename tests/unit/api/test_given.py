"""Wrong calls of the Api: one sentence each, and the store as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notabene.api import Api
from notabene.errors import FormatError, NotabeneError, UsageError

CALLS: dict[str, tuple[Callable[[Api], Any], str]] = {
    "run of a wrong type": (lambda api: api.run(5), "5 names no run"),
    "run of half a character": (lambda api: api.run("a\ud800"), "names no run"),
    "run that is not there": (lambda api: api.run("x" * 10_000), "there is no run"),
    "where": (lambda api: api.runs(5), "where must be a text, not int 5"),
    "order": (lambda api: api.runs(order_by=5), "order_by must be one or several"),
    "order of numbers": (lambda api: api.runs(order_by=[5]), "order_by must be a text"),
    "limit": (lambda api: api.runs(limit="x"), "limit must be a whole number, not str 'x'"),
    "limit of a half": (lambda api: api.runs(limit=1.5), "limit must be a whole number"),
    "limit below 0": (lambda api: api.runs(limit=-1), "limit=-1 is not possible"),
    "project": (lambda api: api.runs(project=5), "project must be a text"),
    "columns": (lambda api: api.runs().to_columns(5), "columns must be one or several"),
    "key": (lambda api: api.history("r1", 5), "keys must be a text"),
    "samples": (lambda api: api.history("r1", "loss", samples="x"), "samples must be a whole"),
    "samples of 0": (lambda api: api.history("r1", "loss", samples=0), "samples=0 is not possible"),
    "start": (lambda api: api.history("r1", "loss", start="a"), "start must be a number"),
    "start of NaN": (lambda api: api.history("r1", "loss", start=float("nan")), "start must be"),
    "an axis": (lambda api: api.history("r1", "loss", x=5), "x must be a text"),
    "no axis": (lambda api: api.history("r1", "loss", x="los"), "no metric 'los' for the x axis"),
    "rank": (lambda api: api.history("r1", "loss", rank="median"), "rank='median' is unknown"),
    "grid": (lambda api: api.grid(5, ["loss"]), "runs must be one or several"),
    "value": (lambda api: api.values("r1", 5), "key must be a text"),
    "tail": (lambda api: api.console("r1", tail="x"), "tail must be a whole number"),
    "diary": (lambda api: api.diary(5), "project must be a text"),
    "artifact": (lambda api: api.artifact(5), "an artifact reference must be a text, not int 5"),
    "tag": (lambda api: api.tag("r1", 5), "tags are words, or names with values, not int 5"),
    "export": (lambda api: api.export(5, "x"), "runs must be one or several"),
    "export to": (lambda api: api.export("r1", 5), "path must be a path"),
    "import": (lambda api: api.import_(5), "path must be a path"),
    "age": (lambda api: api.gc(min_age_days="x"), "min_age_days must be a number"),
    "age below 0": (lambda api: api.gc(min_age_days=-1), "min_age_days=-1 is not possible"),
    "undo": (lambda api: api.gc(undo="no"), "there is no collection 'no' to undo"),
    "seconds": (lambda api: api.seal(seconds="x"), "seconds must be a number"),
}


@pytest.mark.parametrize("call", CALLS)
def test_wrong_calls_get_a_sentence(lab, api, call):
    """What is wrong is said with the value, in one line, by an error of ours."""
    lab.run("r1", values={"loss": [3.0, 1.0]})
    do, said = CALLS[call]
    with pytest.raises(NotabeneError) as caught:
        do(api)
    assert said in caught.value.message
    assert len(caught.value.message) < 400
    assert api.runs().ids == ["r1"]


def test_numbers_of_libraries_are_numbers(lab, api):
    """Integers of numpy do where integers do."""
    import numpy as np

    lab.run("r1", values={"loss": [3.0, 1.0]})
    assert len(api.runs(limit=np.int64(1))) == 1
    assert len(api.history("r1", "loss", start=np.float32(1))) == 1


def test_a_closed_api_answers_nothing(lab, open_api):
    """Asking after close is refused in a sentence; closing twice is fine."""
    lab.run("r1", values={"loss": [3.0]})
    api = open_api(lab.root)
    api.close()
    api.close()
    with pytest.raises(UsageError, match="was closed"):
        api.runs()


def test_a_run_that_cannot_be_read_is_not_simply_gone(lab, api):
    """Where nothing in a run's journals verifies, asking for it says so and how to learn more."""
    lab.run("r1", values={"loss": [3.0]})
    (path,) = lab.folder.find_run_dir("r1").glob("*.journal")
    path.write_bytes(b"no journal" * 100)
    with pytest.raises(FormatError, match="nothing in the journals of run r1") as caught:
        api.run("r1")
    assert "journal verify" in caught.value.hint
