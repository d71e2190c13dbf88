"""Series on one grid: widths, anchors, statistics, smoothing, and the bytes they travel in."""

from __future__ import annotations

import os
import struct
from typing import Any

import msgspec
import numpy as np
import pytest

from notabene import _ids
from tests.unit.server.conftest import V1


def ask(visitor, **question):
    """Header, x, and columns by (run, key) of an answer."""
    reply = visitor.ask("POST", f"{V1}/series", question)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("application/vnd.notabene.series")
    (size,) = struct.unpack("<I", reply.body[:4])
    header: dict[str, Any] = msgspec.json.decode(reply.body[4 : 4 + size])
    assert (4 + size) % 8 == 0
    data = reply.body[4 + size :]
    x = np.frombuffer(data, "<f8", header["n"], header["x"]["at"])
    columns = {}
    for series in header["series"]:
        found = np.frombuffer(
            data, "<" + header["dtype"], header["n"] * len(header["stats"]), series["at"]
        )
        named = dict(zip(header["stats"], found.reshape(len(header["stats"]), -1), strict=True))
        columns[header["runs"][series["run"]], header["keys"][series["key"]]] = named
    return header, x, columns


@pytest.fixture
def long(lab):
    """Two runs of 10,000 steps: a wave with a spike; the second lacks a metric."""
    for run, count in (("one", 10_000), ("two", 5_000)):
        writer = lab.scribe(run)
        values = np.sin(np.arange(count) / 100)
        values[777] = 50.0
        for step in range(count):
            row = {"loss": float(values[step])}
            if run == "one":
                row["tokens"] = float(step * 32)
            writer.row(row, step)
        writer.finish()
        lab.save(writer)
    return ["one", "two"]


def test_points_where_there_are_few(visitor, ids):
    """With fewer points than buckets the points come as they are, on a grid of their own x."""
    runs = [ids["run 0"], ids["run 1"]]
    header, x, columns = ask(visitor, runs=runs, keys=["loss", "val/acc"], exact=True)
    assert (header["width"], header["n"]) == (0, 100)
    assert x.tolist() == [float(step) for step in range(100)]
    loss = columns[runs[0], "loss"]
    assert loss["last"].tolist() == [1 / (step + 1) for step in range(100)]
    assert np.flatnonzero(~np.isnan(columns[runs[1], "val/acc"]["last"])).tolist() == [99]
    assert header["missing"] == []
    assert header["from"] is None


def test_buckets(visitor, long):
    """Buckets are 2^k wide and anchored at 0; no spike is lost."""
    header, x, columns = ask(visitor, runs=long, keys=["loss", "none"], buckets=100)
    width = header["width"]
    assert width == 128
    assert (x % width == 0).all()
    assert header["n"] <= 101
    loss = columns["one", "loss"]
    assert loss["max"][777 // 128] == 50.0
    assert loss["count"].sum() == 10_000
    assert np.isnan(columns["two", "loss"]["last"][5_000 // 128 + 1 :]).all()
    assert header["missing"] == [[0, 1], [1, 1]]
    assert [series["points"] for series in header["series"]] == [10_000, 5_000]
    ends = [(series["first_x"], series["last_x"]) for series in header["series"]]
    assert ends == [(0, 9_999), (0, 4_999)]


def test_a_range(visitor, long):
    """Zooming gives finer buckets of the same grid, whole at both ends."""
    header, x, columns = ask(
        visitor, runs=["one"], keys=["loss"], low=700, high=900, buckets=60, exact=True
    )
    assert header["width"] == 4
    assert (x[0], x[-1]) == (700, 900)
    assert columns["one", "loss"]["max"][(777 - 700) // 4] == 50.0
    header, x, columns = ask(visitor, runs=["one"], keys=["loss"], low=770, high=780, exact=True)
    assert header["width"] == 0
    assert x.tolist() == list(range(770, 781))


def test_the_past_of_a_live_curve_stays(visitor, lab):
    """When more comes, all buckets but the last are as they were; a tick asks for what is new."""
    writer = lab.scribe("live", time=_ids.now_us())
    for step in range(3_000):
        writer.row({"loss": float(step)}, step)
    lab.save(writer)
    question = {"runs": ["live"], "keys": ["loss"], "buckets": 100}
    first, x, before = ask(visitor, **question)
    assert first["from"] == x[-1]
    for step in range(3_000, 3_100):
        writer.row({"loss": float(step)}, step)
    lab.save(writer)
    _, _, whole = ask(visitor, **question)
    for stat in ("min", "max", "last", "mean", "count"):
        old, new = before["live", "loss"][stat], whole["live", "loss"][stat]
        assert new[: len(old) - 1].tolist() == old[:-1].tolist(), stat
    tick, tail, fresh = ask(visitor, **question, low=first["from"], width=first["width"])
    assert tick["width"] == first["width"]
    assert tail[0] == first["from"]
    for stat in ("min", "max", "last", "count"):
        assert (
            fresh["live", "loss"][stat].tolist()
            == whole["live", "loss"][stat][-len(tail) :].tolist()
        )


@pytest.mark.parametrize("question", [{}, {"buckets": 100}, {"x": "relative"}], ids=str)
def test_a_damaged_run_takes_no_other_with_it(visitor, lab, long, question):
    """Of several runs the good ones are shown, and of the damaged one why it is not."""
    question = {"keys": ["loss"], **question}
    _, x, alone = ask(visitor, runs=["two"], **question)  # all are taken into the index here
    (journal,) = (path for path in lab.root.rglob("*.journal") if path.parent.name == "one")
    before = journal.stat()
    data = bytearray(journal.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    journal.write_bytes(data)
    os.utime(journal, ns=(before.st_atime_ns, before.st_mtime_ns))
    header, found, columns = ask(visitor, runs=long, **question)
    ((run, why),) = header["damaged"]
    assert (run, header["missing"]) == (0, [])
    assert f"{journal.name} of run one is damaged at byte" in why
    assert found.tolist() == x.tolist()
    for stat, values in alone["two", "loss"].items():
        assert columns["two", "loss"][stat].tolist() == values.tolist(), stat
    reply = visitor.ask("POST", f"{V1}/series", {"runs": ["one"], **question})
    assert (reply.status, journal.name.encode() in reply.body) == (422, True)


def test_what_is_not_finite(visitor, lab):
    """NaN and infinities are counted, and leave the statistics of the finite as they are."""
    writer = lab.scribe("odd")
    for step, value in enumerate([1.0, float("nan"), 3.0, float("inf"), float("-inf"), 2.0]):
        writer.row({"loss": value}, step)
    writer.finish()
    lab.save(writer)
    header, _, columns = ask(visitor, runs=["odd"], keys=["loss"], buckets=2)
    (series,) = header["series"]
    assert [series[name] for name in ("nan", "posinf", "neginf", "points")] == [1, 1, 1, 6]
    assert columns["odd", "loss"]["max"].tolist() == [3.0, 2.0]
    assert header["width"] == 4
    _, _, columns = ask(visitor, runs=["odd"], keys=["loss"], exact=True)
    assert np.isnan(columns["odd", "loss"]["last"][1])
    assert columns["odd", "loss"]["last"][3] == np.inf


@pytest.mark.parametrize("x", ["time", "relative", "tokens", "metric:tokens"])
def test_other_axes(visitor, long, x):
    """They are cut the same way: powers of two, anchored at 0, nothing lost."""
    header, grid, columns = ask(visitor, runs=["one"], keys=["loss"], x=x, buckets=64)
    assert header["axis"] == x
    width = header["width"]
    assert width > 0
    assert np.log2(width) == round(np.log2(width))
    assert np.allclose(grid / width, np.round(grid / width))
    assert header["n"] <= 66
    assert columns["one", "loss"]["count"].sum() == 10_000
    assert np.nanmax(columns["one", "loss"]["max"]) == 50.0


def test_another_metric_as_axis(visitor, long):
    """Runs that lack it have no points; a range on it is kept to."""
    header, grid, columns = ask(
        visitor, runs=long, keys=["loss"], x="tokens", low=3_200, high=6_400, exact=True
    )
    assert header["missing"] == [[1, 0]]
    assert columns["one", "loss"]["count"].sum() == 101
    assert (grid[0], grid[-1]) == (3_200, 6_400)


def test_smoothing_does_not_depend_on_the_buckets(visitor, long):
    """The smooth value at a place is the same however finely, and from where on, it is drawn."""
    how = {"kind": "ema", "weight": 0.9}
    wide, x, columns = ask(
        visitor, runs=["one"], keys=["loss"], buckets=100, smoothing=how, exact=True
    )
    assert wide["stats"][-1] == "smooth"
    values = np.sin(np.arange(10_000) / 100)
    values[777] = 50.0
    smooth, expected = 0.0, []
    for n, value in enumerate(values.tolist(), 1):
        smooth = 0.9 * smooth + 0.1 * value
        expected.append(smooth / (1 - 0.9**n))
    ends = np.minimum(x + 127, 9_999).astype(int)
    assert np.allclose(columns["one", "loss"]["smooth"], np.array(expected)[ends])
    _, near, zoomed = ask(
        visitor, runs=["one"], keys=["loss"], low=900, high=950, smoothing=how, exact=True
    )
    assert np.allclose(zoomed["one", "loss"]["smooth"], np.array(expected)[near.astype(int)])


def test_ranks(visitor, lab):
    """The lowest rank, one of them, or all together."""
    for rank in (0, 1):
        writer = lab.scribe("pair", rank=rank)
        for step in range(10):
            writer.row({"loss": float(step + 100 * rank)}, step)
        writer.finish()
        lab.save(writer)

    def loss(**more):
        return ask(visitor, runs=["pair"], keys=["loss"], exact=True, **more)[2]["pair", "loss"]

    assert loss()["last"].tolist() == [float(n) for n in range(10)]
    assert loss(ranks=1)["last"].tolist() == [float(n + 100) for n in range(10)]
    both = loss(ranks="all")
    assert both["count"].tolist() == [2.0] * 10
    assert both["max"].tolist() == [float(n + 100) for n in range(10)]


def test_chosen_statistics(visitor, long):
    """Only those asked for travel, in their order; float32 unless exact."""
    header, _, columns = ask(
        visitor, runs=["one"], keys=["loss"], stats=["last", "min"], buckets=10
    )
    assert (header["stats"], header["dtype"]) == (["last", "min"], "f4")
    assert set(columns["one", "loss"]) == {"last", "min"}


def test_nothing_to_show(visitor, ids):
    """No runs, no keys, no points: an empty grid."""
    for runs, keys in (([], ["loss"]), ([ids["media"]], ["loss"]), ([ids["run 0"]], [])):
        header, x, columns = ask(visitor, runs=runs, keys=keys)
        assert (header["n"], columns, len(x)) == (0, {}, 0)
    header, _, _ = ask(visitor, runs=[ids["run 0"]], keys=["loss"], low=5000, high=6000)
    assert header["missing"] == [[0, 0]]


@pytest.mark.parametrize(
    "question",
    [
        {"runs": ["nothing"], "keys": ["loss"]},
        {"runs": [], "keys": [], "buckets": 0},
        {"runs": [], "keys": [], "buckets": 4001},
        {"runs": [], "keys": [], "low": 2, "high": 1},
        {"runs": [], "keys": [], "width": 3},
        {"runs": [], "keys": [], "width": -2},
        {"runs": [], "keys": [], "stats": ["median"]},
        {"runs": [], "keys": [], "smoothing": {"kind": "ema", "weight": 1.5}},
        {"runs": [], "keys": [], "smoothing": {"kind": "median", "window": 0}},
        {"runs": [], "keys": [], "ranks": -1},
        {"runs": ["a"] * 1001, "keys": []},
        {"runs": [], "keys": ["a"] * 501},
        {"runs": ["a"] * 1000, "keys": ["a"] * 400, "buckets": 4000},
        {"runs": [1], "keys": []},
    ],
)
def test_questions_that_are_none(visitor, question):
    """What cannot be, or would be too much, is refused before any work."""
    assert visitor.ask("POST", f"{V1}/series", question).status in (400, 404)


def test_history(visitor, ids):
    """Points to the bit, buckets with statistics, and CSV that a spreadsheet runs nothing of."""
    run = ids["run 0"]
    (loss,) = visitor.json(f"/runs/{run}/history?key=loss")["series"]
    assert loss["values"] == [1 / (step + 1) for step in range(100)]
    assert loss["steps"] == list(range(100))
    (few,) = visitor.json(f"/runs/{run}/history?key=loss&samples=10")["series"]
    assert (len(few["min"]), sum(few["count"])) == (7, 100)
    everything = visitor.json(f"/runs/{run}/history")["series"]
    assert {series["key"] for series in everything} == {"loss", "lr", "val/acc", "odd"}
    assert visitor.json(f"/runs/{run}/history?key=odd")["series"][0]["values"] == ["NaN"]
    part = visitor.json(f"/runs/{run}/history?key=loss&start=10&end=12")["series"][0]
    assert part["steps"] == [10, 11, 12]
    csv = visitor.get(f"/runs/{run}/history?key=val/acc&format=csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert "attachment" in csv.headers["content-disposition"]
    lines = csv.body.decode().splitlines()
    assert lines[0] == "key,step,time,x,value,rank"
    assert lines[1].startswith("val/acc,99,")
    reply = visitor.get(f"/runs/{run}/history?key=los")
    assert (reply.status, reply.json()["hint"]) == (404, "did you mean 'loss'?")


def test_a_question_that_takes_too_long(visitor, long, monkeypatch):
    """It is broken off between two runs, and says what to do."""
    monkeypatch.setattr("notabene.server.routes.series.SECONDS", -1.0)
    reply = visitor.ask("POST", f"{V1}/series", {"runs": long, "keys": ["loss"]})
    assert (reply.status, reply.json()["code"]) == (503, "transport")
    assert "fewer" in reply.json()["hint"]
