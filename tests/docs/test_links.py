"""Pages link to what is there, and every page can be found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"#+ (.*)", line):
            text = re.sub(r"[^\w\s-]", "", match[1].lower()).strip()
            found.add(re.sub(r"[-\s]+", "-", text))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    """Each link within the project names a file, and a heading of it where it has an anchor."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def test_every_page_is_in_the_contents():
    """mkdocs.yml names each page of docs/; decisions are named by their own index."""
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    decisions = (DOCS / "adr/index.md").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).as_posix()
        if name.startswith("adr/0"):
            assert f"({page.name})" in decisions, name
        else:
            assert re.search(rf": {re.escape(name)}$", contents, re.MULTILINE), name
    for named in re.findall(r": ([\w/-]+\.md)$", contents, re.MULTILINE):
        assert (DOCS / named).exists(), named


def test_decisions_have_their_parts():
    """Each decision has a number, a date, and says its context, decision and consequences."""
    pages = sorted((DOCS / "adr").glob("0*.md"))
    for number, page in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), page.name
        assert page.name.startswith(f"{number:04}-")
        assert re.search(r"^Accepted, \d{4}-\d\d-\d\d", text, re.MULTILINE), page.name
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, f"{page.name} lacks {part}"


def test_the_way_of_a_number_names_real_files():
    """Each file that the explanation names is there, and it names at least ten."""
    text = (DOCS / "explanation/way-of-a-number.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+/\w+\.py)`", text))
    missing = [name for name in named if not (ROOT / "src/notabene" / name).exists()]
    assert missing == []
    assert len(named) >= 10
