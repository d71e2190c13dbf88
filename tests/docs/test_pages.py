"""The code in the pages runs.

Blocks of ``python`` and ``sh`` are run in order, page by page, each page in a home of its own.
Python blocks that follow each other are one program. A comment above a block changes that:

    <!-- not run: needs the network -->     the reason why it is only shown
    <!-- file: train.py -->                 it is saved under this name, for a later block
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    p
    for p in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "adr" not in p.parts and "not run" not in p.name
)
FRAMEWORKS = (
    "accelerate", "catboost", "hydra", "keras", "lightgbm", "lightning", "onnx", "optuna",
    "statsmodels", "transformers", "xgboost",
)  # fmt: skip
RUN = {"python", "sh"}
SHOW = {"text", "json", "toml", "yaml", "ini"}
BLOCK = re.compile(
    r"(?:^<!-- (?P<order>[a-z ]+): (?P<detail>.+?) -->\n+)?"
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block and the comment above it."""

    language: str
    code: str
    order: str
    detail: str
    line: int


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            match["language"],
            match["code"],
            match["order"] or "",
            match["detail"] or "",
            text.count("\n", 0, match.start()) + 1,
        )
        for match in BLOCK.finditer(text)
    ]


def name(path: Path) -> str:
    """A page's path as the tests call it."""
    return path.relative_to(ROOT).as_posix()


def needed(path: Path) -> set[str]:
    """Libraries that the code of a page asks for and a plain install lacks."""
    code = "\n".join(b.code for b in blocks(path) if b.order != "not run")
    names = "|".join(("sklearn", "torch", "matplotlib", *FRAMEWORKS))
    found = set(re.findall(rf"^(?:from|import) ({names})\b", code, re.MULTILINE))
    found |= {"torch"} if "keras" in found else set()  # the backend that our page takes
    return found | ({"pandas"} if ".to_pandas()" in code else set())


WITH_CODE = [p for p in PAGES if any(b.language in RUN for b in blocks(p))]


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs(page, desk):
    """Every block of Python or shell on the page runs in order, and none fails."""
    for library in needed(page):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    program: list[str] = []
    # A framework warns of what it does itself; nothing that we swallow may hide behind that.
    warnings = "default" if "frameworks" in page.parts else "error"
    if "frameworks" in page.parts:
        desk.variables["NOTABENE_STRICT"] = "1"

    def finish_program() -> None:
        if program:
            desk.run("python", "-W", warnings, "-c", "\n".join(program))
            program.clear()

    for block in blocks(page):
        if block.order == "file":
            (desk.folder / block.detail).write_text(block.code)
        elif block.order == "not run" or block.language not in RUN:
            continue
        elif block.language == "python":
            program.append(block.code)
        else:
            finish_program()
            desk.run("sh", "-e", "-c", block.code)
    finish_program()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page):
    """A block names its language; a comment above it is one that the runner knows."""
    for block in blocks(page):
        assert block.language in RUN | SHOW, f"{name(page)}:{block.line}"
        assert block.order in {"", "file", "not run"}, f"{name(page)}:{block.line}"
    text = page.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(blocks(page)), "a fence that the runner does not see"


def test_most_code_runs():
    """Blocks that are only shown are the exception."""
    all_blocks = [b for p in WITH_CODE for b in blocks(p) if b.language in RUN]
    shown = [b for b in all_blocks if b.order == "not run"]
    assert len(shown) <= len(all_blocks) / 4
