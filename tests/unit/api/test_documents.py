"""A run as an RO-Crate and as a model card."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from notabene.api import Api
from notabene.api.crate import by_digest, files_of
from notabene.errors import ConflictError, NotFoundError
from notabene.model.evidence import Data, FileRead, FileWritten, Source, Sources
from notabene.proof.record import Record

SCRIPT = """
import argparse
import notabene
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
rows = open("data file.csv").read()
run = notabene.init("digits", config=vars(args), hypothesis="larger | faster", store="store")
for step in range(3):
    notabene.log({"loss": 1 / (step + 1)})
run.summary["worst"] = float("nan")
open("model.bin", "wb").write(b"weights")
notabene.conclude("it was", verdict="supported")
run.finish()
"""


@pytest.fixture
def api(home: Path):
    """A store with a run that read, logged and wrote."""
    Path("train.py").write_text(SCRIPT)
    Path("data file.csv").write_text("1,2\n")
    subprocess.run([sys.executable, "train.py", "--lr", "0.3"], check=True, timeout=60)
    with Api("store") as api:
        yield api


def graph(folder: Path) -> dict[str, dict]:
    """The entities of a crate by their names."""
    document = json.loads((folder / "ro-crate-metadata.json").read_bytes())
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    return {one["@id"]: one for one in document["@graph"]}


def test_a_crate_holds_what_it_names(api: Api, tmp_path: Path) -> None:
    """Each file is there with its digest, each reference leads to an entity, none is left over."""
    run = api.runs()[0]
    done = api.export_crate(run, tmp_path / "crate")
    assert (done.files, done.missing) == (3, [])
    found = graph(done.path)
    files = {name: one for name, one in found.items() if "File" in one["@type"]}
    for name, one in files.items():
        content = (done.path / unquote(name)).read_bytes()
        if "sha256" in one:
            assert hashlib.sha256(content).hexdigest() == one["sha256"]
            assert len(content) == int(one["contentSize"])
    there = {path.relative_to(done.path).as_posix() for path in done.path.rglob("*.*")}
    assert there - {unquote(name) for name in files} == {"ro-crate-metadata.json"}
    assert {"project/train.py", "project/data%20file.csv", "outputs/model.bin"} <= files.keys()
    for one in found.values():
        for value in one.values():
            for ref in value if isinstance(value, list) else [value]:
                if isinstance(ref, dict) and ref["@id"] != "https://w3id.org/ro/crate/1.1":
                    assert ref["@id"] in found


def test_a_crate_says_what_was_done(api: Api, tmp_path: Path) -> None:
    """One action: who, when, with what, from what, to what, and how it ended."""
    run = api.runs()[0]
    found = graph(api.export_crate(run, tmp_path / "crate").path)
    (action,) = (one for one in found.values() if one["@type"] == "CreateAction")
    assert found["./"]["mentions"] == {"@id": action["@id"]}
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert action["endTime"] >= action["startTime"]
    assert found[action["instrument"]["@id"]]["name"] == "train.py"
    objects = {found[one["@id"]]["name"]: found[one["@id"]] for one in action["object"]}
    results = {found[one["@id"]]["name"]: found[one["@id"]] for one in action["result"]}
    assert objects["lr"]["value"] in (0.3, "0.3")
    assert "data file.csv" in objects
    assert results["model.bin"]["@id"] == "outputs/model.bin"
    assert results["worst"]["value"] == "nan"
    assert found["#licence"]["name"] == "not recorded"


def test_a_crate_in_a_zip(api: Api, tmp_path: Path) -> None:
    """The same files, with the metadata at the top; nothing half-made stays beside it."""
    done = api.export_crate(api.runs()[0], tmp_path / "crate.zip")
    with zipfile.ZipFile(done.path) as archive:
        names = set(archive.namelist())
    assert {"ro-crate-metadata.json", "record.json", "metrics.csv", "project/train.py"} <= names
    assert os.listdir(tmp_path) == ["crate.zip"]


def test_a_crate_replaces_nothing_unasked(api: Api, tmp_path: Path) -> None:
    """What is there stays, unless it is to be replaced; then it is replaced whole."""
    (tmp_path / "crate").mkdir()
    (tmp_path / "crate" / "mine.txt").touch()
    with pytest.raises(ConflictError, match="there already"):
        api.export_crate(api.runs()[0], tmp_path / "crate")
    assert (tmp_path / "crate" / "mine.txt").exists()
    api.export_crate(api.runs()[0], tmp_path / "crate", overwrite=True)
    assert not (tmp_path / "crate" / "mine.txt").exists()


def test_content_that_is_gone_is_named_by_its_digest(api: Api, tmp_path: Path) -> None:
    """What the store does not keep is said, and referred to by its SHA-256."""
    run = api.runs()[0]
    digest = hashlib.sha256(b"weights").hexdigest()
    kept = api.content
    api.content = lambda wanted, **more: None if wanted == digest else kept(wanted, **more)
    done = api.export_crate(run, tmp_path / "crate")
    assert (done.files, done.missing) == (2, ["model.bin"])
    assert graph(done.path)[by_digest(digest)]["name"] == "model.bin"


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../../../b", "/", "..", "a/./b", "..\\..\\x"]
)
def test_no_path_leads_out_of_a_crate(path: str, tmp_path: Path) -> None:
    """A record that somebody else wrote cannot have files written elsewhere."""
    record = Record(
        sources=Sources(files=[Source(path=path, digest="0" * 64)]),
        data=Data(
            read=[FileRead(path=path, digest="0" * 64)],
            written=[FileWritten(path=path, digest="0" * 64)],
        ),
    )
    for group in files_of(record):
        for one in group:
            place = (tmp_path / one.place).resolve()
            assert place.is_relative_to(tmp_path.resolve())


def test_a_card_tells_what_is_known_and_what_is_not(api: Api) -> None:
    """Files, parameters, results and proof; licence and use are for people to say."""
    text = api.model_card(api.runs()[0])
    assert text.startswith("# digits: ")
    for line in (
        "- Licence: not recorded",
        "- Commit: not recorded",
        "| `lr` | `0.3` |",
        "| `worst` | nan |",
        "- Hypothesis: larger | faster",
        "- Conclusion: it was (supported)",
        "- Record: complete",
        "- Proof: not tested by a rerun",
        "not recorded: what the model is for, and what not",
    ):
        assert line in text.splitlines()
    assert f"`{hashlib.sha256(b'weights').hexdigest()}`" in text


def test_a_card_names_the_run_that_made_an_input(api: Api) -> None:
    """An input that another run wrote is traced by its content."""
    first = api.runs()[0]
    Path("second.py").write_text(
        "import notabene\nrun = notabene.init('digits', store='store')\n"
        "open('model.bin', 'rb').read()\nrun.finish()\n"
    )
    subprocess.run([sys.executable, "second.py"], check=True, timeout=60)
    api.refresh()
    second = next(run for run in api.runs() if run.id != first.id)
    assert f"| run `{first.id}` |" in api.model_card(second)


def test_a_run_without_a_record_has_documents_too(home: Path, tmp_path: Path) -> None:
    """Nothing was captured: all fields say so, and the crate is one all the same."""
    code = "import notabene; notabene.init('p', store='store', capture=False).finish()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with Api("store") as api:
        run = api.runs()[0]
        assert "- CPU: not recorded" in api.model_card(run)
        found = graph(api.export_crate(run, tmp_path / "crate").path)
        assert found[f"#run-{run.id}"]["object"] == []
        record = msgspec.json.decode((tmp_path / "crate" / "record.json").read_bytes())
        assert record["run"] == run.id
        with pytest.raises(NotFoundError):
            api.model_card("nobody")
