"""Config: reads give what was put, and every change is reported as cells, once."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notabene.errors import NotabeneError, UsageError
from notabene.tracking.config import Config, flatten, plain


class Heard:
    """What a config reports: each change, and the cells as a reader would have them."""

    def __init__(self) -> None:
        self.changes: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        self.cells: dict[str, Any] = {}
        self.notes: list[str] = []

    def changed(self, cells: dict[str, Any], removed: tuple[str, ...]) -> None:
        """Take a change."""
        self.changes.append((cells, removed))
        self.cells.update(cells)
        for key in removed:
            del self.cells[key]

    def noted(self, code: str, message: str) -> None:
        """Take a note."""
        assert code == "config"
        self.notes.append(message)


@pytest.fixture
def heard() -> Heard:
    """Somebody who listens."""
    return Heard()


@pytest.fixture
def config(heard: Heard) -> Config:
    """An empty config that reports to ``heard``."""
    return Config({}, on_change=heard.changed, on_note=heard.noted)


@dataclasses.dataclass
class Model:
    """Nested settings."""

    depth: int = 3
    betas: tuple[float, float] = (0.9, 0.99)


class TestReading:
    """Items and attributes."""

    def test_values_are_what_was_put(self):
        """Every value comes back as the object it was, not as its JSON."""
        values = {"lr": 0.1, "n": 3, "path": Path("x"), "betas": (0.9, 0.99), "f": math.sqrt}
        config = Config(values)
        for key, value in values.items():
            assert config[key] is value
            assert getattr(config, key) is value
        assert config.as_dict() == values

    def test_mappings_become_sections(self):
        """Nested settings of any kind are read by attribute, by item, and by path."""
        config = Config({"a": {"b": {"c": 1}}, "m": Model(), "args": argparse.Namespace(lr=0.1)})
        assert config.a.b.c == config["a"]["b"]["c"] == config["a.b.c"] == 1
        assert config.m.betas == (0.9, 0.99)
        assert config["args"].lr == 0.1
        assert isinstance(config.a, Config)

    def test_any_kind_of_config_can_be_the_whole(self):
        """A dataclass or Namespace is taken as a mapping is."""
        assert Config(Model()) == {"depth": 3, "betas": (0.9, 0.99)}
        assert Config(argparse.Namespace(lr=0.1)) == {"lr": 0.1}

    def test_it_is_a_mapping(self):
        """Length, iteration, membership, get, items and unpacking are those of a dict."""
        config = Config({"a": 1, "b": {"c": 2}})
        assert len(config) == 2
        assert list(config) == list(config.keys()) == ["a", "b"]
        assert "a" in config
        assert "b.c" in config
        assert "x" not in config
        assert config.get("b.c") == 2
        assert config.get("x") is None
        assert config.get("x", 5) == 5
        assert dict(**config)["a"] == 1
        assert dict(config.items())["b"] == {"c": 2}

    def test_it_is_equal_to_what_it_records(self):
        """A config equals a mapping of the same settings; a list stands for a tuple."""
        config = Config({"a": {"b": (1, 2)}})
        assert config == {"a": {"b": [1, 2]}}
        assert config == Config({"a.b": [1, 2]})
        assert config != {"a": {"b": [1, 3]}}
        assert config != 3
        with pytest.raises(TypeError):
            hash(config)

    def test_it_shows_its_values(self):
        """repr() shows the nested values."""
        assert repr(Config({"a": {"b": 1}})) == "Config({'a': {'b': 1}})"

    @pytest.mark.parametrize(
        ("key", "hint"),
        [
            ("learning_rat", "did you mean 'learning_rate'?"),
            ("zzz", "there are learning_rate, model"),
            ("model.dept", "did you mean 'depth'?"),
        ],
    )
    def test_a_missing_key_says_what_there_is(self, key: str, hint: str):
        """The error names the key, and the nearest name or all there are."""
        config = Config({"learning_rate": 1, "model": {"depth": 2}})
        with pytest.raises(KeyError) as caught:
            config[key]
        assert isinstance(caught.value, NotabeneError)
        assert str(caught.value) == f"the config has no {key!r} ({hint})"

    def test_a_missing_attribute_is_an_attribute_error(self):
        """hasattr() and getattr() with a default work, and the error has a hint."""
        config = Config({"depth": 1})
        assert not hasattr(config, "width")
        assert getattr(config, "width", 3) == 3
        with pytest.raises(AttributeError, match="did you mean 'depth'"):
            _ = config.dept
        with pytest.raises(AttributeError, match="nothing is set yet"):
            _ = Config().dept

    def test_pythons_own_names_are_not_settings(self):
        """Names with an underscore, which tools ask every object for, are never attributes."""
        config = Config({"_repr_html_": 1})
        assert not hasattr(config, "_repr_html_")
        assert not hasattr(config, "__array__")
        assert config["_repr_html_"] == 1


class TestChanging:
    """What is reported."""

    def test_what_it_begins_with_is_no_change(self, heard: Heard):
        """Values given at construction are not reported."""
        Config({"a": 1}, on_change=heard.changed)
        assert heard.changes == []

    def test_items_and_attributes_are_reported_as_cells(self, config: Config, heard: Heard):
        """Each assignment is one change with the paths of its leaves."""
        config.lr = 0.1
        config["model"] = Model()
        config.model.depth = 4
        config["model.width"] = 5
        assert heard.changes == [
            ({"lr": 0.1}, ()),
            ({"model.depth": 3, "model.betas": [0.9, 0.99]}, ()),
            ({"model.depth": 4}, ()),
            ({"model.width": 5}, ()),
        ]

    def test_the_same_again_is_no_change(self, config: Config, heard: Heard):
        """Setting what is there reports nothing; another type of the same number does."""
        config.update({"a": 1, "b": math.nan, "c": [1]})
        config.update({"a": 1, "b": math.nan, "c": [1]})
        assert len(heard.changes) == 1
        config["a"] = 1.0
        config["a"] = True
        assert [change for change, _ in heard.changes[1:]] == [{"a": 1.0}, {"a": True}]

    def test_a_section_is_replaced_by_assignment(self, config: Config, heard: Heard):
        """Assigning a section takes away what the new one has not."""
        config["a"] = {"x": 1, "y": 2}
        config["a"] = {"y": 2, "z": 3}
        assert heard.changes[-1] == ({"a.z": 3}, ("a.x",))
        config["a"] = 5
        assert heard.changes[-1] == ({"a": 5}, ("a.y", "a.z"))

    def test_update_by_an_operator(self, config: Config, heard: Heard):
        """``|=`` works as it does for a dict."""
        before = config
        config |= {"added": 1}
        assert config is before
        assert config.added == 1
        assert heard.changes == [({"added": 1}, ())]

    def test_update_merges_sections(self, config: Config, heard: Heard):
        """update() changes the leaves that are given, and keeps the others."""
        config.update({"a": {"x": 1, "y": {"z": 2}}}, lr=0.1)
        assert list(heard.cells) == ["a.x", "a.y.z", "lr"]
        config.update({"a": {"y": {"z": 3}}})
        assert heard.changes == [
            ({"a.x": 1, "a.y.z": 2, "lr": 0.1}, ()),
            ({"a.y.z": 3}, ()),
        ]
        assert config == {"a": {"x": 1, "y": {"z": 3}}, "lr": 0.1}

    def test_deleting(self, config: Config, heard: Heard):
        """A deleted value's cells are reported gone; an emptied section is an empty object."""
        config.update({"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}})
        del config.a
        del config["b"]
        del config["e.f"]
        assert heard.changes[1:] == [({}, ("a",)), ({}, ("b.c", "b.d")), ({"e": {}}, ("e.f",))]
        config.e.g = 1
        assert heard.changes[-1] == ({"e.g": 1}, ("e",))
        with pytest.raises(KeyError):
            del config["nothing"]
        with pytest.raises(AttributeError):
            del config.nothing

    def test_pop_clear_and_setdefault(self, config: Config, heard: Heard):
        """The other ways to change a mapping are reported as well."""
        assert config.setdefault("a", {"b": 1}).b == 1
        assert config.setdefault("a", 2).b == 1
        assert config.pop("a.b") == 1
        assert config.pop("a.b", 7) == 7
        config.clear()
        assert heard.cells == {}
        assert len(config) == 0

    def test_a_section_that_was_replaced_is_let_go(self, config: Config, heard: Heard):
        """Writing to a section that is no longer part of the config changes nothing in it."""
        config["a"] = {"x": 1}
        old = config.a
        config["a"] = {"x": 2}
        old.x = 3
        assert config.a.x == 2
        assert heard.cells == {"a.x": 2}

    def test_dots_nest(self, config: Config, heard: Heard):
        """A dotted name is a path, in mappings too, and is recorded without an escape."""
        config.update({"optimizer.lr": 0.1, "optimizer.betas.first": 0.9})
        assert heard.cells == {"optimizer.lr": 0.1, "optimizer.betas.first": 0.9}
        assert config.optimizer.betas.first == 0.9

    def test_a_dotted_name_below_a_value_is_one_name(self, config: Config, heard: Heard):
        """Where the path is a plain value, nothing is lost: the dotted name stands beside it."""
        config.update({"a.b": 2, "a": 1})
        assert config["a"] == 1
        assert config["a.b"] == 2
        assert heard.cells == {"a": 1, r"a\.b": 2}
        config["a.b"] = 3
        assert heard.cells == {"a": 1, r"a\.b": 3}
        del config["a.b"]
        assert heard.cells == {"a": 1}

    def test_a_path_and_its_beginning_are_both_kept(self, config: Config):
        """Of names given together none replaces another, in whichever order they come."""
        values = {"a.b.c": 1, "a.b": 2, "a.b.c.d": 3, "a.e": 4}
        for names in (values, dict(reversed(values.items()))):
            config.clear()
            config.update(names)
            assert {name: config[name] for name in values} == values

    @pytest.mark.parametrize("name", [".", "a.", ".a", "a..b", "a. .b", r"a\.b"])
    def test_what_is_no_path_is_one_name(self, config: Config, name: str):
        """Dots at an end, beside each other or escaped do not nest."""
        config[name] = 1
        assert config[name] == 1
        assert len(config) == 1
        assert not isinstance(config[next(iter(config))], Config)

    @pytest.mark.parametrize("name", ["update", "keys", "as_dict", "_x", "__class__"])
    def test_names_of_methods_are_items(self, config: Config, name: str):
        """A setting called like a method is set and read as an item; the attribute says so."""
        config[name] = 1
        assert config[name] == 1
        with pytest.raises(UsageError, match="config\\['"):
            setattr(config, name, 2)
        with pytest.raises(UsageError):
            delattr(config, name)
        assert config[name] == 1

    def test_keys_that_are_no_texts(self, config: Config, heard: Heard):
        """Other keys are their texts, for writing and for reading."""
        config[3] = "a"  # type: ignore[index]  # people do
        assert config[3] == config["3"] == "a"  # type: ignore[index]  # people do
        assert heard.cells == {"3": "a"}

    @pytest.mark.parametrize(
        "wrong", [3, [1, 2], "lr=0.1", np.ones(2)], ids=["int", "list", "str", "array"]
    )
    def test_update_takes_names_and_values(self, config: Config, heard: Heard, wrong: object):
        """Anything else is refused, and nothing is changed."""
        with pytest.raises(UsageError, match="must have names and values"):
            config.update(wrong)
        assert heard.changes == []

    def test_what_cannot_be_kept_is_noted(self, config: Config, heard: Heard):
        """A value that had to be cut is noted; in the process it stays whole."""
        config["prompt"] = "x" * 100_000
        config["rows"] = list(range(100_000))
        assert len(config.prompt) == 100_000
        assert len(config.rows) == 100_000
        assert len(heard.cells["prompt"]) < 66_000
        assert isinstance(heard.cells["rows"], str)
        assert any("64 KiB" in note for note in heard.notes)
        assert any("list of" in note for note in heard.notes)

    def test_what_holds_itself_ends(self, config: Config, heard: Heard):
        """A mapping that holds itself becomes a section with a marker in it, and is noted."""
        settings: dict[str, Any] = {"lr": 0.1}
        settings["again"] = settings
        config["all"] = settings
        assert heard.cells == {"all.lr": 0.1, "all.again": "<holds itself>"}
        assert any("holding itself" in note for note in heard.notes)

    def test_a_config_in_a_config(self, config: Config, heard: Heard):
        """A section, or a config of another run, is copied with the values it has."""
        other = Config({"a": {"betas": (1, 2)}})
        config["copy"] = other.a
        other.a.betas = 3
        assert config["copy"].betas == (1, 2)
        assert heard.cells == {"copy.betas": [1, 2]}


class TestKeeping:
    """Copies, pickles and what was recorded."""

    def test_pickles_stand_alone(self, config: Config, heard: Heard):
        """A pickle has the values of the types they had, code by name, and reports to nobody."""
        config.update({"n": 3, "t": (1, 2.5), "p": Path("x"), "f": lambda: 1, "m": {"d": 1}})
        copied = pickle.loads(pickle.dumps(config))
        assert type(copied) is Config
        assert copied.n == 3
        assert copied.t == (1, 2.5)
        assert copied.p == Path("x")
        assert "<lambda>" in copied.f
        copied.m.d = 2
        assert config.m.d == 1
        assert len(heard.changes) == 1

    def test_copies_stand_alone(self):
        """copy() and deepcopy() give configs whose changes do not show in the original."""
        config = Config({"a": {"b": 1}, "x.": 2})
        for copied in (copy.copy(config), copy.deepcopy(config)):
            assert copied == config
            copied.a.b = 5
            assert config.a.b == 1

    def test_restore_is_silent_and_exact(self, config: Config, heard: Heard):
        """Cells that were recorded come back as they were, unreported; later changes are."""
        cells = {"lr": 0.1, "m.d": 3, "m.e": {}, r"a\.b": 1, "a": 2, r"C:\\x": 1}
        config.restore(cells)
        assert heard.changes == []
        assert config.m.as_dict() == {"d": 3, "e": {}}
        assert config["a.b"] == 1
        config.m.d = 4
        assert heard.changes == [({"m.d": 4}, ())]
        assert flatten(plain(config)) == {**cells, "m.d": 4}

    def test_a_value_with_cells_below_it_is_restored(self, config: Config, heard: Heard):
        """Cells of other writers, where a path is both a value and a folder, are all there."""
        config.restore({"a": 1, "a.b": 2, "a.c.d": 3})
        assert config.as_dict() == {"a": 1, "a.b": 2, "a.c.d": 3}
        assert heard.changes == []


KEYS = st.sampled_from(["a", "b", "a.b", "a.c", "b.a.c", "x.", ""])
VALUES = st.recursive(
    st.integers(0, 2) | st.just((1, 2)) | st.floats(),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c", "a.b"]), inner, max_size=3),
    max_leaves=4,
)


class ConfigMachine(RuleBasedStateMachine):
    """Any changes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = Heard()
        self.config = Config(on_change=self.heard.changed)

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: object) -> None:
        """Assignment reads back."""
        self.config[key] = value
        assert self.config[key] == Config({"v": value})["v"] or value != value

    @rule(values=st.dictionaries(KEYS, VALUES, max_size=3))
    def merge(self, values: dict[str, object]) -> None:
        """update() leaves nothing of what is given unread."""
        self.config.update(values)

    @rule(key=KEYS)
    def take(self, key: str) -> None:
        """What is deleted is gone; a name beside a section may stand in front of a path."""
        for _ in range(2):
            if key in self.config:
                del self.config[key]
        assert key not in self.config

    @invariant()
    def the_cells_are_the_config(self) -> None:
        """A reader who applied every reported change has exactly what the config holds."""
        assert repr(sorted(self.heard.cells.items())) == repr(
            sorted(flatten(plain(self.config)).items())
        )


def test_names_that_lead_to_one_section_are_both_kept():
    """However they are put, and in whatever order they stand."""
    for value in ({"a": {"b": {"c": 0}}, "a.b": {}}, {"a.b": {"d": 1}, "a": {"b": {"c": 0}}}):
        assigned = Config({"x": {"a": {"b": {"old": 2}}}})
        assigned["x"] = value
        assert assigned["x"] == Config({"x": value})["x"]
        assert assigned["x.a.b.c"] == 0
        assert "old" not in assigned["x.a.b"]


TestAnyChanges = ConfigMachine.TestCase
TestAnyChanges.settings = settings(stateful_step_count=12)


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_nothing_that_is_put_is_lost(values: dict[str, object]):
    """Whatever the names are, each value is read back under its own name."""
    config = Config(values)
    for key, value in values.items():
        assert config[key] == value or not key.strip()
