"""Names and values: what has them, what has none, and that asking never raises."""

from __future__ import annotations

import argparse
import collections
import types
from typing import Any

import numpy as np
import pytest

from notabene.errors import UsageError
from notabene.tracking.fields import as_mapping, attributes_of, fields_of
from notabene.tracking.media import as_number, as_value
from notabene.tracking.plain import plain_value


class Base:
    """Attributes of a class."""

    lr = 0.1
    _hidden = 1

    def method(self) -> None:
        """Is code."""

    @property
    def computed(self) -> int:
        """Is code as well."""
        raise RuntimeError


class Child(Base):
    """Attributes of a class, of the one it is built on, and of the object."""

    epochs = 3

    def __init__(self) -> None:
        self.seed = 7
        self.lr = 0.2


class Rising:
    """Everything one may ask of it fails."""

    @property  # type: ignore[misc]  # as an object has that stands for one which is not there
    def __class__(self) -> type:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Keyed:
    """Names and values without being a mapping, as ml_collections has it."""

    def keys(self) -> list[str]:
        """The names."""
        return ["a"]

    def __getitem__(self, key: str) -> int:
        return 1


class Frozen:
    """Gives itself as a dict, as configs of transformers do."""

    def to_dict(self) -> object:
        """The settings."""
        return {"layers": 2}


class Odd:
    """Has a to_dict() that gives something else."""

    def to_dict(self) -> object:
        """No dict."""
        return 3


Pair = collections.namedtuple("Pair", "a b")


def test_what_has_names_and_values():
    """Mappings, namespaces, named tuples and objects with the right methods have fields."""
    for value, fields in [
        ({"a": 1}, {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (argparse.Namespace(a=1), {"a": 1}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (Pair(1, 2), {"a": 1, "b": 2}),
        (Keyed(), {"a": 1}),
        (Frozen(), {"layers": 2}),
    ]:
        assert fields_of(value) == fields


def test_what_has_none():
    """Single values, arrays, classes and objects that fail have no fields, and none raises."""
    for value in (
        1,
        "a",
        None,
        [1],
        (1, 2),
        np.zeros(2),
        Pair,
        dict,
        Rising(),
        Odd(),
        Child(),
        len,
    ):
        assert fields_of(value) is None


def test_objects_that_stand_for_nothing():
    """An object that fails at every question is no number, no media, and a text in a config."""
    assert as_number(Rising()) is None
    assert as_value(Rising()) is None
    assert str(plain_value(Rising())).endswith("Rising object>")


def test_arrays_are_not_taken_for_mappings():
    """A series of pandas has keys() and to_dict(), and is one value all the same."""
    pandas = pytest.importorskip("pandas")
    assert fields_of(pandas.Series([1])) is None
    assert fields_of(pandas.DataFrame({"a": [1]})) is None


def test_public_attributes_that_are_data():
    """Attributes count from the base class up to the object; code and hidden names do not."""
    assert attributes_of(Child()) == {"lr": 0.2, "epochs": 3, "seed": 7}
    assert attributes_of(Child) == {"lr": 0.1, "epochs": 3}
    assert attributes_of(object()) is None


def test_a_whole_config_may_be_an_object():
    """as_mapping() takes attributes where there are no fields; what has neither is refused."""
    assert as_mapping(Child()) == {"lr": 0.2, "epochs": 3, "seed": 7}
    assert as_mapping({"a": 1}) == {"a": 1}
    with pytest.raises(UsageError, match="of type float"):
        as_mapping(0.5)
