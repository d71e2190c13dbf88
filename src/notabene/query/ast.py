"""What a search means, as a tree: the one form that texts, filters of other tools and code share.

The tree knows no spelling: aliases are resolved, ``!=`` is a negated ``in`` of one value,
``between`` is two comparisons, statuses are in lower case. :func:`notabene.query.parser.parse`
makes it and :func:`notabene.query.text.write` writes it down again. All parts are immutable,
can be compared and hashed, and encode to JSON by msgspec.

**One rule for what is absent.** A comparison is answered with yes or no, never with "unknown":
where the run has no such field the answer is no, whatever the operator, also for ``!=``,
``not like`` and ``not in``; only ``is null`` says yes. A negated operator asks "is there, and
is not so": ``params.lr != 0.1`` means there is an ``lr``, of whatever type, other than 0.1.
``not (...)`` in front turns yes into no, so ``not params.lr = 0.1`` is also true of runs
without an ``lr``. MLflow's comparisons follow the same rule.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FieldKind = Literal["attribute", "param", "metric", "tag", "summary", "fact", "input", "output"]
Op = Literal["in", "<", "<=", ">", ">=", "like", "ilike", "null"]


class Moment(msgspec.Struct, frozen=True, tag="moment"):
    """A time as written: ``2024-05-01``, ``today``, ``7d ago``; given meaning by the clock."""

    text: str


Value = float | str | bool | Moment


class Field(msgspec.Struct, frozen=True, tag="field"):
    """What is asked for.

    Attributes:
        kind: Where it is found.
        name: Name of the attribute, or the key exactly as it was logged.
        stat: Which statistic of a metric; empty for all else.
    """

    kind: FieldKind
    name: str
    stat: str = ""


class Test(msgspec.Struct, frozen=True, tag="test"):
    """One comparison of a field.

    Attributes:
        field: What is compared.
        op: ``in`` is equality with one of the values; ``null`` has no value, all others one.
        values: What it is compared with. Patterns of ``like`` as written.
        negated: The field is there and the comparison does not hold; with ``null``: it is there.
    """

    __test__ = False  # no test for pytest to collect

    field: Field
    op: Op
    values: tuple[Value, ...] = ()
    negated: bool = False


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of the items hold; with no items: always."""

    items: tuple[Expr, ...] = ()


class Or(msgspec.Struct, frozen=True, tag="or"):
    """At least one of the items holds; with no items: never."""

    items: tuple[Expr, ...] = ()


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The item does not hold."""

    item: Expr


Expr = Test | And | Or | Not


class Order(msgspec.Struct, frozen=True, tag="order"):
    """One key to sort by.

    Numbers come before texts before NaN before runs without the field, in both directions;
    ``descending`` turns the order of the numbers and that of the texts.
    """

    field: Field
    descending: bool = False


NEWEST_FIRST = Order(Field("attribute", "created"), descending=True)
"""The order of runs that nobody asked to sort, and between runs that are otherwise equal."""


def fields(expr: Expr) -> tuple[Field, ...]:
    """All fields a tree asks for, in order, each as often as it stands there."""
    if isinstance(expr, Test):
        return (expr.field,)
    items = (expr.item,) if isinstance(expr, Not) else expr.items
    return tuple(field for item in items for field in fields(item))


def conjuncts(expr: Expr) -> tuple[Expr, ...]:
    """The items that must all hold: what is joined by ``and`` at the top."""
    if isinstance(expr, And):
        return tuple(part for item in expr.items for part in conjuncts(item))
    return (expr,)


def all_of(*items: Expr) -> Expr:
    """All of the items, without an ``and`` within an ``and``."""
    parts = tuple(part for item in items for part in conjuncts(item))
    return parts[0] if len(parts) == 1 else And(parts)
