"""How lines, tables and JSON fit the terminal, the pipe and the character set they go to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import notabene
from notabene.cli import listing, render
from tests.unit.cli.conftest import Command

EVIL = "red\x1b[31m title\x1b]0;mine\x07 \x9b2J \u202eturned"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 40 columns without colour."""
    for module in (render, listing):
        monkeypatch.setattr(module, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")


def test_nothing_that_was_written_commands_the_terminal(nota: Command, store: Path) -> None:
    """Notes, tags, conclusions and console lines with escape sequences are shown without them."""
    with notabene.init(
        "p", name="evil", hypothesis=EVIL, tags=[f"team={EVIL}"], config={"k": EVIL}, store=store,
        capture=False,
    ) as run:  # fmt: skip
        run.note(EVIL)
        run.conclude(EVIL)
    for words in (("show", "evil"), ("diary", "p"), ("ls", "--fields", "tags,config")):
        out = nota(*words).out
        assert "red" in out
        assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}, words


def test_what_belongs_to_letters_is_kept() -> None:
    """Joined emoji, hard blanks and colours that are meant stay; broken letters do not stop us."""
    assert render.clean("👩\u200d🔬 3\u00a0kg\tx") == "👩\u200d🔬 3\u00a0kg\tx"
    assert render.clean("a\r\nb\ud800") == "a\nb\N{REPLACEMENT CHARACTER}"
    assert (
        render.clean("\x1b[31mred\x1b[0m\x1b[2J", styled=True) == "red\N{REPLACEMENT CHARACTER}[2J"
    )


def test_a_narrow_terminal_keeps_id_name_and_status(nota: Command, terminal: None) -> None:
    """On 40 columns ``ls`` shows whose run it is and how it stands, on lines that fit."""
    done = nota("ls")
    assert done.out.split("\n")[0].split()[:2] == ["ID", "NAME"]
    assert "STATUS" in done.out
    assert max(map(len, done.out.splitlines())) <= 40


def test_the_widest_columns_are_cut_first(nota: Command, terminal: None) -> None:
    """Where a table is too wide the short words in it stay whole."""
    assert render._fitted([4, 10, 60], 40) == [4, 10, 26]
    assert render._fitted([30, 4, 60], 40) == [18, 4, 18]
    assert render._fitted([5, 5], 1) == [1, 1]
    out = nota("doctor").out
    assert "notabene" in out
    assert max(map(len, out.splitlines())) <= 40


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_survives_every_character_set(nota: Command, store: Path, encoding: str) -> None:
    """Where the output takes no Unicode, JSON is escaped, and is the same when read."""
    with notabene.init("p", name="é 🚀", store=store, capture=False) as run:
        run.log({"x": 1})
    assert nota("show", "@last", "--json", encoding=encoding).json["name"] == "é 🚀"
    lines = nota("journal", "cat", "é 🚀", encoding=encoding).out.splitlines()
    assert any("é 🚀" in str(json.loads(line)) for line in lines)
    assert "? ?" in nota("ls", encoding=encoding).out
