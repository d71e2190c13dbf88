"""The tree of a query."""

from __future__ import annotations

import msgspec

from notabene.query.ast import (
    And,
    Expr,
    Field,
    Moment,
    Not,
    Or,
    Test,
    all_of,
    conjuncts,
    fields,
)

A, B, C = (Test(Field("param", name), "in", (1.0,)) for name in "abc")


def test_fields_in_order():
    """All fields of a tree come in the order in which they stand there."""
    tree = And((A, Or((B, Not(C))), A))
    assert [field.name for field in fields(tree)] == ["a", "b", "c", "a"]


def test_conjuncts():
    """What must all hold is found through any nesting of "and", not into "or"."""
    either = Or((A, B))
    assert conjuncts(And((A, And((B, either))))) == (A, B, either)
    assert conjuncts(either) == (either,)


def test_all_of():
    """Conditions are joined flat; one alone stays itself, none is always true."""
    assert all_of(A) == A
    assert all_of(And(), A) == A
    assert all_of(And((A, B)), C) == And((A, B, C))
    assert all_of() == And()


def test_trees_are_values():
    """Trees can be hashed, and come back equal from JSON."""
    values = (1.0, "x", True, Moment("today"))
    tree: Expr = And((Test(Field("metric", "m", "max"), "in", values, True), Not(Or((A, B)))))
    assert len({tree, tree, A}) == 2
    assert msgspec.json.decode(msgspec.json.encode(tree), type=Expr) == tree
