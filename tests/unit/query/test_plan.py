"""Which statements give a page, and how much of the index they read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from notabene.query import plan, sql
from notabene.query.ast import And, Or
from notabene.query.parser import parse, parse_order
from notabene.store import tables as t

NOW = 1_714_564_800_000_000
RUNS = 3000


class Index:
    """A synthetic index, and the statements that were run on it."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []

    def execute(self, statement: str, params: plan.Params) -> list[tuple[int, ...]]:
        """Run one statement and remember it."""
        self.statements.append(statement)
        return [tuple(row) for row in self.connection.execute(sa.text(statement), params)]

    def search(self, text: str, order: str = "", limit: int = 20, offset: int = 0) -> list[int]:
        """A page, with the statements for it alone remembered."""
        self.statements.clear()
        return plan.search(
            parse(text),
            parse_order(order),
            self.execute,
            dialect="sqlite",
            now=NOW,
            limit=limit,
            offset=offset,
        )

    def pages(self) -> list[str]:
        """The statements that gave runs."""
        return [s for s in self.statements if s.startswith("SELECT r.n")]

    def explain(self) -> str:
        """How SQLite runs the first of them."""
        statement = self.pages()[0]
        names = dict.fromkeys(sa.text(statement).compile().params, 1)
        rows = self.connection.execute(sa.text(f"EXPLAIN QUERY PLAN {statement}"), names)
        return "\n".join(str(row[3]) for row in rows)


@pytest.fixture(scope="module")
def filled() -> Iterator[sa.Connection]:
    """3,000 runs: two projects, a rare and a common param, a metric that every third lacks."""
    engine = sa.create_engine("sqlite://")
    tables = [t.run, t.cell, t.metric, t.edge]
    with engine.connect() as connection:
        t.metadata.create_all(connection, tables=tables)
        numbers = range(1, RUNS + 1)
        connection.execute(t.run.insert(), [_run(n) for n in numbers])
        connection.execute(t.cell.insert(), [row for n in numbers for row in _cells(n)])
        connection.execute(t.metric.insert(), [_metric(n) for n in numbers if n % 3])
        yield connection
    engine.dispose()


@pytest.fixture
def index(filled: sa.Connection) -> Index:
    """The index with no statement remembered."""
    return Index(filled)


def _run(n: int) -> dict[str, object]:
    project = "small" if n % 100 == 0 else "big"
    return {"n": n, "id": f"r{n:05}", "project": project, "created": n, "started": n}


def _cells(n: int) -> list[dict[str, object]]:
    known = {"run": n, "kind": 1}
    return [
        known | {"key": "seed", "num": float(n % 500), "flag": 0, "text": str(n % 500)},
        known | {"key": "lr", "num": 0.1 * (n % 2), "flag": 0, "text": str(0.1 * (n % 2))},
        known | {"key": "opt", "flag": 4, "text": "adam" if n % 2 else "sgd", "num": None},
    ]


def _metric(n: int) -> dict[str, object]:
    value = (n * 7919 % 1009) / 1009
    known = dict.fromkeys(("last", "min", "max", "mean", "first", "best"), value)
    counts = dict.fromkeys(("n", "nan", "posinf", "neginf", "last_step", "min_step"), 1)
    flags = {"max_step": 1, "last_flag": 0, "first_flag": 0}
    return {"run": n, "key": "acc", **known, **counts, **flags}


def test_many_matches_walk_the_index_of_the_order(index: Index) -> None:
    """Where most runs match, the index of the order is read until the page is full."""
    found = index.search("params.lr = 0.1", "-metrics.acc")
    assert len(found) == 20
    assert len(index.pages()) == 1
    assert "SEARCH s0 USING COVERING INDEX metric_last" in index.explain()
    assert "USE TEMP B-TREE FOR ORDER BY" not in index.explain()


def test_few_matches_are_found_by_their_index(index: Index) -> None:
    """Where few match, they are taken from the index of the condition and sorted."""
    found = index.search("params.lr = 0 and params.seed = 8", "-metrics.acc")
    assert found
    assert all(n % 500 == 8 for n in found)
    assert "SEARCH x USING COVERING INDEX cell_num" in index.explain()


def test_a_small_project_is_found_by_itself(index: Index) -> None:
    """A project with few runs is taken from its own index, whatever one sorts by."""
    found = index.search("project = 'small'", "-metrics.acc")
    assert all(n % 100 == 0 for n in found)
    assert "run_project_created" in index.explain()


def test_newest_first_reads_one_page(index: Index) -> None:
    """Without an order, the index of creation is walked, for one project its own."""
    assert index.search("", limit=3) == [RUNS, RUNS - 1, RUNS - 2]
    assert "USING COVERING INDEX run_created" in index.explain() or "run_created" in index.explain()
    index.search("project = 'big' and params.lr = 0.1")
    assert "run_project_created" in index.explain()


def test_another_order_keeps_its_index(index: Index) -> None:
    """A condition on an indexed attribute does not draw SQLite away from the order's index."""
    index.search("project = 'big' and params.lr = 0.1", "-started")
    assert "run_started" in index.explain()


def test_a_deep_page_is_sorted_at_once(index: Index) -> None:
    """A page far down is cheaper to sort out of all matches than to walk to."""
    expected = index.search("params.lr = 0.1", "-metrics.acc", limit=RUNS)
    assert index.search("params.lr = 0.1", "-metrics.acc", 20, 1400) == expected[1400:1420]
    assert len(index.pages()) == 1
    assert "LIST SUBQUERY" in index.explain()


def test_a_key_without_index_is_sorted(index: Index) -> None:
    """What has no index can be sorted by all the same."""
    found = index.search("", "metrics.acc.mean", limit=RUNS)
    assert len(found) == RUNS
    assert all(n % 3 == 0 for n in found[-RUNS // 3 :])


@pytest.mark.parametrize(
    ("order", "pieces"),
    [
        ("created", 2),
        ("name", 2),
        ("user", 0),
        ("params.a", 4),
        ("tags.a", 2),
        ("metrics.a", 3),
        ("metrics.a.max", 2),
        ("metrics.a.mean", 0),
    ],
)
def test_pieces_of_a_walk(order: str, pieces: int) -> None:
    """A walk has a piece for each kind of value there can be, none where there is no index."""
    assert len(plan.Planner(parse(""), parse_order(order), "sqlite", NOW, None).walk()) == pieces


def test_a_walk_goes_on_where_the_field_is_absent(index: Index) -> None:
    """After the runs with the metric come those without it, newest first, on any page."""
    everything = index.search("", "-metrics.acc", limit=RUNS)
    without = [n for n in range(RUNS, 0, -1) if n % 3 == 0]
    assert everything[-len(without) :] == without
    order = sql.complete(parse_order("-metrics.acc"))
    walk = plan.Planner(parse(""), order, "sqlite", NOW, None).walk()
    assert len(walk) == 3
    found = [n for statement in walk for (n,) in index.execute(*statement)]
    assert found == everything


def test_pages_join_without_a_gap(index: Index) -> None:
    """Pages of any size, one after the other, give what one large page gives."""
    for order in ("-metrics.acc", "params.opt, -created", "created"):
        expected = index.search("params.seed < 250", order, limit=RUNS)
        pages = [index.search("params.seed < 250", order, 400, at) for at in range(0, RUNS, 400)]
        assert [n for page in pages for n in page] == expected


def test_statements_do_not_grow_with_the_number_of_conditions(index: Index) -> None:
    """At most six conditions are counted before a page is read."""
    index.search(" and ".join(f"params.p{i} = 1" for i in range(20)))
    assert len(index.statements) <= plan.MAX_PROBES + 4


def test_either_of_two_indexed_conditions(index: Index) -> None:
    """Conditions joined by "or" are found by their indexes together, each run once."""
    text = "(params.seed = 7 or params.seed = 8 and params.lr = 0 or params.seed = 7)"
    found = index.search(f"{text} and name is null", "params.seed")
    assert sorted(found) == [n for n in range(1, RUNS + 1) if n % 500 in (7, 8)]
    assert "UNION" in index.pages()[0]


def test_what_no_index_answers() -> None:
    """A condition that no index answers is no source of runs."""
    for text in (
        "params.a != 1",
        "params.a ilike 'x'",
        "params.a is null",
        "metrics.a.mean > 1",
        "user = 'x'",
        "name > 'x'",
        "inputs.name = 'x'",
        "params.a = 1 or user = 'x'",
        "not params.a = 1",
    ):
        assert plan.source((parse(text),), plan.Writer("sqlite", NOW)) == ()
    assert plan.source((Or(),), plan.Writer("sqlite", NOW)) == ()
    assert plan.source((And(),), plan.Writer("sqlite", NOW)) == ()
    assert plan.source((parse("metrics.a is not null"),), plan.Writer("sqlite", NOW))


def test_count_and_all(index: Index) -> None:
    """How many match is counted; without a limit all are given, after an offset if asked."""
    expr = parse("params.lr = 0.1 and metrics.acc > 0.5")
    number = plan.count(expr, index.execute, dialect="sqlite", now=NOW)
    found = plan.search(expr, (), index.execute, dialect="sqlite", now=NOW)
    assert number == len(found) > 0
    rest = plan.search(expr, (), index.execute, dialect="sqlite", now=NOW, offset=10)
    assert rest == found[10:]


def test_asks() -> None:
    """Stores are told which keys a search needs, those it sorts by included."""
    expr = parse("params.lr = 1 and not metrics.acc.max > 1 and name = 'x' and 'a' in tags")
    assert plan.asks(expr, parse_order("git.commit, created")) == {
        (1, "lr"),
        (5, "acc"),
        (2, "a"),
        (4, "git.commit"),
    }


def test_nothing_to_find(index: Index) -> None:
    """No runs is no error: neither a page of none nor one behind the last."""
    assert index.search("params.seed = -1", "-metrics.acc") == []
    assert index.search("", "-metrics.acc", limit=0) == []
    assert index.search("", "-metrics.acc", 10, RUNS + 5) == []
