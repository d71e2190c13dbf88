"""Whatever a user can name is in the reference, and the reference is what the code says."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import pytest

import notabene
import notabene.api
from notabene.cli.main import cli
from notabene.model import records
from notabene.model.entities import MetricSummary, RunInfo
from notabene.query.fields import ATTRIBUTES, PREFIXES, STATISTICS
from notabene.settings import TABLE

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference"


def page(name: str) -> str:
    """The text of a page of the reference."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def commands(group: click.Group, before: str = "notabene") -> list[str]:
    """Full names of all commands below a group, hidden ones apart."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if not command.hidden:
            found.append(f"{before} {name}")
            if isinstance(command, click.Group):
                found += commands(command, f"{before} {name}")
    return found


def test_the_reference_is_what_the_code_says():
    """``make docs-check`` finds no difference."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("command", commands(cli))
def test_every_command_is_documented(command):
    """Each command has a heading of its own."""
    assert re.search(rf"^#+ {re.escape(command)}$", page("cli.md"), re.MULTILINE)


@pytest.mark.parametrize("setting", TABLE, ids=lambda s: s.name)
def test_every_setting_is_documented(setting):
    """Each setting is there with its variable."""
    assert f"`{setting.name}`" in page("settings.md")
    assert f"`{setting.variable}`" in page("settings.md")


@pytest.mark.parametrize("record", get_args(records.AnyRecord), ids=lambda r: r.__name__)
def test_every_record_is_documented(record):
    """Each type of record has a heading, its tag and a text."""
    text = page("records.md")
    assert f"## {record.__name__}\n\nOn disk: `{records.kebab(record.__name__)}`" in text
    assert record.__doc__


@pytest.mark.parametrize(
    "field", [*(a.name for a in ATTRIBUTES), *(f"{p.name}." for p in PREFIXES), *STATISTICS]
)
def test_every_query_field_is_documented(field):
    """Each attribute, prefix and statistic that one may ask for is in a table of its page."""
    assert f"\n| `{field}` |" in page("query-fields.md")


@pytest.mark.parametrize("name", notabene.__all__)
def test_every_public_name_is_documented(name):
    """Each name of the façade has a heading and a docstring of its own."""
    value = getattr(notabene, name)
    assert f"\n## {name}\n" in page("python.md")
    assert not callable(value) or value.__doc__


@pytest.mark.parametrize("name", sorted(set(notabene.api.__all__) - set(notabene.__all__)))
def test_what_reading_gives_back_is_documented(name):
    """Each class that Api hands out has a heading and a docstring."""
    assert f"\n## {name}\n" in page("python.md")
    assert getattr(notabene.api, name).__doc__


@pytest.mark.parametrize(
    "field", sorted({*RunInfo.__struct_fields__, *MetricSummary.__struct_fields__})
)
def test_every_field_of_a_run_is_documented(field):
    """Each field of a run and of a metric is in a table."""
    assert f"\n| `{field}` |" in page("entities.md")


def test_every_captured_fact_is_documented():
    """Each fact that the code of capture names is on the page of what is captured."""
    sources = (ROOT / "src/notabene/capture").glob("*.py")
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    facts = set(re.findall(r"""fact\(\s*"([a-z_.]+)",""", text))
    assert len(facts) > 20
    assert [fact for fact in sorted(facts) if f"`{fact}`" not in page("captured.md")] == []


def test_the_public_names_are_few_and_sorted():
    """The façade has at most 60 names, sorted, and nothing is defined in it."""
    assert len(notabene.__all__) <= 60
    assert sorted(notabene.__all__) == list(notabene.__all__)
    for name in notabene.__all__:
        home = getattr(getattr(notabene, name), "__module__", "")
        assert home != "notabene", name


def test_the_glossary_is_true():
    """Each word of the glossary names something that the code has."""
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w ]+) \|.*\| `(notabene[\w.]*)` \|$", text, re.MULTILINE)
    assert len(rows) > 25
    for word, path in rows:
        assert word == word.lower()
        module, _, name = path.rpartition(".")
        try:
            importlib.import_module(path)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name), path


def test_the_promise_has_one_wording():
    """README, why, the explanation and the decision promise the same, word for word."""
    promise = "nothing that `log()` returned for is lost while the ring's disk outlives the process"
    pages = ("why.md", "explanation/promises.md", "adr/0003-log-writes-into-a-ring.md")
    for path in ("README.md", *(f"docs/{page}" for page in pages)):
        text = " ".join((ROOT / path).read_text(encoding="utf-8").replace(">", "").split())
        assert promise in text, path
        assert "at most the last second" in text, path
        assert re.search(r"[Pp]ower loss: at most 5 s", text), path
