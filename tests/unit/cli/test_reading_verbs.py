"""ls, show, tail, plot, wait, diary: what people and programs read."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import notabene
from tests.unit.cli.conftest import Command


def test_ls_json_lists_runs_with_what_programs_need(nota: Command) -> None:
    """``ls --json`` lists runs with id, name, project, status, config, summary, tags, times."""
    runs = nota("ls", "--json").json
    assert [r["name"] for r in runs] == ["broken", "fast", "slow"]
    fast = runs[1]
    assert set(fast) >= {"id", "name", "project", "status", "config", "summary", "tags", "created"}
    assert fast["config"] == {"lr": 0.1, "deep": {"n": 1}}
    assert fast["summary"]["loss"] == pytest.approx(1 / 50)
    assert fast["tags"] == {"team": "vision"}
    assert fast["status"] == "finished"


def test_ls_filters_sorts_and_limits(nota: Command) -> None:
    """Queries, several sort keys and limits choose and order runs."""
    names = lambda *words: [r["name"] for r in nota("ls", "--json", *words).json]  # noqa: E731
    assert names("params.lr < 0.05") == ["slow"]
    assert names("metrics.acc.max > 0.5") == ["fast"]
    assert names("tags.team = 'vision' and not status = 'failed'", "-s", "name") == ["fast", "slow"]
    assert names("-p", "other") == ["broken"]
    assert names("-s", "-metrics.loss,name", "-n", "1") == ["broken"]
    assert names("name like 'f%' or name = 'broken'", "-s", "name") == ["broken", "fast"]


def test_a_bad_query_points_at_its_column(nota: Command) -> None:
    """A query error has a caret under the column for people, code and position for programs."""
    done = nota("ls", "params.lr <", code=2)
    assert "^" in done.err
    error = nota("ls", "statsu = 'x'", "--json", code=2).json["error"]
    assert error["code"] == "query"
    assert error["position"] == 0


def test_ls_fits_a_pipe_and_80_columns(nota: Command) -> None:
    """In a pipe there is no colour and no cut; fields can be chosen."""
    done = nota("ls")
    assert "\x1b[" not in done.out
    assert "finished" in done.out
    assert "fast" in done.out
    rows = nota("ls", "--fields", "name,config.lr,summary.loss").out.splitlines()
    assert rows[0].split() == ["NAME", "CONFIG.LR", "SUMMARY.LOSS"]
    assert len(rows) == 4
    picked = nota("ls", "--json", "--fields", "name,config.lr").json
    assert picked[1] == {"name": "fast", "config.lr": 0.1}


def test_ls_shows_no_digests_unasked(nota: Command, store: Path) -> None:
    """Long values of the config are no columns; short ones in which runs differ are."""
    for digest in ("a" * 64, "b" * 64):
        config = {"input": digest, "lr": len(digest) if digest[0] == "a" else 2}
        notabene.init("long", store=store, config=config, capture=False).finish()
    done = nota("ls", "-p", "long")
    assert "input" not in done.out
    assert "lr" in done.out.splitlines()[0]


def test_ls_lists_projects(nota: Command) -> None:
    """Projects are listed with their counts."""
    assert {p["name"]: p["runs"] for p in nota("ls", "--projects", "--json").json} == {
        "digits": 2,
        "other": 1,
    }


def test_show_says_what_a_run_is(nota: Command) -> None:
    """A run is shown by name, with config, metrics, and why it failed."""
    out = nota("show", "fast").out
    for word in ("fast", "finished", "lr", "0.1", "deep.n", "loss", "acc", "team=vision", "sample"):
        assert word in out
    broken = nota("show", "broken").out
    assert "ValueError: no such layer" in broken
    document = nota("show", "@last", "--json").json
    assert document["name"] == "broken"
    assert document["metrics"]["loss"]["last"] == 3.0


def test_runs_are_found_by_every_kind_of_name(nota: Command) -> None:
    """Full id, last six, name, project/name and @last name one run; nothing else does."""
    run_id = nota("show", "fast", "--json").json["id"]
    for ref in (run_id, run_id[-6:], "digits/fast", "digits/@last"):
        assert nota("show", ref, "--json").json["name"] == "fast"
    error = nota("show", "fats", "--json", code=3).json["error"]
    assert error["code"] == "not_found"
    assert "fats" in error["message"]


def test_plot_draws_the_curve(nota: Command) -> None:
    """Curves come as braille where that can be printed, as marks where not, as points in JSON."""
    out = nota("plot", "fast", "-m", "loss").out
    assert any(0x2800 < ord(c) <= 0x28FF for c in out)
    assert max(len(line) for line in out.splitlines()) <= 80
    plain = nota("plot", "fast", "slow", "-m", "acc", encoding="ascii").out
    assert "*" in plain
    assert "o slow" in plain
    (curve,) = nota("plot", "fast", "-m", "loss", "--json").json
    assert curve["steps"] == list(range(50))
    assert curve["values"][:2] == [1.0, 0.5]
    nota("plot", "fast", "-m", "nothing", code=3)


def test_plot_draws_the_others_of_a_damaged_run(nota: Command, store: Path) -> None:
    """It says which one it leaves out, and why; alone that is an error."""
    run = nota("show", "slow", "--json").json["id"]
    (sealed,) = store.glob(f"runs/*/{run}/sealed")
    data, before = bytearray(sealed.read_bytes()), sealed.stat()
    data[len(data) // 4 :] = bytes(len(data) - len(data) // 4)
    sealed.write_bytes(data)
    os.utime(sealed, ns=(before.st_atime_ns, before.st_mtime_ns))
    both = nota("plot", "slow", "fast", "-m", "loss")
    assert any(0x2800 < ord(c) <= 0x28FF for c in both.out)
    assert f"slow cannot be drawn: {sealed.name} of run {run} is damaged at byte" in both.err
    nota("plot", "slow", "-m", "loss", code=8)


def test_wait_ends_with_what_happened(nota: Command) -> None:
    """0 for a finished run or a query that holds, 1 otherwise, 124 when the time is up."""
    nota("wait", "fast")
    nota("wait", "broken", code=1)
    nota("wait", "broken", "--until", "metrics.loss > 2")
    nota("wait", "fast", "--until", "metrics.\"loss\" > 2 or status = 'failed'", code=1)


def test_tail_prints_metrics(nota: Command) -> None:
    """tail -m prints the last points of a metric."""
    lines = nota("tail", "fast", "-m", "loss", "-n", "3", "--no-follow").out.splitlines()
    assert [line.split()[1] for line in lines] == ["47", "48", "49"]


def test_unknown_verbs_suggest(nota: Command) -> None:
    """A misspelt verb ends with 2 and a suggestion."""
    assert "show" in nota("shwo", code=2).err


def test_a_missing_store_is_one_sentence(nota: Command, tmp_path: object) -> None:
    """Where there is no store, one sentence says what to do; JSON has code and hint."""
    error = nota("ls", "--store", f"{tmp_path}/nowhere", "--json", code=3).json["error"]
    assert error["code"] == "not_found"
    assert error["hint"]


def test_the_command_works_as_a_program(program: Command) -> None:
    """In a process of its own: JSON on stdout alone, errors on stderr, and a pipe that closes."""
    assert [r["name"] for r in program("ls", "--json", "-p", "other").json] == ["broken"]
    done = program("show", "nobody", code=3)
    assert done.out == ""
    assert done.err.startswith("error: ")


def test_every_verb_has_help(nota: Command) -> None:
    """-h of every verb prints usage and ends with 0."""
    from notabene.cli.main import VERBS

    for verb in VERBS:
        assert "Usage:" in nota(verb, "-h").out


def test_fields_that_are_not_there_are_refused(nota: Command) -> None:
    """A field no run has is named, with those there are; one below a mapping may be absent."""
    assert "no field 'nonsense'" in nota("ls", "--fields", "id,nonsense", code=2).err
    for verb in (("ls",), ("show", "fast")):
        refused = nota(*verb, "--json", "--fields", "id,nonsense", code=2).json["error"]
        assert refused["message"] == "there is no field 'nonsense'"
    found = nota("ls", "--json", "--fields", "id,config.nothing,summary.loss").json
    assert {row["config.nothing"] for row in found} == {None}


def test_a_reader_that_has_seen_enough_is_no_failure(store: Path) -> None:
    """A closed pipe (``| head``) ends the command with 0 and without a word."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "notabene", "ls", "--json"],
        env={**os.environ, "NOTABENE_STORE": str(store)},
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
@pytest.mark.parametrize("words", [["ls"], ["show", "fast"], ["ls", "--help"]])
def test_output_into_a_full_disk_is_one_sentence(store: Path, words: list[str]) -> None:
    """Output for which there is no room is told in a sentence, with the exit code of that."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "notabene", *words],
            env={**os.environ, "NOTABENE_STORE": str(store)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 6
    assert done.stderr.strip() == "error: cannot write the output: no space left on device"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_output_that_is_closed_is_not_written(store: Path, closed: str) -> None:
    """Whoever closes the output wants none; the exit code stays what it is."""
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m notabene ls {closed}'],
        env={**os.environ, "NOTABENE_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_the_command_alone_says_what_there_is(nota: Command) -> None:
    """Without a verb the help comes on stderr, and the exit code is that of wrong use."""
    done = nota(code=2)
    assert done.err.startswith("Usage:")
    assert nota("plot", "--limit", "-3", code=2).out == ""


def test_fields_are_a_table_where_no_json_is_asked_for(nota: Command, store: Path) -> None:
    """``--fields`` chooses without ``--json`` as well, in every verb that has it."""
    with notabene.init("p", name="maker", store=store, capture=False) as run:
        run.log_artifact(Path(__file__), name="script")
    for words, head in (
        (("show", "maker"), "name,status"),
        (("wait", "maker"), "id,status"),
        (("diary", "p"), "kind,run_name"),
        (("ls", "--projects"), "name,runs"),
        (("artifact", "ls"), "ref,type"),
    ):
        rows = nota(*words, "--fields", head).out.splitlines()
        assert rows[0].split() == head.upper().split(",")
        assert len(rows) > 1
    assert nota("artifact", "ls", "--json", "--fields", "ref").json == [{"ref": "script:v1"}]
    assert "no artifacts match" in nota("artifact", "ls", "nosuch").err


def test_every_number_can_be_drawn(nota: Command, store: Path) -> None:
    """Largest, smallest, equal and no numbers give a chart, on either axis, and never a crash."""
    most, least = sys.float_info.max, 5e-324
    with notabene.init("p", name="edge", store=store, capture=False) as run:
        for step, value in enumerate((most, -most, math.nan, math.inf, 1.0)):
            run.log({"both": value, "most": most, "least": least, "one": 1.0}, step=step)
    for key in ("both", "most", "least", "one"):
        for x in ("step", "time", "both", "most", "least"):
            assert nota("plot", "edge", "-m", key, "-x", x, "--height", "3").out.strip()
    assert "1.798e+308" in nota("plot", "edge", "-m", "both").out


def test_a_query_that_chooses_nothing_draws_nothing(nota: Command) -> None:
    """Instead of the newest run, which nobody asked for, there is an error."""
    assert "no run matches" in nota("plot", "--where", "name = 'nobody'", code=3).err


def test_tail_prints_a_document_a_line(nota: Command, program: Command) -> None:
    """``tail --json`` can be read line by line, the console's lines with their stream and time."""
    program("run", "--name", "printer", "--", sys.executable, "-c", "print('one'); print('two')")
    lines = nota("tail", "printer", "--no-follow", "--json").out.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(line["stream"], line["text"]) for line in found] == [("o", "one"), ("o", "two")]
    points = nota("tail", "fast", "-m", "loss", "-n", "2", "--no-follow", "--json").out.splitlines()
    assert json.loads(points[1]) == {"key": "loss", "step": 49, "value": 0.02}
