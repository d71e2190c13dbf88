"""``notabene import`` of what other tools wrote: the table, the report, and wrong use."""

from __future__ import annotations

import os

from tests.unit.tfevents.conftest import event, framed, simple, sub, version


def files(folder, *names):
    """Folders with event files of programs that ended long ago."""
    for name in names:
        (folder / name).mkdir(parents=True)
        path = folder / name / "events.out.tfevents.1700000000.host.1.0"
        points = [event(1_700_000_000.0 + n, n, simple("loss", 1 / n)) for n in range(1, 4)]
        graph = event(1.0, 0, more=sub(4, b"graph"))
        path.write_bytes(framed(version(1_700_000_000.0), *points, graph))
        os.utime(path, (1_700_000_100, 1_700_000_100))
    return str(folder)


def test_a_folder_of_another_tool(nota, tmp_path):
    """Listed, imported, there already; what is missing is named once for all runs."""
    place = files(tmp_path / "logs", "one", "two")
    listed = nota("import", place, "--dry-run").out
    assert "2 runs to import" in listed
    assert nota("ls", "-p", tmp_path.name).code == 0
    done = nota("import", place, "-p", "mine").out
    assert "2 runs imported: 6 points" in done
    assert "note: graphs of the program are not carried over (in 2 runs)" in done
    assert "2 runs already there" in nota("import", place, "-p", "mine").out
    shown = nota("show", "mine/one").out
    assert f"imported  from tensorboard: {place}/one" in shown
    assert "graphs of the program are not carried over" in shown


def test_the_report_for_programs(nota, tmp_path):
    """JSON with every run and what became of it."""
    report = nota("import", files(tmp_path / "logs", "one"), "--json").json
    assert (report["kind"], report["dry_run"]) == ("tensorboard", False)
    (run,) = report["runs"]
    assert (run["name"], run["fate"], run["points"]) == ("one", "new", 3)
    assert run["missed"] == {"graphs of the program are not carried over": 1}


def test_columns_of_a_table(nota, tmp_path):
    """``--map`` says what a column is."""
    path = tmp_path / "t.csv"
    path.write_text("who,a=b\nx,1\ny,2\n")
    out = nota("import", str(path), "-p", "t", "--map", "who=name", "--map", "a=b=metric").out
    assert "columns were read as name: who; metric: a=b" in out
    assert nota("show", "t/y", "--json").json["metrics"]["a=b"]["last"] == 2


def test_wrong_use(nota, tmp_path):
    """One sentence, what is allowed, and the exit code of wrong use."""
    (tmp_path / "empty").mkdir()
    for words, message in (
        ((str(tmp_path / "empty"),), "looks like nothing that can be imported"),
        ((str(tmp_path / "empty"), "--from", "floppy"), "'floppy' is not one of"),
        ((files(tmp_path / "logs", "one"), "--new-ids"), "--new-ids is for files of notabene"),
        ((str(tmp_path / "logs"), "--map", "x"), "say --map column=role"),
    ):
        assert message in nota("import", *words, code=2).err
    ours = tmp_path / "x.notabene"
    ours.touch()
    assert (
        "--dry-run is for files of other tools"
        in nota("import", str(ours), "--dry-run", code=2).err
    )
    nota("import", str(tmp_path / "logs"), "--from", "csv", code=2)
