"""YAML: what tools write is read as they read it, and what is beyond it is an error."""

from __future__ import annotations

import math
import random

import pytest

from notabene.importers.yaml_lite import parse, read_yaml

TEXT = """\
# a comment
---
name: 'it''s'   # said
two words: "a\\tb: \\u00e9"
empty:
list: [1, 2.5, 'x, y', {a: b}]
nested:
  deep:
    - 1
    - - 2
      - three
    - key: value
      other: null
  flag: yes
same:
- a
- b
block: |
  line one
    line two
folded: >-
  one
  two
anchor: &id {x: 1}
again: *id
tagged: !!python/tuple
- 1
number: 1e-3
big: 123456789012345678901234567890
nan: .nan
inf: -.inf
time: 12:30
zero: 007
url: http://x:80/y#z
long: a text that
  goes on
"""


def test_what_tools_write():
    """Mappings, lists, texts of all styles, anchors, tags, numbers."""
    found = parse(TEXT)
    assert math.isnan(found.pop("nan"))
    assert found == {
        "name": "it's", "two words": "a\tb: é", "empty": None,
        "list": [1, 2.5, "x, y", {"a": "b"}],
        "nested": {"deep": [1, [2, "three"], {"key": "value", "other": None}], "flag": True},
        "same": ["a", "b"], "block": "line one\n  line two\n", "folded": "one two",
        "anchor": {"x": 1}, "again": {"x": 1}, "tagged": [1], "number": 0.001,
        "big": 123456789012345678901234567890, "inf": -math.inf, "time": "12:30", "zero": "007",
        "url": "http://x:80/y#z", "long": "a text that goes on",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "a: 'x", "a: *none", "? a\n: b", "a: 1\n   b: 2\n c", "a: {b: 1} c"]
)
def test_what_is_beyond_it(text):
    """It raises ValueError, and nothing else."""
    with pytest.raises(ValueError):
        parse(text)


def test_a_file(tmp_path):
    """An empty file is an empty mapping; a list is none."""
    path = tmp_path / "x.yaml"
    path.write_text("")
    assert read_yaml(path) == {}
    path.write_text("- 1\n")
    with pytest.raises(ValueError, match="no mapping"):
        read_yaml(path)


def test_as_the_library_reads_it():
    """Anything of JSON that PyYAML writes comes back."""
    yaml = pytest.importorskip("yaml")
    chance = random.Random(7)
    words = [
        "a",
        "b c",
        "x: y",
        "- z",
        "#",
        "'",
        '"',
        "",
        "é",
        "two\nlines",
        "null",
        "1",
        "yes",
        " s ",
    ]

    def value(depth: int):
        kind = chance.randrange(7 if depth < 3 else 5)
        if kind == 5:
            return [value(depth + 1) for _ in range(chance.randrange(4))]
        if kind == 6:
            return {
                chance.choice(words[:9]) or "k": value(depth + 1)
                for _ in range(chance.randrange(4))
            }
        return [None, chance.random() < 0.5, chance.randrange(-99, 99), chance.random(),
                chance.choice(words)][kind]  # fmt: skip

    for _ in range(300):
        wanted = {"top": value(0)}
        text = yaml.safe_dump(wanted, allow_unicode=chance.random() < 0.5)
        assert parse(text) == wanted, text
