"""Tree to text."""

from __future__ import annotations

import math

import pytest

from notabene.query.ast import And, Field, Moment, Not, Or, Order, Test
from notabene.query.parser import parse, parse_order
from notabene.query.text import write, write_field, write_order, write_value

A, B = (Test(Field("param", name), "in", (1.0,)) for name in "ab")
ID = Field("attribute", "id")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("attribute", "created"), "created"),
        (Field("param", "model.depth"), "params.model.depth"),
        (Field("param", "a b"), 'params."a b"'),
        (Field("param", 'say "x"'), 'params."say ""x"""'),
        (Field("param", "max"), "params.max"),
        (Field("param", ".a"), 'params.".a"'),
        (Field("metric", "loss", "last"), "metrics.loss"),
        (Field("metric", "loss", "max"), "metrics.loss.max"),
        (Field("metric", "loss.max", "last"), 'metrics."loss.max"'),
        (Field("metric", "max", "min"), 'metrics."max".min'),
        (Field("input", "role"), "inputs.role"),
        (Field("fact", "git.commit"), "git.commit"),
        (Field("fact", "host.cpu model"), 'host."cpu model"'),
        (Field("fact", "user.name"), "facts.user.name"),
        (Field("fact", "facts.x"), "facts.facts.x"),
        (Field("fact", "params.x"), "facts.params.x"),
        (Field("fact", "git"), "facts.git"),
        (Field("fact", "git."), 'facts."git."'),
    ],
)
def test_fields(field, text):
    """A field is written as short as it can be read again."""
    assert write_field(field) == text


def test_fields_named_like_a_prefix_come_back():
    """Facts whose names look like something else are read as the same facts."""
    for name in ("git.commit", "facts.x", "params.x", "git", "git.", ".x", "user.name"):
        field = Field("fact", name)
        assert parse(f"{write_field(field)} is null") == Test(field, "null")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (True, "true"),
        (False, "false"),
        ("it's", "'it''s'"),
        (Moment("7d ago"), "'7d ago'"),
    ],
)
def test_values(value, text):
    """Values are written as they are read."""
    assert write_value(value) == text


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (And(), ""),
        (And((A, Or((B, Not(A))))), "params.a = 1.0 and (params.b = 1.0 or not params.a = 1.0)"),
        (Not(And((A, B))), "not (params.a = 1.0 and params.b = 1.0)"),
        (Or((A, And((A, B)))), "params.a = 1.0 or (params.a = 1.0 and params.b = 1.0)"),
        (Test(A.field, "in", (1.0,), True), "params.a != 1.0"),
        (Test(A.field, "in", (1.0, "x")), "params.a in (1.0, 'x')"),
        (Test(A.field, "in", (1.0, "x"), True), "params.a not in (1.0, 'x')"),
        (Test(A.field, "ilike", ("x%",), True), "params.a not ilike 'x%'"),
        (Test(A.field, ">=", (1.0,)), "params.a >= 1.0"),
        (Test(A.field, "null"), "params.a is null"),
        (Test(A.field, "null", (), True), "params.a is not null"),
        # What the language has no form for is written as something that means the same.
        (Not(And()), "not (id is not null)"),
        (And((A, Or())), "params.a = 1.0 and (id is null)"),
        (Test(A.field, "in"), "id is null"),
        (Test(A.field, "in", (), True), "params.a is not null"),
    ],
)
def test_trees(tree, text):
    """A tree is written with no more parentheses than it needs to be read the same."""
    assert write(tree) == text
    parse(text)


def test_orders():
    """Keys to sort by are written with a sign."""
    order = (Order(Field("metric", "a b", "max"), True), Order(ID))
    assert write_order(order) == '-metrics."a b".max, id'
    assert parse_order(write_order(order)) == order
