"""Scalars as columns, everything else as events."""

from __future__ import annotations

import math

import numpy as np

from notabene.tfevents.frames import Records
from notabene.tfevents.scan import Scanner, micros
from tests.unit.tfevents.conftest import (
    event,
    f64,
    num,
    plugin,
    session_start,
    simple,
    sub,
    tensor,
    version,
)


def scan(*events: bytes, scanner: Scanner | None = None):
    """Scan events as if a file held them."""
    ends = np.cumsum([len(one) for one in events]).tolist()
    records = Records(b"".join(events), [0, *ends[:-1]], ends, 100, ends[-1])
    return (scanner or Scanner()).scan(records)


def test_scalars_of_both_forms():
    """Old values and tensors of the scalars plugin, the plugin being named once."""
    scalars, events = scan(
        version(5.0),
        event(10.5, 1, simple("old", 0.25)),
        event(11.5, 1, tensor("new", np.array(2.5, np.float32), "scalars")),
        event(12.5, 300, tensor("new", np.array(3.5, np.float32))),
        event(13.5, 70000, simple("old", -1)),
    )
    assert scalars["old"].steps.tolist() == [1, 70000]
    assert scalars["old"].times.tolist() == [10_500_000, 13_500_000]
    assert scalars["old"].values.tolist() == [0.25, -1]
    assert scalars["new"].steps.tolist() == [1, 300]
    assert scalars["new"].values.tolist() == [2.5, 3.5]
    assert [one.version for _, one in events] == ["brain.Event:2"]


def test_odd_numbers_and_steps():
    """NaN, the infinities, minus zero, steps of 0, below 0 and of 63 bits."""
    values = [math.nan, math.inf, -math.inf, -0.0]
    steps = [0, -5, (1 << 63) - 1, -(1 << 63)]
    scalars, _ = scan(*(event(1.0, s, simple("a", v)) for s, v in zip(steps, values, strict=True)))
    assert scalars["a"].steps.tolist() == steps
    assert str(scalars["a"].values.tolist()) == str(values)


def test_several_values_in_one_event():
    """As TensorFlow 1 writes merged summaries; the order of the file is kept."""
    first = event(1.0, 1, simple("a", 1), simple("b", 2))
    scalars, events = scan(event(0.5, 0, simple("a", 0)), first, event(2.0, 2, simple("a", 3)))
    assert scalars["a"].values.tolist() == [0, 1, 3]
    assert scalars["b"].values.tolist() == [2]
    assert events == []


def test_what_is_no_scalar_is_an_event():
    """Tensors of other plugins, types and shapes; restarts; graphs."""
    wide = tensor("w", np.zeros((2, 3), np.float32), "scalars")
    double = tensor("d", np.array(1.5), "scalars")
    other = tensor("o", np.array(1.5, np.float32), "mesh")
    graph = event(1.0, 0, more=sub(4, b"graph"))
    scalars, events = scan(*(event(1.0, 1, one) for one in (wide, double, other)), graph)
    assert scalars == {}
    assert [[v.tag for v in one.values] for _, one in events] == [["w"], ["d"], ["o"], []]
    assert events[-1][1].other == "graph"
    _, events = scan(session_start(1.0, 7))
    assert [(place, one.session, one.step) for place, one in events] == [(100, 1, 7)]


def test_a_value_that_looks_like_a_scalar_at_first():
    """The surroundings of a value tell what it is: the same bytes elsewhere are another tag."""
    scanner = Scanner()
    for _ in range(2):
        scalars, _ = scan(
            event(1.0, 1, simple("aa", 1)),
            event(1.0, 1, simple("ab", 2)),
            event(1.0, 1, simple("aa", 3) + plugin("scalars")),
            scanner=scanner,
        )
        assert {tag: one.values.tolist() for tag, one in scalars.items()} == {
            "aa": [1, 3],
            "ab": [2],
        }


def test_records_that_are_no_events():
    """They are counted, and harm nothing."""
    scanner = Scanner()
    scalars, events = scan(
        b"\xff\xff\xff", b"", event(1.0, 1, simple("a", 1)), b"\x0a", scanner=scanner
    )
    assert list(scalars) == ["a"]
    assert scanner.broken == 2
    assert events == []


def test_times():
    """Whole µs; what is no time is 0."""
    walls = np.array([1.5, math.nan, math.inf, 1e300])
    assert micros(walls).tolist() == [1_500_000, 0, 0, 0]
    scalars, _ = scan(num(2, 3) + sub(5, sub(1, simple("a", 1))), f64(1, 2.0) + num(2, 4))
    assert scalars == {} or scalars["a"].times.tolist() == [0]
