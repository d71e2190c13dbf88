"""Records, checks, differences, reasons, repeats and origins, as the terminal has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from notabene.api import Api
from notabene.model.canonical import digest_file
from tests.unit.server.conftest import V1
from tests.unit.server.test_document import matches

PREPARE = """
import notabene
with notabene.init("lab", name="prepare") as run:
    open("train.csv", "w").write("x\\n" + "".join(f"{k}\\n" for k in range(50)))
"""
TRAIN = """
import argparse
import numpy
import random
import notabene
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--wd", type=float, default=0.0)
args = parser.parse_args()
random.seed(3)
rows = open("train.csv").read().split()
with notabene.init("lab", config={"lr": args.lr}) as run:
    run.define_metric("loss", goal="min")
    if args.lr > 1:
        raise MemoryError("too large")
    for step in range(5):
        run.log({"loss": args.lr * random.random() + args.wd + len(rows)}, step=step)
    open("model.txt", "w").write(str(args.lr + args.wd))
"""


def _fill(folder: Path) -> None:
    work = folder / "work"
    work.mkdir()
    env = {**os.environ, "NOTABENE_STORE": str(folder / "store"), "NOTABENE_QUIET": "1"}

    def run(script: str, *words: str) -> None:
        subprocess.run([sys.executable, script, *words], cwd=work, env=env, stderr=-3, check=False)

    (work / "prepare.py").write_text(PREPARE)
    (work / "train.py").write_text(TRAIN)
    run("prepare.py")
    run("train.py")
    run("train.py")
    run("train.py", "--wd", "0.3")
    run("train.py", "--lr", "2")
    (work / "train.py").write_text(TRAIN.replace("import random", "import random  # chance"))
    run("train.py", "--lr", "0.2")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, and with the files that its runs left."""
    folder = tmp_path_factory.mktemp("proofs")
    _fill(folder)
    return folder


@pytest.fixture
def runs(filled: Path, root: Path) -> dict[str, str]:
    """Ids of the runs by their place in time: ``0`` prepared, ``1`` and ``2`` are the same ..."""
    shutil.copytree(filled / "store", root)
    with Api.make(root) as api:
        found = [view.id for view in api.runs(order_by="created")]
    return {str(place): run for place, run in enumerate(found)}


@pytest.fixture
def guest(runs, make_visitor):
    """A visitor of that store."""
    return make_visitor()


def _as_printed(root: Path, *words: str) -> Any:
    """What a verb prints with ``--json``."""
    done = subprocess.run(
        [sys.executable, "-m", "notabene", *words, "--json"],
        env={**os.environ, "NOTABENE_STORE": str(root)},
        capture_output=True,
        check=False,
    )
    return msgspec.json.decode(done.stdout)


def test_agrees_with_the_terminal(guest, runs, root):
    """Documents are those of ``--json``, field by field."""
    a, b = runs["1"], runs["3"]
    assert guest.json(f"/runs/{a}/record") == _as_printed(root, "show", a, "--record")
    assert guest.json(f"/runs/{b}/check") == _as_printed(root, "check", b)
    assert guest.json(f"/diff?a={a}&b={b}") == _as_printed(root, "diff", a, b)
    assert guest.json(f"/why?a={a}&b={b}") == _as_printed(root, "why", a, b)
    assert guest.json("/waste?project=lab") == _as_printed(root, "stats", "lab")
    assert guest.json("/repeats")["items"] == _as_printed(root, "repeats")


def test_check_and_difference(guest, runs):
    """What was not logged is a finding, and the explanation of what came of it."""
    check = guest.json(f"/runs/{runs['3']}/check")
    assert (check["record"], check["proof"]) == ("gaps", "untested")
    assert check["findings"][0]["class"] == "unlogged-parameter"
    assert check["findings"][0]["where"].startswith("train.py:")
    found = guest.json(f"/diff?a={runs['1']}&b={runs['3']}")
    (first,) = found["differences"]
    assert (first["class"], first["item"], first["explains"]) == ("argument", "wd", "yes")
    assert found["results"][0]["first_divergent_step"] == 0
    why = guest.json(f"/why?a={runs['1']}&b={runs['3']}&metric=loss")
    assert why["causes"][0]["told"] == "effect"


def test_sources(guest, runs):
    """An edit of a comment is set aside, and shown on request."""
    pair = f"a={runs['1']}&b={runs['5']}"
    (one,) = guest.json(f"/diff/sources?{pair}")["items"]
    assert one == {"path": "train.py", "state": "layout", "added": 1, "removed": 1}
    text = guest.json(f"/diff/source?{pair}&path=train.py")["text"]
    assert "+import random  # chance" in text.splitlines()
    assert guest.json(f"/diff/sources?a={runs['1']}&b={runs['2']}")["items"] == []
    other = f"a={runs['0']}&b={runs['1']}"
    states = {x["path"]: x["state"] for x in guest.json(f"/diff/sources?{other}")["items"]}
    assert states == {"prepare.py": "removed", "train.py": "added"}
    for path in ("none.py", "../../etc/passwd", "/etc/passwd", ""):
        assert guest.get(f"/diff/source?{pair}&path={quote(path, safe='')}").status == 404, path


def test_waste_and_repeats(guest, runs):
    """One was the same again, one ran out of memory."""
    waste = guest.json("/waste?project=lab")
    assert (waste["runs"]["finished"], waste["runs"]["failed"]) == (5, 1)
    (cause,) = waste["failures"]
    assert (cause["name"], cause["runs"]) == ("out of memory", [runs["4"]])
    (group,) = waste["repeats"]
    assert group["runs"] == [runs["1"], runs["2"]]
    assert guest.json("/repeats?project=lab&limit=1")["total"] >= 1
    assert guest.json("/waste?project=none")["weeks"] == []


def test_whence_and_flows(guest, runs, filled):
    """From a model to its run, its data, and the run that wrote that."""
    digest = digest_file(filled / "work" / "train.csv")
    (origin,) = guest.json(f"/whence?digest={digest}")["items"]
    assert (origin["run"], origin["made"]) == (runs["0"], "train.csv")
    assert guest.get(f"/whence?digest={'0' * 64}").status == 404
    found = guest.json(f"/lineage/content?run={runs['3']}")
    assert next((n["kind"], n["name"]) for n in found["nodes"]) == ("run", _name(guest, runs["3"]))
    edges = {(e["run"], e["direction"], e["path"]) for e in found["edges"]}
    assert {
        (runs["0"], "output", "train.csv"),
        (runs["3"], "input", "train.csv"),
        (runs["3"], "output", "model.txt"),
    } <= edges
    around = guest.json(f"/lineage/content?digest={digest}")
    assert {n["id"] for n in around["nodes"]} >= {digest, *runs.values()} - {runs["4"]}
    alone = guest.json(f"/lineage/content?run={runs['4']}")
    assert [n["name"] for n in alone["nodes"]][1:] == ["train.csv", "prepare"]
    assert guest.get("/lineage/content?run=none").status == 404


def _name(guest: Any, run: str) -> str:
    name: str = guest.json(f"/runs/{run}")["name"]
    return name


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/runs/none/record", 404),
        ("/runs/none/check", 404),
        ("/diff?a=none&b=none", 404),
        ("/diff?a=none", 400),
        ("/diff?a=../x&b=none", 400),
        ("/why?a=none&b=none", 404),
        ("/diff/sources?a=none&b=none", 404),
        ("/whence", 400),
        ("/whence?digest=abc", 400),
        ("/whence?digest=../../etc", 400),
        ("/whence?ref=none&path=x", 404),
        ("/lineage/content", 400),
        ("/repeats?limit=9999999", 400),
    ],
)
def test_questions_that_have_no_answer(guest, target, status):
    """They have the form of an error."""
    reply = guest.get(target)
    assert (reply.status, set(reply.json()) >= {"code", "message", "hint"}) == (status, True)


def test_tags(guest, runs):
    """Who has an answer is not sent it again."""
    for target in (
        f"/runs/{runs['1']}/record",
        f"/runs/{runs['1']}/check",
        f"/diff?a={runs['1']}&b={runs['3']}",
        "/waste?project=lab",
        f"/lineage/content?run={runs['1']}",
    ):
        reply = guest.get(target)
        again = guest.get(target, If_None_Match=reply.headers["etag"])
        assert (again.status, again.body) == (304, b""), target


def test_forms(guest, runs):
    """Answers are what the document says."""
    from notabene.server.app import describe

    form = describe()
    a, b = runs["1"], runs["3"]
    for path, asked in {
        "/runs/{run}/record": f"/runs/{a}/record",
        "/runs/{run}/check": f"/runs/{b}/check",
        "/diff": f"/diff?a={a}&b={b}",
        "/diff/sources": f"/diff/sources?a={a}&b={runs['5']}",
        "/diff/source": f"/diff/source?a={a}&b={b}&path=train.py",
        "/why": f"/why?a={a}&b={b}",
        "/repeats": "/repeats",
        "/waste": "/waste",
        "/lineage/content": f"/lineage/content?run={a}",
    }.items():
        answers = form["paths"][V1 + path]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        assert matches(guest.json(asked), schema, form["components"]["schemas"]), path
