"""Text to tree."""

from __future__ import annotations

import math

import pytest

from notabene.errors import QueryError
from notabene.query.ast import And, Field, Moment, Not, Or, Order, Test
from notabene.query.parser import MAX_DEPTH, MAX_KEYS, MAX_TERMS, MAX_VALUES, parse, parse_order

LR = Field("param", "lr")
STATUS = Field("attribute", "status")
NAME = Field("attribute", "name")


def metric(name: str, stat: str = "last") -> Field:
    """A statistic of a metric."""
    return Field("metric", name, stat)


def test_the_example_of_the_documents():
    """All parts of the language together make the tree they should."""
    assert parse(
        'params.lr < 0.01 and metrics."val/acc".max > 0.9 '
        "and (tags.team = 'vision' or name like 'abl%') and not status = 'failed'"
    ) == And(
        (
            Test(LR, "<", (0.01,)),
            Test(metric("val/acc", "max"), ">", (0.9,)),
            Or(
                (
                    Test(Field("tag", "team"), "in", ("vision",)),
                    Test(NAME, "like", ("abl%",)),
                )
            ),
            Not(Test(STATUS, "in", ("failed",))),
        )
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_means_all(text):
    """An empty query is one that every run matches."""
    assert parse(text) == And()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name", NAME),
        ("Attributes.Name", NAME),
        ("run.`Run name`", NAME),
        ("`run name`", NAME),
        ('"Run Name"', NAME),
        ("attr.run_name", NAME),
        ("attributes.run_id", Field("attribute", "id")),
        ("start_time", Field("attribute", "started")),
        ("params.lr", LR),
        ("parameter.lr", LR),
        ("config.model.depth", Field("param", "model.depth")),
        ('params."a b".c', Field("param", "a b.c")),
        ("params.status", Field("param", "status")),
        ("metrics.loss", metric("loss")),
        ("metric.loss.max", metric("loss", "max")),
        ("metrics.max", metric("max")),
        ('metrics."loss.max"', metric("loss.max")),
        ('metrics.loss."max"', metric("loss.max")),
        ("metrics.val/acc.max.min", metric("val/acc.max", "min")),
        ("metrics.loss.last_step", metric("loss", "last_step")),
        ("tag.mlflow.user", Field("tag", "mlflow.user")),
        ("summary.best", Field("summary", "best")),
        ("git.commit", Field("fact", "git.commit")),
        ('env."CUDA version"', Field("fact", "env.CUDA version")),
        ('facts."user.name"', Field("fact", "user.name")),
        ("datasets.context", Field("input", "role")),
        ("outputs.name", Field("output", "name")),
    ],
)
def test_fields(text, field):
    """Attributes and prefixes may be written in any case and by MLflow's names."""
    assert parse(f"{text} is null") == Test(field, "null")


def test_without_statistics():
    """For MLflow's clients the last part of a metric belongs to its name."""
    assert parse("metrics.loss.max > 1", statistics=False) == Test(metric("loss.max"), ">", (1.0,))
    assert parse_order("metrics.loss.max", statistics=False) == (Order(metric("loss.max")),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params.lr = 1", Test(LR, "in", (1.0,))),
        ("params.lr == 1", Test(LR, "in", (1.0,))),
        ("params.lr != 1", Test(LR, "in", (1.0,), True)),
        ("params.lr <> 1", Test(LR, "in", (1.0,), True)),
        ("params.lr<=-1e-3", Test(LR, "<=", (-0.001,))),
        ("params.lr>=.5", Test(LR, ">=", (0.5,))),
        ("params.lr > 5.", Test(LR, ">", (5.0,))),
        ("params.lr in (1, 'a', true)", Test(LR, "in", (1.0, "a", True))),
        ("params.lr NOT IN ('a',)", Test(LR, "in", ("a",), True)),
        ("params.lr like 'a%'", Test(LR, "like", ("a%",))),
        ('params.lr Not ILike "a%"', Test(LR, "ilike", ("a%",), True)),
        ("params.lr is null", Test(LR, "null")),
        ("params.lr IS NOT NULL", Test(LR, "null", (), True)),
        ("params.lr = null", Test(LR, "null")),
        ("params.lr != null", Test(LR, "null", (), True)),
        ("name = ''", Test(NAME, "null")),
        ("name != ''", Test(NAME, "null", (), True)),
        ("inputs.role = ''", Test(Field("input", "role"), "null")),
        ("tags.x = ''", Test(Field("tag", "x"), "in", ("",))),
        ("params.lr between 1 and 2", And((Test(LR, ">=", (1.0,)), Test(LR, "<=", (2.0,))))),
        ("params.lr not between 1 and 2", Or((Test(LR, "<", (1.0,)), Test(LR, ">", (2.0,))))),
        ("'x' in tags", Test(Field("tag", "x"), "null", (), True)),
        ("'x' not in params", Test(Field("param", "x"), "null")),
        ('"val/acc" in metrics', Test(metric("val/acc"), "null", (), True)),
        ("'x' in config", Test(Field("param", "x"), "null", (), True)),
        ("\"run name\" in ('a')", Test(NAME, "in", ("a",))),
        ("\"run name\" not in ('a')", Test(NAME, "in", ("a",), True)),
    ],
)
def test_comparisons(text, expected):
    """Each operator makes one form of test, negated or not."""
    assert parse(text) == expected


def test_precedence():
    """Not binds closer than and, and closer than or."""
    a, b, c = (Test(Field("param", n), "in", (1.0,)) for n in "abc")
    texts = "params.a = 1 or not params.b = 1 AND params.c = 1"
    assert parse(texts) == Or((a, And((Not(b), c))))
    assert parse("(params.a = 1 or params.b = 1) and params.c = 1") == And((Or((a, b)), c))
    assert parse("NOT(params.a=1)and(params.b=1)") == And((Not(a), b))


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("lr < 1", 0, "no attribute is called 'lr'.*write params.lr or metrics.lr"),
        ("statsu = 'failed'", 0, "did you mean status"),
        ("hyper.lr < 1", 0, "no field begins with 'hyper'; these do: attributes, params"),
        ("metrcs.loss < 1", 0, "did you mean metrics"),
        ("xyz.lr < 1", 0, "write metrics.name for a metric"),
        ("params < 1", 0, "'params' needs a key.*write params.name"),
        ('params."" = 1', 0, "a name must follow 'params'"),
        ("inputs.nme = 'x'", 0, "inputs has no 'nme', only name, digest, role.*inputs.name"),
        ("inputs.zzz = 'x'", 0, "inputs has no 'zzz'"),
        ("attributes.artifact_uri = 'x'", 0, "artifact_uri cannot be asked for"),
        ("experiment_id = '0'", 0, "ask project = 'name'"),
        ("= 1", 0, "a field must stand here, not '='"),
        ("params.a = 1 and", 16, "a field must stand here, not the end"),
        ("params.a", 8, "an operator must stand here, not the end"),
        ("params.a => 1", 9, "write '>='"),
        ("params.a =< 1", 9, "write '<='"),
        ("params.a =~ 'x'", 9, "like '%part%'"),
        ("params.a !== 1", 9, "this is no operator"),
        ("params.a ~ 'x'", 9, "like '%part%'"),
        ("params.a contains 'x'", 9, "like '%part%'"),
        ("params.a lik 'x'", 9, "did you mean like"),
        ("params.a ? 1", 9, "an operator must stand here"),
        ("params.a not 1", 13, "an operator must stand here, not '1'"),
        ("params.a is 1", 12, "'null' must stand here, not '1'"),
        ("params.a = 1 && params.b = 2", 13, "write and"),
        ("params.a = 1 | params.b = 2", 13, "write or"),
        ("!params.a = 1", 0, "write not"),
        ("params.a = 1 an params.b = 2", 13, "did you mean and"),
        ("params.a = 1)", 12, "the end of the query must stand here"),
        ("(params.a = 1", 13, "the '\\(' is not closed"),
        ("params.a in 1", 12, "'\\(' and a list of values must stand here"),
        ("params.a in (1 2)", 15, "',' or '\\)' must stand here"),
        ("params.a in ()", 13, "a value must stand here"),
        ("params.a in (null)", 13, "null cannot stand here"),
        ("params.a between 1 or 2", 19, "'and' and the upper bound"),
        ("params.a between null and 2", 17, "null is neither less nor greater"),
        ("params.a < null", 11, "null is neither less nor greater"),
        ("params.a >= true", 12, "true is neither less nor greater"),
        ("params.a between 1 and false", 23, "false is neither less nor greater"),
        ("name < ''", 7, "null is neither less nor greater"),
        ("status < 'x'", 9, "< cannot be asked of status"),
        ("status between 'a' and 'b'", 15, "cannot be asked of status"),
        ("archived >= true", 12, ">= cannot be asked of archived"),
        ("inputs.name < 'a'", 14, "< cannot be asked of name"),
        ("'x' in attributes", 7, "one of params, metrics, tags, summary must stand here"),
        ("'name' = 'x'", 0, "a text in single quotes is a value"),
    ],
)
def test_mistakes(text, at, message):
    """A mistake is pointed at, and the message says what should stand there."""
    with pytest.raises(QueryError, match=message) as caught:
        parse(text)
    assert caught.value.position == at


def test_limits_of_size():
    """Terms, values and nesting are limited, each with a sentence that says the limit."""
    parse(" and ".join(["params.a = 1"] * MAX_TERMS))
    with pytest.raises(QueryError, match="more than 100 comparisons"):
        parse(" or ".join(["params.a = 1"] * (MAX_TERMS + 1)))
    parse("(" * (MAX_DEPTH - 1) + "params.a = 1" + ")" * (MAX_DEPTH - 1))
    with pytest.raises(QueryError, match="deeper than 64 levels"):
        parse("(" * MAX_DEPTH + "params.a = 1" + ")" * MAX_DEPTH)
    with pytest.raises(QueryError, match="deeper than 64 levels"):
        parse("not " * MAX_DEPTH + "params.a = 1")
    parse(f"params.a in ({','.join('1' * MAX_VALUES)})")
    with pytest.raises(QueryError, match="more than 10,000 values"):
        parse(f"params.a in ({','.join('1' * (MAX_VALUES + 1))})")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "-metrics.acc.max, created",
            (
                Order(metric("acc", "max"), True),
                Order(Field("attribute", "created")),
            ),
        ),
        (
            "metrics.acc.max DESC, created asc",
            (
                Order(metric("acc", "max"), True),
                Order(Field("attribute", "created")),
            ),
        ),
        (
            ["metrics.`val/acc` DESC", "attributes.start_time"],
            (
                Order(metric("val/acc"), True),
                Order(Field("attribute", "started")),
            ),
        ),
        ("+params.lr", (Order(LR),)),
        ("", ()),
        ([], ()),
    ],
)
def test_orders(text, expected):
    """Keys to sort by are written with a sign before them or a word behind."""
    assert parse_order(text) == expected


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("-lr", 1, "no attribute is called 'lr'"),
        ("-created desc", 9, "'-' and 'desc' say the same or contradict"),
        ("created, created desc", 9, "asked for twice"),
        ("created name", 8, "'asc', 'desc', ',' or the end must stand here"),
        ("created decs", 8, "did you mean desc"),
        ("created,", 8, "a field must stand here, not the end"),
        ("-inputs.name", 0, "a run has many inputs"),
        (", ".join(f"params.p{i}" for i in range(MAX_KEYS + 1)), 182, "at most 16 fields"),
    ],
)
def test_mistakes_in_orders(text, at, message):
    """A mistake in what to sort by is pointed at as well."""
    with pytest.raises(QueryError, match=message) as caught:
        parse_order(text)
    assert caught.value.position == at


def test_one_field_twice_in_two_texts():
    """A field is refused twice also where the texts are separate, as MLflow does."""
    with pytest.raises(QueryError, match="asked for twice"):
        parse_order(["created", "attributes.created DESC"])


MLFLOW = [
    ("metrics.rmse < 1 and params.model = 'tree'", 2),
    ("metrics.`rmse` < 1 AND parameters.`alpha 1` = '0.5'", 2),
    ('params."random_state" = "8888"', 1),
    ("attributes.status = 'RUNNING' and attribute.start_time >= 1664067852747", 2),
    ("attributes.run_id IN ('a1','b2')", 1),
    ("run_id NOT IN ('a1')", 1),
    ("tags.`mlflow.parentRunId` = 'abc' AND tags.mlflow.user LIKE 'A%'", 2),
    ("params.lr IS NOT NULL and tags.x IS NULL", 2),
    ("dataset.name ILIKE '%mnist%' and datasets.digest = 's8ds' and dataset.context = 'train'", 3),
    ("attributes.`Run name` = 'fresh-snail-12'", 1),
    ("status != 'KILLED' and attr.user_id = 'ada'", 2),
    ("metrics.m >= 0.9e-4 and metrics.n <= -1", 2),
    ("status = 'SCHEDULED'", 1),
]


@pytest.mark.parametrize(("text", "terms"), MLFLOW)
def test_filters_of_mlflow(text, terms):
    """What MLflow's clients send is understood, with as many terms as it has."""
    tree = parse(text, statistics=False)
    assert len(tree.items if isinstance(tree, And) else [tree]) == terms


def test_values_by_type():
    """A value is read by the type of its field."""
    texts = {
        "metrics.m = nan": math.nan,
        "metrics.m = -Infinity": -math.inf,
        "created > 7d ago": Moment("7d ago"),
        "duration < 1h": 3600.0,
        "status = FINISHED": "finished",
        "archived = true": True,
    }
    for text, expected in texts.items():
        tree = parse(text)
        assert isinstance(tree, Test)
        assert repr(tree.values) == repr((expected,))


def test_a_known_word_at_the_wrong_place_is_not_taken_for_a_slip():
    """What is spelt rightly gets no "did you mean" of itself."""
    for text in ("name desc asc", "name and"):
        with pytest.raises(QueryError) as caught:
            parse_order(text)
        assert "did you mean" not in str(caught.value)
