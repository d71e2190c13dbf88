"""Anything as JSON: all kinds of values, and what is too large, too deep or fails."""

from __future__ import annotations

import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import re
import types
import typing
import uuid
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import UsageError
from notabene.model.refs import MAX_NAME_BYTES
from notabene.tracking.plain import (
    MAX_DEPTH,
    MAX_TEXT,
    MAX_VALUES,
    Leaf,
    Reader,
    cut,
    fit,
    flatten,
    plain,
    plain_value,
)


class Colour(enum.Enum):
    """One member's value is a text, the other's is not."""

    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    """Members are numbers."""

    HIGH = 3


class Access(enum.Flag):
    """Members may be joined."""

    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Model:
    """A dataclass with a nested value."""

    depth: int = 3
    betas: tuple[float, float] = (0.9, 0.99)


class Args(msgspec.Struct):
    """A struct of msgspec."""

    lr: float = 0.1


class Settings:
    """An object that has attributes and no repr of its own."""

    epochs = 3

    def __init__(self) -> None:
        self.lr = 0.1
        self._secret = 1

    def method(self) -> None:
        """Is no setting."""


class Failing:
    """Everything one may ask of it fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


class FailingDict(dict):
    """A mapping that fails when it is read."""

    def items(self):
        """Fails."""
        raise RuntimeError("no")


Pair = collections.namedtuple("Pair", "a b")  # people use these as well


FORMS: list[tuple[object, object]] = [
    (None, None),
    (True, True),
    (3, 3),
    (0.5, 0.5),
    ("text", "text"),
    (math.inf, math.inf),
    (2**63 - 1, 2**63 - 1),
    (2**63, "9223372036854775808"),
    (-(2**64), "-18446744073709551616"),
    ((1, "a"), [1, "a"]),
    (collections.deque([1]), [1]),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"b", 1, None}), [None, 1, "b"]),
    ({}.keys(), []),
    ({"a": 1}.values(), [1]),
    (array.array("d", [0.5]), [0.5]),
    ({"a": {1: "x"}}, {"a": {"1": "x"}}),
    (Path("/data/x"), "/data/x"),
    (b"abc", "abc"),
    (b"\xff", "\\xff"),
    (Colour.RED, "RED"),
    (Colour.BLUE, "blue"),
    (Level.HIGH, 3),
    (Access.READ | Access.WRITE, "READ|WRITE"),
    (datetime.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.timedelta(minutes=1), 60.0),
    (decimal.Decimal("0.25"), 0.25),
    (fractions.Fraction(1, 4), 0.25),
    (1 + 2j, "(1+2j)"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (re.compile("a+"), "a+"),
    (range(10**9), "range(0, 1000000000)"),
    (Model, "tests.unit.tracking.test_plain.Model"),
    (len, "len"),
    (math.sqrt, "math.sqrt"),
    (re, "re"),
    (functools.partial(math.pow, 2, y=3), "partial(math.pow, 2, y=3)"),
    (argparse.Namespace(a=1), {"a": 1}),
    (types.SimpleNamespace(a=1), {"a": 1}),
    (Model(), {"depth": 3, "betas": [0.9, 0.99]}),
    (Args(), {"lr": 0.1}),
    (Pair(1, 2), {"a": 1, "b": 2}),
    (Settings(), {"epochs": 3, "lr": 0.1}),
    (np.float64(0.5), 0.5),
    (np.int32(3), 3),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.arange(3), [0, 1, 2]),
    (np.array([[1.5]]), [[1.5]]),
    (np.array(["a", None], dtype=object), ["a", None]),
    (np.datetime64("2026-01-02"), "2026-01-02"),
    (np.dtype("float32"), "float32"),
    (np.float32, "numpy.float32"),
]


@pytest.mark.parametrize(
    ("value", "json"), FORMS, ids=[f"{i}-{type(v).__name__}" for i, (v, _) in enumerate(FORMS)]
)
def test_a_value_as_json(value: object, json: object):
    """Each kind of thing that stands in configs has one JSON form, of the right type."""
    notes: list[str] = []
    kept = plain_value(value, notes)
    if isinstance(json, str) and json.startswith("tests.unit"):
        assert kept == f"{Model.__module__}.Model"
    else:
        assert (kept, type(kept)) == (json, type(json))
    assert notes == []


def test_nan_stays_nan():
    """NaN is a float, in records too."""
    assert math.isnan(plain_value({"a": math.nan})["a"])


@pytest.mark.parametrize(
    ("value", "text", "said"),
    [
        (Failing(), "<Failing whose repr fails>", "text"),
        (FailingDict(a=1), {}, "text"),
        ((i for i in "ab"), "<generator object <genexpr>>", None),
        (np.zeros(1001), "<ndarray 1001 float64>", "1,000 numbers"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT, None),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT + "... (65,537 bytes)", "64 KiB"),
        ("\ud800", "?", None),
    ],
    ids=["failing", "failing-dict", "generator", "array", "text", "long-text", "surrogate"],
)
def test_what_has_no_json(value: object, text: object, said: str | None):
    """What has no JSON becomes text, what is too large is cut, and a sentence says so."""
    notes: list[str] = []
    kept = plain_value({"here": value}, notes)
    if isinstance(value, types.GeneratorType):
        assert kept["here"].startswith("<generator object")
        assert " at 0x" not in kept["here"]
        return
    assert kept == {"here": text}
    assert len(notes) == (said is not None)
    assert said is None or (said in notes[0] and "here" in notes[0])


def test_huge_integers_are_kept():
    """An integer of thousands of digits is kept as text, exactly."""
    number = 3**20_000
    assert int(plain_value(number), 0) == number
    assert int(plain_value(3**50), 0) == 3**50


def test_what_holds_itself_is_cut():
    """A list or mapping that holds itself ends in a marker, on every way into it."""
    rows: list[object] = [1]
    rows.append(rows)
    nested: dict[str, object] = {"a": 1}
    nested["again"] = nested
    notes: list[str] = []
    assert plain({"rows": rows, "nested": nested, "twice": [rows, rows]}, notes) == {
        "rows": [1, "<holds itself>"],
        "nested": {"a": 1, "again": "<holds itself>"},
        "twice": [[1, "<holds itself>"]] * 2,
    }
    assert notes == ["4 values holding itself cut there (first: rows)"]


def test_deep_configs_are_cut():
    """Nesting ends at 64 levels, in mappings and in lists."""
    for wrap in (lambda v: {"d": v}, lambda v: [v]):
        value: object = 1
        for _ in range(5000):
            value = wrap(value)
        notes: list[str] = []
        kept, depth = plain_value(value, notes), 0
        while isinstance(kept, dict | list):
            kept, depth = kept["d"] if isinstance(kept, dict) else kept[0], depth + 1
        assert (kept, depth) == (f"<nested deeper than {MAX_DEPTH}>", MAX_DEPTH)
        assert len(notes) == 1


def test_a_tree_that_grows_for_ever_is_cut():
    """An object that gives two new ones each time it is asked ends at 100,000 values."""

    class Endless:
        def keys(self) -> list[str]:
            return ["a", "b"]

        def __getitem__(self, key: str) -> Endless:
            return Endless()

    notes: list[str] = []
    plain_value(Endless(), notes)
    assert any("only the first 100,000 values" in note for note in notes)


def test_enormous_configs_are_cut():
    """Of more than 100,000 values the first are kept, and one sentence says so."""
    notes: list[str] = []
    kept = plain(dict.fromkeys(map(str, range(MAX_VALUES + 5)), 0), notes)
    assert len(kept) == MAX_VALUES
    assert len(notes) == 1
    assert "100,000" in notes[0]


def test_keys_become_texts():
    """Keys of all kinds become texts, none is lost to another, and none is empty."""
    kept = plain({1: "a", "1": "b", None: 2, (1, 2): 3, "": 4, " ": 5, Colour.RED: 6, "\ud800": 7})
    assert list(kept.items()) == [
        ("1", "a"), ("1~2", "b"), ("None", 2), ("(1, 2)", 3), ("(empty)", 4), ("(empty)~2", 5),
        ("RED", 6), ("?", 7),
    ]  # fmt: skip


def test_text_has_no_addresses():
    """Two objects of one kind have one text, so that two runs with them are equal."""
    assert plain_value(object()) == plain_value(object()) == "<object>"
    assert "0x" not in plain_value(functools.partial(lambda: 1))


@pytest.mark.parametrize(
    "config",
    [3, "lr=0.1", [1], (1,), {1}, None, 0.5, b"", object(), math.sqrt, np.ones(2)],
    ids=lambda v: type(v).__name__,
)
def test_a_config_has_names(config: object):
    """What has no names and values is refused, saying what is allowed and what was given."""
    with pytest.raises(UsageError, match="must have names and values, as a mapping") as caught:
        plain(config)
    assert type(config).__name__ in str(caught.value)


def test_libraries_of_settings():
    """pydantic, attrs, OmegaConf and absl flags give their values, nested ones too."""
    pydantic = pytest.importorskip("pydantic")
    omegaconf = pytest.importorskip("omegaconf")

    class Inner(pydantic.BaseModel):
        depth: int = 2
        key: pydantic.SecretStr = pydantic.SecretStr("hush")

    class Outer(pydantic.BaseModel):
        inner: Inner = Inner()
        any: typing.Any = Model()

    kept = plain(Outer())
    assert kept["inner"]["depth"] == 2
    assert "hush" not in str(kept)
    assert kept["any"] == {"depth": 3, "betas": [0.9, 0.99]}
    tree = omegaconf.OmegaConf.create({"a": {"b": 1}, "c": "${a.b}", "d": [{"e": 2}], "f": "???"})
    assert plain(tree) == {"a": {"b": 1}, "c": 1, "d": [{"e": 2}], "f": "???"}
    assert plain({"list": tree.d}) == {"list": [{"e": 2}]}
    assert plain(omegaconf.OmegaConf.create({"a": "${nowhere}"})) == {"a": "${nowhere}"}


def test_attrs_classes():
    """An attrs object gives its fields."""
    attrs = pytest.importorskip("attrs")
    made = attrs.make_class("Made", {"lr": attrs.field(default=0.1)})
    assert plain(made()) == {"lr": 0.1}


def test_absl_flags():
    """Flags of absl give name and value."""
    flags = pytest.importorskip("absl.flags")
    values = flags.FlagValues()
    flags.DEFINE_integer("depth", 3, "how deep", flag_values=values)
    values(["program", "--depth=4"])
    assert plain(values) == {"depth": 4}


def test_objects_with_to_dict():
    """A config object as transformers has it gives what its to_dict() gives."""

    class Pretrained:
        def to_dict(self) -> dict[str, object]:
            return {"layers": 12}

    assert plain(Pretrained()) == {"layers": 12}


def test_attributes_as_a_config():
    """A class, an object or a module of settings gives its public attributes that are data."""
    module = types.ModuleType("settings")
    module.lr, module.os = 0.1, re  # type: ignore[attr-defined]  # made as one goes
    assert plain(Settings) == {"epochs": 3}
    assert plain(Settings()) == {"epochs": 3, "lr": 0.1}
    assert plain(module) == {"lr": 0.1}


def test_torch_values():
    """Scalars, small tensors, dtypes, devices and modules of torch have their JSON."""
    torch = pytest.importorskip("torch")
    kept = plain(
        {
            "scalar": torch.tensor(3),
            "grad": torch.ones(2, requires_grad=True),
            "dtype": torch.float16,
            "device": torch.device("cpu"),
            "model": torch.nn.Linear(1, 1),
        }
    )
    assert kept == {
        "scalar": 3, "grad": [1.0, 1.0], "dtype": "torch.float16", "device": "cpu",
        "model": "Linear(in_features=1, out_features=1, bias=True)",
    }  # fmt: skip


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
def test_the_result_is_always_json(config: dict[str, object]):
    """Whatever goes in, what comes out can be written into a record and read back."""
    kept = plain(config)
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(kept))
    assert repr(decoded) == repr(kept)
    assert len(kept) == len(config)


@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
def test_cells_are_fit_to_be_stored(config: dict[str, object]):
    """flatten() gives names of at most 250 bytes, and no objects but empty ones."""
    for key, value in flatten(plain(config)).items():
        assert key
        assert len(key.encode()) <= MAX_NAME_BYTES
        assert not isinstance(value, dict) or not value


def test_flat_cells():
    """Paths are joined with dots in their order, empty objects and lists are values."""
    nested = {"lr": 1, "model": {"depth": 2, "x.y": 3}, "none": {}, "rows": [{"a": 1}]}
    cells = flatten(nested)
    assert list(cells.items()) == [
        ("lr", 1), ("model.depth", 2), ("model.x\\.y", 3), ("none", {}), ("rows", [{"a": 1}]),
    ]  # fmt: skip
    assert flatten({}) == {}


def test_long_names_are_cut_but_stay_apart():
    """Names of 10,000 characters are shortened, two of them to two names."""
    cells = flatten({"x" * 10_000 + end: 1 for end in "ab"})
    assert len(cells) == 2
    assert all(len(key.encode()) <= MAX_NAME_BYTES for key in cells)


def test_long_lists_are_cut():
    """A list that no record could hold becomes text and is cut; a sentence says so."""
    notes: list[str] = []
    rows = list(range(50_000))
    kept = flatten({"rows": rows, "few": [1]}, notes)
    assert kept["few"] == [1]
    assert kept["rows"].startswith("[0,1,2,")
    assert len(kept["rows"]) < MAX_TEXT + 100
    assert notes == ["a list of 288,891 bytes was cut"]
    assert fit(rows[:100]) == rows[:100]


@given(st.text(max_size=50))
def test_short_texts_are_kept(text: str):
    """cut() changes nothing in a text that UTF-8 can hold."""
    assert cut(text) == (text, False)


def test_nodes_keep_what_was_given():
    """Reader.node() gives each leaf with the value it was made of, sections as trees."""
    value = (1, 2)
    tree = Reader().node({"a": value, "b": {"c": 3}})
    assert tree == {"a": Leaf(value, [1, 2]), "b": {"c": Leaf(3, 3)}}
    assert tree["a"].value is value
