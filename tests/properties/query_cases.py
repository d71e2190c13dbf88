"""Runs, queries and orders for the query properties, and a way to put runs into real tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from notabene.model.entities import ArtifactEdge, Conclusion, MetricSummary, RunInfo
from notabene.model.records import STATUSES
from notabene.query.ast import And, Expr, Field, Moment, Not, Or, Order, Test
from notabene.query.fields import ATTRIBUTES, CELL_KINDS, STATISTICS, type_of
from notabene.query.values import cell_of, number_cell
from notabene.store import tables as t

if TYPE_CHECKING:
    import sqlalchemy as sa

NOW = 1_714_564_800_000_000  # 2024-05-01 12:00 UTC
SECOND = 1_000_000

KEYS = ("lr", "é.max")
FACTS = ("git.dirty", "lr")
TEXTS = (
    "",
    "adam",
    "Adam",
    "ADAM",
    "abl-1",
    "a%b_c",
    "a[b]*?c",
    "back\\slash",
    'it\'s "so"',
    "two\nlines",
    "ÉTÉ été",
    "ΟΔΟΣ οδος",
    "日本",
    "\U0010ffff",
    "true",
    "True",
    "null",
    "0.1",
    "10",
    "9",
    "x" * 250 + "1",
    "x" * 250 + "2",
)
FINITE = (-0.0, 0.1, 1.0, 3.0, 1e300)
NUMBERS = (*FINITE, math.inf, -math.inf, math.nan, math.nan)
OTHERS = (3, 10**17 + 1, [1, 2.5], {"a": None}, ["é"])
TIMES = (
    0,
    NOW,
    NOW - 1,
    NOW - 500,
    NOW - 1000,
    NOW - 3600 * SECOND,
    NOW - 12 * 3600 * SECOND,
    NOW - 12 * 3600 * SECOND - 1,
    NOW - 7 * 86400 * SECOND,
)
MOMENTS = tuple(
    map(
        Moment,
        ("now", "today", "yesterday", "7d ago", "1h ago", "2024-05-01", "2024-05-01 12:00"),
    )
)
PATTERNS = (
    *("%", "", "a%", "A%", "ad%", "abl%", "%b%c", "_dam", "%[b]%", "a[b]*?%", "%*?%", "a\\%b\\_c"),
    *("%\\\\%", "été", "%ÉTÉ%", "ου", "%ΣΣ", "%Σ", "οδο_", "%οδοΣ", "日_", "日%", "%\U0010ffff%"),
    *("x%1", "%\\", "TR%", "two%lines", "\U0010ffff%", "train", "d%", "1%", "0._", "n%", "f%"),
)

plain_texts = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
numbers = st.sampled_from(NUMBERS)


class Maker:
    """Makes runs with some of everything, the same for the same seed.

    Few keys and few values, so that queries often meet them; made without Hypothesis, which
    takes a hundred times as long for so much data and has nothing to shrink in it.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def runs(self) -> list[RunInfo]:
        """Up to nine runs."""
        return [self.run(f"{n}{self.random.random()}") for n in range(self.random.randrange(10))]

    def text(self) -> str:
        """A text of the pool, or one with odd characters."""
        if self.random.random() < 0.8:
            return self.random.choice(TEXTS)
        return "".join(self.random.choices("a%_\\[é\n'\"\x7f\U0001f600", k=3))

    def value(self) -> Any:
        """Any value of JSON."""
        pool: list[Any] = [self.text(), *NUMBERS, True, False, None, *OTHERS]
        return self.random.choice(pool)

    def metric(self) -> MetricSummary:
        """Statistics as a store would find them, also of a metric without any finite value."""
        choose = self.random.choice
        low, high = sorted((choose(FINITE), choose(FINITE)))
        finite = choose((True, True, False))
        counts = {name: choose((0, 1, 2)) for name in ("nan", "posinf", "neginf")}
        steps = {f"{name}_step": choose((-1, 0, 1)) for name in ("last", "min", "max", "first")}
        return MetricSummary(
            key="",
            n=choose((1, 2)),
            last=choose(NUMBERS),
            last_time=NOW,
            min=low if finite else math.nan,
            max=high if finite else math.nan,
            mean=(low + high) / 2 if finite else math.nan,
            first=choose(NUMBERS),
            goal=choose(("", "min", "max")),
            **counts,
            **steps,
        )

    def edge(self) -> ArtifactEdge:
        """A version that a run made or read."""
        choose = self.random.choice
        return ArtifactEdge(
            run="",
            direction=choose(("input", "output")),
            name=choose(("adam", "data", "Data")),
            version=choose((1, 2)),
            digest=choose(("abc", "abl-1")),
            time=NOW,
            role=choose(("", "train", "a%b_c")),
        )

    def edges(self) -> tuple[ArtifactEdge, ...]:
        """A few of them, each version once in a role, as records give them."""
        made = [self.edge() for _ in range(self.random.randrange(4))]
        return tuple({(e.direction, e.name, e.version, e.role): e for e in made}.values())

    def some(self, make: Callable[[], Any], keys: Sequence[str] = KEYS) -> dict[str, Any]:
        """Most of the keys, each with something."""
        return {key: make() for key in keys if self.random.random() < 0.8}

    def run(self, run_id: str) -> RunInfo:
        """One run."""
        choose = self.random.choice
        verdict = choose(("", "supported", "refuted"))
        told = Conclusion(text=self.text(), verdict=verdict, author="", time=1)
        return RunInfo(
            id=run_id,
            project=choose(("p", "q")),
            name=self.text()[:200],
            status=choose(STATUSES),
            created=choose(TIMES),
            started=choose(TIMES),
            ended=choose(TIMES),
            updated=choose(TIMES),
            duration=choose((0.0, 1.5, 90.0)),
            user=choose(("", "Ada", "ada")),
            group=choose(("", "adam", "a%b_c")),
            parent=choose(("", "adam")),
            conclusion=choose((None, told)),
            tags=self.some(self.text),
            params=self.some(self.value),
            metrics=self.some(self.metric),
            summary=self.some(self.value),
            facts=self.some(self.value, FACTS),
            artifacts=self.edges(),
            exit_code=choose((None, 0, 1)),
            points=choose((0, 1, 3)),
            archived=choose((True, False)),
            deleted=choose((True, False)),
        )


run_sets = st.integers(0, 2**32).map(lambda seed: Maker(seed).runs())

# -- queries ---------------------------------------------------------------------------------------

STATS = (*STATISTICS, *(["last"] * 8), *(["max"] * 3))
sortable = st.one_of(
    st.sampled_from([Field("attribute", a.name) for a in ATTRIBUTES]),
    st.builds(Field, st.sampled_from(["param", "tag", "summary"]), st.sampled_from(KEYS)),
    st.builds(Field, st.just("fact"), st.sampled_from(FACTS)),
    st.builds(Field, st.just("metric"), st.sampled_from(KEYS), st.sampled_from(STATS)),
)
edges = st.builds(
    Field, st.sampled_from(["input", "output"]), st.sampled_from(["name", "digest", "role"])
)
milliseconds = st.sampled_from([NOW / 1000, NOW / 1000 - 1, NOW / 1000 + 0.5, 0.0, 1e300, -1e300])
VALUES = {
    "text": plain_texts.map(lambda text: text or "adam"),
    "number": numbers,
    "duration": numbers,
    "time": st.sampled_from(MOMENTS) | milliseconds,
    "bool": st.booleans(),
    "any": plain_texts | numbers | st.booleans(),
}
CHOICES = {
    "status": st.sampled_from(["running", "lost", "failed", "finished", "scheduled"]),
    "verdict": st.sampled_from(["supported", "refuted", "unclear"]),
}


@st.composite
def comparisons(draw: st.DrawFn) -> Test:
    """One comparison that can be written."""
    field = draw(st.one_of(sortable, sortable, sortable, edges))
    kind = type_of(field)
    values = CHOICES[field.name] if kind == "choice" else VALUES[kind]
    if field.kind == "tag":
        values = plain_texts
    ops = ["in", "in", "null"]
    if kind in {"text", "any", "choice"}:
        ops += ["like", "ilike"]
    if kind not in {"choice", "bool"} and field.kind not in {"input", "output"}:
        ops += ["<", "<=", ">", ">="]
    op = draw(st.sampled_from(ops))
    negated = op not in {"<", "<=", ">", ">="} and draw(st.booleans())
    if op == "null":
        return Test(field, op, (), negated)
    if op in {"like", "ilike"}:
        pattern = draw(st.sampled_from(PATTERNS))
        return Test(field, op, (pattern.lower() if kind == "choice" else pattern,), negated)
    if op == "in":
        return Test(field, op, tuple(draw(st.lists(values, min_size=1, max_size=3))), negated)
    return Test(field, op, (draw(plain_texts | numbers if kind == "any" else values),), negated)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Expr:
    """Comparisons joined to a tree that can be written."""
    shape = draw(st.integers(0, 5)) if depth else 0
    if shape < 3:
        return draw(comparisons())
    below = expressions(depth - 1)
    if shape == 3:
        return Not(draw(below))
    items = tuple(draw(st.lists(below, min_size=2, max_size=3)))
    return And(items) if shape == 4 else Or(items)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    """Up to three keys to sort by, no field twice."""
    keys = draw(st.lists(st.tuples(sortable, st.booleans()), max_size=3))
    return tuple(Order(field, down) for field, down in dict(keys).items())


# -- tables ----------------------------------------------------------------------------------------

TABLES = (t.run, t.cell, t.metric, t.edge)


def fill(connection: sa.Connection, runs: Iterable[RunInfo]) -> dict[int, str]:
    """Put these runs, and no others, into the tables; their ids by their numbers."""
    for table in TABLES:
        connection.execute(table.delete())
    rows: dict[sa.Table, list[dict[str, Any]]] = {table: [] for table in TABLES}
    numbers = {}
    for n, run in enumerate(runs, 1):
        numbers[n] = run.id
        rows[t.run].append(_run_row(n, run))
        rows[t.cell] += _cell_rows(n, run)
        rows[t.metric] += [_metric_row(n, key, run.metrics[key]) for key in run.metrics]
        rows[t.edge] += _edge_rows(n, run)
    for table, found in rows.items():
        if found:
            connection.execute(table.insert(), found)
    return numbers


def _run_row(n: int, run: RunInfo) -> dict[str, Any]:
    told = run.conclusion
    lost = run.status == "lost"
    row = {a.name: getattr(run, a.name) for a in ATTRIBUTES if a.name != "verdict"}
    row["grp"] = row.pop("group")
    return row | {
        "n": n,
        "status": "running" if lost else run.status,
        "alive": NOW - 120 * SECOND - (1 if lost else 0),
        "conclusion": told.text if told else "",
        "verdict": told.verdict if told else "",
        "archived": int(run.archived),
        "deleted": int(run.deleted),
    }


def _cell_rows(n: int, run: RunInfo) -> Iterable[dict[str, Any]]:
    sources = {"param": run.params, "tag": run.tags, "summary": run.summary, "fact": run.facts}
    for kind, values in sources.items():
        for key, value in values.items():
            cell = cell_of(value)
            if cell is not None:
                yield {"run": n, "kind": CELL_KINDS[kind], "key": key, **cell._asdict()}


def _metric_row(n: int, key: str, metric: MetricSummary) -> dict[str, Any]:
    last, first = number_cell(metric.last), number_cell(metric.first)
    known = {"run": n, "key": key, "last": last.num, "last_flag": last.flag}
    known |= {"first": first.num, "first_flag": first.flag}
    for name in ("min", "max", "mean", "best"):
        value = getattr(metric, name)
        known[name] = value if math.isfinite(value) else None
    for name in ("n", "nan", "posinf", "neginf", "last_step", "min_step", "max_step"):
        known[name] = getattr(metric, name)
    return known


def _edge_rows(n: int, run: RunInfo) -> Iterable[dict[str, Any]]:
    for e in run.artifacts:
        row = {"run": n, "direction": e.direction, "name": e.name, "version": e.version}
        yield row | {"role": e.role, "digest": e.digest, "time": e.time}
