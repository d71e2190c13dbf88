"""Tree to SQL: what is written. That it means what the predicate says is a property."""

from __future__ import annotations

import re

import pytest

from notabene.query import sql
from notabene.query.ast import And, Field, Moment, Or, Test
from notabene.query.parser import parse, parse_order
from notabene.query.sql import Writer

NOW = 1_714_564_800_000_000
EVIL = "x'; DROP TABLE run; --"


def where(text: str, dialect: sql.Dialect = "sqlite") -> tuple[str, list[object]]:
    """The condition of a query and its parameters in order."""
    written, params = sql.compile(parse(text), dialect, NOW)
    assert sorted(re.findall(r":(\w+)", written)) == sorted(params)
    return written, list(params.values())


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "text",
    [
        'params."{0}" = "{0}" and tags."{0}" like "{0}%" and metrics."{0}".max > 1',
        'name ilike "{0}" or inputs.name in ("{0}") or facts."{0}" != "{0}"',
        'not summary."{0}" < "{0}" and group = "{0}" and "{0}" in tags',
    ],
)
def test_nothing_of_the_user_is_in_the_text(text, dialect):
    """Keys and values of a query are parameters, whatever they are."""
    written, params = where(text.format(EVIL), dialect)
    assert "DROP" not in written
    assert any("DROP" in str(value) for value in params)
    order = parse_order(f'params."{EVIL}", -metrics."{EVIL}"')
    joins, terms, _ = sql.compile_order(order, dialect, NOW)
    assert "DROP" not in joins + terms


def test_nothing_means_all():
    """An empty query is true, an empty "or" false."""
    assert where("") == ("TRUE", [])
    assert sql.compile(Or(), "sqlite", NOW) == ("FALSE", {})


def test_attributes_are_columns():
    """An attribute is compared in the run's own row, where an empty text is absent."""
    assert where("name = 'x'") == ("(r.name <> '' AND (r.name IN (:p0)))", ["x"])
    assert where("user != 'x'")[0] == (
        '(r."user" <> \'\' AND NOT COALESCE(((r."user" IN (:p0))), FALSE))'
    )
    assert where("ended is null")[0] == "(NOT (r.ended <> 0))"
    assert where("exit_code > 1") == ("(r.exit_code IS NOT NULL AND (r.exit_code > :p0))", [1.0])


def test_keys_are_looked_up():
    """A key is looked up in its table, per run, or from the index for all runs."""
    assert where("metrics.loss < 1") == (
        "EXISTS (SELECT 1 FROM metric x WHERE x.key = :p0 AND (x.last < :p1) AND x.run = r.n)",
        ["loss", 1.0],
    )
    writer = Writer("sqlite", NOW)
    assert writer.where(parse("'lr' not in params"), "in") == (
        "NOT r.n IN (SELECT x.run FROM cell x WHERE x.kind = 1 AND x.key = :p0)"
    )


def test_postgresql_does_not_reorder_look_ups():
    """On PostgreSQL a look-up per run stays one: its planner knows too little to do better."""
    assert where("metrics.loss < 1", "postgresql")[0].endswith("AND x.run = r.n OFFSET 0)")


def test_times_are_ranges_of_microseconds():
    """A time is compared with whole µs, given as a range with one end or two."""
    assert where("created = 5 and created < 5 and created >= 6") == (
        "((r.created <> 0 AND ((r.created >= :p0 AND r.created < :p1)))"
        " AND (r.created <> 0 AND ((r.created < :p2)))"
        " AND (r.created <> 0 AND ((r.created >= :p3))))",
        [5000, 6000, 5000, 6000],
    )


def test_a_range_is_one_look_up():
    """Tests of one key are answered by one row, so that an index gives a range."""
    written, params = where("metrics.m > 1 and name = 'x' and metrics.m.max < 2")
    assert written.count("FROM metric") == 1
    assert "(x.last > :p1) AND x.max IS NOT NULL AND (x.max < :p2)" in written
    assert params == ["m", 1.0, 2.0, "x"]
    assert where("metrics.m > 1 and metrics.m is null")[0].count("FROM metric") == 2


def test_texts_are_found_by_their_beginning():
    """Texts are indexed by 200 characters; only longer ones are compared whole as well."""
    written, params = where("params.a = 'x'")
    assert "substr(x.text, 1, 200) IN (:p1)" in written
    assert "x.text IN" not in written
    written, params = where(f"params.a = '{'x' * 300}'")
    assert "x.text IN (:p2)" in written
    assert params == ["a", "x" * 200, "x" * 300]
    written, params = where("params.a like 'ab%'")
    assert params == ["a", "ac", "ab", "ab*"]
    assert where("params.a like '\U0010ffff%'")[1] == ["a", "\U0010ffff", "\U0010ffff*"]


def test_patterns_of_each_dialect():
    """Patterns are written for the operator that minds case, or for none."""
    assert "GLOB" in where("name ilike 'a'")[0]
    assert "r.name LIKE :" in where("name like 'a'", "postgresql")[0]
    assert "r.name ~ :" in where("name ilike 'a'", "postgresql")[0]


def test_values_by_what_they_were():
    """Numbers, NaN, bools and the texts that Python makes of bools find the cells they should."""
    true = "(x.flag = 5 AND x.num = 1)"
    assert f"({true})" in where("params.amp = true")[0]
    written, params = where("params.amp in ('True', 1, nan)")
    assert f"({true} OR x.flag = 1 OR x.num IN (:p1) OR substr(" in written
    assert params == ["amp", 1.0, "True"]
    assert "(x.flag = 5 AND x.num = 0)" in where("params.amp = 'False'")[0]
    assert where("name = 'True'")[1] == ["True"]
    assert "x.last_flag = 1" in where("metrics.m = nan")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status = finished", "(r.status IN ('finished'))"),
        ("status = lost", "((r.status = 'running' AND NOT r.alive >= :p0))"),
        (
            "status in (running, failed)",
            "((r.status = 'running' AND r.alive >= :p0) OR r.status IN ('failed'))",
        ),
        (
            "status like '%n%'",
            "((r.status = 'running' AND r.alive >= :p0) OR r.status IN ('finished'))",
        ),
        ("status in (lost, running)", "(r.status = 'running')"),
        ("status = scheduled", "FALSE"),
        ("status != lost and status is not null", None),
    ],
)
def test_statuses(text, expected):
    """A status that is stored is compared; whether a running run is lost, the clock tells."""
    writer = Writer("sqlite", NOW)
    written = writer.where(parse(text))
    assert expected is None or written == expected
    assert not writer.params or writer.params["p0"] == NOW - 120_000_000


def test_values_that_fit_no_column():
    """What cannot be equal to anything in a column is false, never an error of the database."""
    metric, name = Field("metric", "m", "min"), Field("attribute", "name")
    created = Field("attribute", "created")
    nan = float("nan")
    for test in (
        Test(metric, "in", ("text",)),
        Test(metric, "in", (nan,)),
        Test(metric, "<", (nan,)),
        Test(name, "in", (1.0,)),
        Test(name, "<", (1.0,)),
        Test(name, "in", (True,)),
        Test(created, "<", ("x",)),
        Test(name, "in", ()),
        Test(name, "in", (Moment("today"),)),
        Test(metric, "like", ("a%",)),
    ):
        written, _ = sql.compile(And((test,)), "sqlite", NOW)
        assert "FALSE" in written


def test_order():
    """Keys are joined, sorted by what they are and then by value; the id decides in the end."""
    order = parse_order("-metrics.loss, params.opt, status, duration, group")
    joins, terms, params = sql.compile_order(order, "sqlite", NOW)
    assert joins == (
        "LEFT JOIN metric s0 ON s0.run = r.n AND s0.key = :p0 "
        "LEFT JOIN cell s1 ON s1.run = r.n AND s1.kind = 1 AND s1.key = :p1"
    )
    assert terms.startswith("CASE WHEN s0.last IS NOT NULL THEN 0 WHEN s0.run IS NOT NULL THEN 2")
    assert "s0.last DESC" in terms
    assert "THEN 'lost' ELSE r.status END, r.duration," in terms
    assert terms.endswith("r.grp, r.created DESC, r.id")
    assert list(params.values()) == ["loss", "opt", NOW - 120_000_000]


def test_order_by_creation_is_not_repeated():
    """Who sorts by creation is not sorted by it again."""
    assert sql.compile_order(parse_order("created"), "sqlite", NOW)[1] == (
        "CASE WHEN r.created <> 0 THEN 0 ELSE 3 END, r.created, r.id"
    )
    assert sql.compile_order((), "sqlite", NOW)[1] == "r.created DESC, r.id"
