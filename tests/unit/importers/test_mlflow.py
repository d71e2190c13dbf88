"""MLflow: databases of its versions, folders and servers come over whole, once, as they are."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from notabene.errors import AccessError, FormatError, TransportError, UsageError
from notabene.importers import Given, open_source
from notabene.importers.mlflow import MLflow
from notabene.importers.mlflow_parts import value_of
from notabene.importers.mlflow_rest import RestStore, Wire
from tests.unit.importers import mlflow_made as made

US = made.START * 1000


@pytest.fixture
def third(tmp_path):
    """A database of version 3 with its artifacts."""
    made.third(tmp_path / "mlflow.db")
    return tmp_path / "mlflow.db"


def test_all_of_a_database(lab, third):
    """Runs, params, tags, notes, parents, points with NaN and infinities, data, models."""
    report = lab.take(third)
    assert [(run.name, run.fate) for run in report.runs] == [
        ("one", "new"), ("gone", "new"), ("two", "new"),
    ]  # fmt: skip
    run = lab.api.run("one")
    assert (run.project, run.status, run.started, run.ended) == (
        "vision", "finished", US, US + 60_000_000,
    )  # fmt: skip
    assert run.params == {
        "lr": 0.1, "opt": "adam", "n": 3, "flag": True, "zip": "007", "a.b": 1, "odd\\.\\.key": "x",
    }  # fmt: skip
    assert (run.user, run.tags, [n.text for n in run.notes]) == ("ada", {"team": "blue"}, ["text"])
    steps, values = lab.points("one", "loss")
    assert steps == [0, 0, 1, 1, 2]
    assert str(values) == str([1.0, 5.5, math.nan, math.inf, -math.inf])
    assert run.captured()["datasets"]["datasets"][0]["context"] == "train"
    assert lab.api.runs('facts."git.commit" = "c0ffee"').ids == [run.id]
    assert lab.api.run("two").parent == run.id
    assert lab.api.run("two").status in ("running", "lost")
    gone = lab.api.run("gone")
    assert (gone.status, gone.archived) == ("failed", True)
    assert lab.api.artifact("Net:champion").read("MLmodel") == b"M"
    assert lab.api.artifact("Net:production").ref == "Net:v1"
    assert lab.api.artifact("one/artifacts").read("sub/a.txt") == b"A"
    assert "the description of the experiment 'vision' is not carried over" in report.notes
    assert "1 traces of language models are not carried over" in report.notes


def test_a_database_of_the_first_version(lab, tmp_path):
    """Without steps, flags of NaN, and indexes."""
    made.first(tmp_path / "old.db")
    lab.take(tmp_path / "old.db")
    assert lab.points("named", "loss") == ([0, 0, 0], [3.0, 2.0, 1.0])
    assert lab.api.run("named").params == {"lr": 0.1}


def test_twice_and_grown(lab, third):
    """A second import changes nothing; a third adds what has come, and moves the alias."""
    lab.take(third)
    before = lab.files()
    assert lab.fates(third) == ["same"] * 3
    assert lab.files() == before
    base = sqlite3.connect(third)
    made.rows(base, "metrics", {"key": "x", "value": 3, "timestamp": 1, "run_uuid": made.TWO,
                                "step": 8})  # fmt: skip
    base.execute("update runs set status='FINISHED', end_time=start_time where name='two'")
    base.execute("update registered_model_aliases set alias='old'")
    base.commit()
    base.close()
    assert sorted(lab.fates(third)) == ["more", "more", "same"]
    assert lab.points("two", "x") == ([7, 8], [2.0, 3.0])
    assert lab.api.run("two").status == "finished"
    assert lab.api.artifact("Net:old").ref == "Net:v1"


def test_an_old_folder(lab, tmp_path):
    """The files of a folder mlruns: nested keys, NaN, lines without step, aliases and stages."""
    top = made.folder(tmp_path)
    assert lab.fates(tmp_path) == ["new"]
    run = lab.api.run("one")
    assert (run.project, run.status, run.params) == ("it's old", "failed", {"lr": 0.1, "a/b": "x"})
    assert [note.text for note in run.notes] == ["several\nlines"]
    assert str(lab.points("one", "val/loss")) == str(([0, 1, 2], [1.0, math.nan, math.inf]))
    assert lab.points("one", "first") == ([0], [0.5])
    assert lab.api.artifact("Net:best").ref == lab.api.artifact("Net:staging").ref == "Net:v1"
    assert lab.api.artifact("one/artifacts").read("plot.txt") == b"P"
    before = lab.files()
    assert lab.fates(top) == ["same"]
    assert lab.files() == before
    with open(top / "7" / made.ONE / "metrics" / "first", "a") as file:
        file.write(f"{made.START} oops 1\n{made.START} 0.25 1\n{made.START} 0.1")
    report = lab.take(top)
    assert lab.points("one", "first") == ([0, 1], [0.5, 0.25])
    assert report.runs[0].missed == {"lines of metrics that are damaged are left out": 1}


def test_what_a_database_says_leads_nowhere_else(lab, tmp_path):
    """An artifact place that is not one of a run is not read, whatever lies there."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")
    made.third(tmp_path / "mlflow.db")
    base = sqlite3.connect(tmp_path / "mlflow.db")
    for uri in (f"file://{tmp_path}/secret", f"{tmp_path}/{made.ONE}/../secret"):
        base.execute("update runs set artifact_uri=?", (uri,))
        base.commit()
        report = lab.take(tmp_path / "mlflow.db")
        assert all("artifacts" not in v.name for v in lab.api.artifacts())
    assert any("no folder of artifacts was found" in note for note in report.notes)
    base.close()


def test_files_that_are_none(tmp_path):
    """Another database, a damaged one and an empty folder are refused in a sentence."""
    base = sqlite3.connect(tmp_path / "other.db")
    base.execute("create table x (y)")
    base.commit()
    base.close()
    made.third(tmp_path / "cut.db")
    data = (tmp_path / "cut.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(data[:3000])
    (tmp_path / "none").mkdir()
    for name in ("other.db", "cut.db", "none"):
        with pytest.raises(UsageError, match="holds no store of MLflow"):
            MLflow(tmp_path / name, Given())


def test_a_database_with_damaged_pages(lab, third):
    """What can be read is read, or the error is one of ours."""
    data = bytearray(third.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    third.write_bytes(data)
    with pytest.raises((FormatError, UsageError)):
        lab.take(third)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-0.5", -0.5), ("1e-05", 1e-05), ("0.10", "0.10"), ("1_0", "1_0"), ("nan", "nan"),
     ("None", None), ("False", False), ("00", "00"), ("9" * 30, "9" * 30), ("", "")],
)  # fmt: skip
def test_params_are_what_they_were(text, value):
    """A text becomes a number only where the number has no other text."""
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


def test_two_imports_at_once(lab, third):
    """Each run is here once, with its points once."""
    fates: list[str] = []
    work = [threading.Thread(target=lambda: fates.extend(lab.fates(third))) for _ in range(3)]
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert fates.count("new") == 3
    assert lab.points("one", "loss")[0] == [0, 0, 1, 1, 2]


def test_killed_in_the_middle(lab, tmp_path):
    """What was placed is whole, and the next import takes the rest."""
    made.third(tmp_path / "mlflow.db")
    base = sqlite3.connect(tmp_path / "mlflow.db")
    for n in range(1500):
        known = f"{n:032x}"
        made.rows(base, "runs", made.run_row(known, f"r{n}", start_time=made.START + n))
        made.rows(base, "metrics", {"key": "x", "value": n, "timestamp": 1, "run_uuid": known,
                                    "step": 1})  # fmt: skip
    base.commit()
    base.close()
    code = (
        "from pathlib import Path; from notabene.api import Api\n"
        f"Api.make({str(lab.api.folder.root)!r}).import_from({str(tmp_path / 'mlflow.db')!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    while child.poll() is None and not any((lab.api.folder.root / "runs").rglob("*.journal")):
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    fates = lab.fates(tmp_path / "mlflow.db")
    assert len(fates) == 1503
    assert set(fates) <= {"new", "same"}
    assert lab.points("r7", "x") == ([1], [7.0])
    assert not list(lab.api.folder.root.glob(".import-*")) or child.returncode


# -- a server --------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Answers as MLflow does; the first request of each path fails."""

    seen: dict[str, int]
    tokens: list[str]
    trouble = 500

    def do_GET(self) -> None:
        """Answer."""
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        self.tokens.append(self.headers.get("Authorization", ""))
        self.seen[parts.path] = self.seen.get(parts.path, 0) + 1
        token = parse_qs(parts.query).get("page_token", [""])[0]
        if self.seen[parts.path] == 1 or self.trouble == 401:
            self.reply(self.trouble, b"")
        elif parts.path == "/get-artifact":
            self.reply(200, b"content")
        else:
            self.reply(200, made.encode(made.answers(token)[parts.path]))

    do_POST = do_GET

    def reply(self, code: int, body: bytes) -> None:
        """Send."""
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server():
    """A server on this machine."""
    handler = type("Handler", (Server,), {"seen": {}, "tokens": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def served(server, **variables: str) -> MLflow:
    """The source that a server is."""
    url = f"http://127.0.0.1:{server.server_port}"
    source = MLflow.__new__(MLflow)
    source._open(RestStore(Wire(url, variables, pause=0.01)), Given())
    return source


def test_a_server(lab, server):
    """All pages, with retries and the token that MLflow's client would send."""
    source = served(server, MLFLOW_TRACKING_TOKEN="t0ken")
    assert lab.fates(source) == ["new"]
    assert str(lab.points("one", "loss")) == str(([0, 1], [2.0, math.nan]))
    run = lab.api.run("one")
    assert (run.project, run.params, run.tags) == ("e", {"lr": 0.1}, {"team": "blue"})
    assert lab.api.artifact("Net:best").read("a.txt") == b"content"
    assert set(server.RequestHandlerClass.tokens) == {"Bearer t0ken"}
    assert lab.fates(served(server)) == ["same"]


def test_a_server_that_refuses(server):
    """It is said what to set; and what does not answer at all is said too."""
    server.RequestHandlerClass.trouble = 401
    with pytest.raises(AccessError, match="401"):
        list(served(server).find())
    wire = Wire("http://127.0.0.1:9", {}, pause=0.001)
    with pytest.raises(TransportError, match="does not answer"):
        wire.get("/x")


def test_addresses(third):
    """sqlite:/// is the file; what nobody imports from is refused."""
    assert isinstance(open_source(f"sqlite:///{third}"), MLflow)
    with pytest.raises(UsageError, match="nothing imports from ftp://x"):
        open_source("ftp://x")
