"""Sources are analysed once; whatever is wrong with the cache, the answer is the same."""

from __future__ import annotations

import sqlite3

import pytest

from notabene.proof.memory import SourceMemory
from notabene.proof.source.facts import analyse

TEXTS = {"b.py": b"SEED = 1\n", "a.py": b"import random\nrandom.random()\n", "c.py": b"def f(:\n"}


def test_facts_by_path_in_the_order_given(tmp_path):
    """Each source has its facts, and the order stays."""
    found = SourceMemory(tmp_path / "s.sqlite").facts(TEXTS)
    assert list(found) == list(TEXTS)
    assert found == {path: analyse(text, name=path) for path, text in TEXTS.items()}


def test_known_sources_are_looked_up(tmp_path):
    """What was analysed before is taken from the file, by its content whatever its name."""
    path = tmp_path / "new/s.sqlite"
    SourceMemory(path).facts(TEXTS)
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from source").fetchone() == (3,)
        database.execute("update source set facts=?", (b'{"lines": 77}',))
    database.close()
    found = SourceMemory(path).facts({"other.py": TEXTS["a.py"], "new.py": b"x = 1\n"})
    assert found["other.py"].lines == 77
    assert found["new.py"] == analyse(b"x = 1\n")


@pytest.mark.parametrize("damage", ["text", "folder", "row"])
def test_a_damaged_cache_is_an_empty_one(tmp_path, damage):
    """No database, no file, no facts in a row: the sources are analysed anew."""
    path = tmp_path / "s.sqlite"
    if damage == "text":
        path.write_text("this is no database, and long enough to be asked about" * 40)
    elif damage == "folder":
        path.mkdir()
    else:
        SourceMemory(path).facts(TEXTS)
        with sqlite3.connect(path) as database:
            database.execute("update source set facts=?", (b"{",))
        database.close()
    memory = SourceMemory(path)
    for _ in range(2):
        found = memory.facts(TEXTS)
        assert found == {path: analyse(text, name=path) for path, text in TEXTS.items()}


def test_a_cache_that_cannot_be_made(tmp_path):
    """A folder that is a file is no reason to fail."""
    (tmp_path / "file").write_text("")
    found = SourceMemory(tmp_path / "file/s.sqlite").facts(TEXTS)
    assert len(found) == 3


def test_nothing_to_analyse(tmp_path):
    """Without sources no file is made."""
    assert SourceMemory(tmp_path / "s.sqlite").facts({}) == {}
    assert list(tmp_path.iterdir()) == []


def test_half_characters_in_a_source(tmp_path):
    """A program may name characters that UTF-8 cannot hold; its facts are kept like others."""
    text = {"tokens.py": b"LOW = '\\ud800'\nHIGH = '\\udfff'\n"}
    first = SourceMemory(tmp_path / "s.sqlite").facts(text)
    assert "\\ud800" in str(first["tokens.py"].constants)
    assert SourceMemory(tmp_path / "s.sqlite").facts(text) == first
