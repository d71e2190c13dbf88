"""tag, note, conclude, rm, restore, artifact, export, import, db, gc, journal, config, doctor."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import notabene
from tests.unit.cli.conftest import Command


def test_edits_are_kept_and_survive_a_rebuild(nota: Command) -> None:
    """Tags, notes, conclusions and names written at the desk are part of the truth."""
    nota("tag", "fast", "+best", "+stage=2", "-team")
    nota("note", "fast", "look at step 12")
    nota("note", "-p", "digits", "a note on the project")
    nota("conclude", "fast", "it is fast", "--verdict", "supported")
    nota("rename", "slow", "slower")
    for _ in range(2):
        run = nota("show", "fast", "--json").json
        assert run["tags"] == {"best": "", "stage": "2"}
        assert [n["text"] for n in run["notes"]] == ["look at step 12"]
        assert run["conclusion"]["verdict"] == "supported"
        assert nota("show", "slower", "--json").json["config"]["lr"] == 0.01
        nota("db", "rebuild")
    assert "a note on the project" in nota("diary", "digits").out


def test_tags_of_one_run_need_no_sign(nota: Command) -> None:
    """Without + and - the first word is the run; with --where all words are tags."""
    nota("tag", "fast", "best", "stage=2")
    nota("tag", "--where", "name = 'fast'", "chosen")
    (run,) = nota("ls", "name = 'fast'", "--json").json
    assert run["tags"].items() >= {"best": "", "stage": "2", "chosen": ""}.items()
    assert nota("tag", "fast", code=2).err


def test_a_file_keeps_the_name_it_was_given(nota: Command, tmp_path: Path) -> None:
    """A name with a suffix is taken as it is; one without gets the usual suffix."""
    nota("export", "fast", "-o", str(tmp_path / "one.nb"))
    nota("export", "fast", "-o", str(tmp_path / "two"))
    assert {"one.nb", "two.notabene"} <= {path.name for path in tmp_path.iterdir()}


def test_the_trash_can_be_undone(nota: Command) -> None:
    """rm hides a run, restore brings it back as it was."""
    before = nota("show", "fast", "--json").json
    assert nota("ls", "--deleted").err == "the trash is empty\n"
    nota("rm", "fast")
    assert [r["name"] for r in nota("ls", "--json").json] == ["broken", "slow"]
    assert [r["name"] for r in nota("ls", "--deleted", "--json").json] == ["fast"]
    nota("restore", before["id"])
    after = nota("show", "fast", "--json").json
    assert _but_times(after) == _but_times(before)
    nota("rm", "fast", "--archive")
    assert "fast" not in [r["name"] for r in nota("ls", "--json").json]


def _but_times(run: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in run.items() if not k.startswith("updated")}


def test_artifacts_from_the_command_line(nota: Command, tmp_path: Path) -> None:
    """put, ls, show, get, alias, rm and restore; equal content makes no new version."""
    source = tmp_path / "weights"
    source.mkdir()
    (source / "a.bin").write_bytes(b"a" * 1000)
    (source / "b.txt").write_text("b")
    assert nota("artifact", "put", str(source), "--name", "m", "--json").json["new"] is True
    assert nota("artifact", "put", str(source), "--name", "m", "--json").json["new"] is False
    (source / "b.txt").write_text("c")
    nota("artifact", "put", str(source), "--name", "m", "--alias", "best")
    assert [v["version"] for v in nota("artifact", "ls", "m", "--json").json] == [2, 1]
    out = tmp_path / "out"
    nota("artifact", "get", "m:v1", str(out))
    assert (out / "b.txt").read_text() == "b"
    assert (out / "a.bin").read_bytes() == b"a" * 1000
    nota("artifact", "alias", "m:v1", "good")
    assert nota("artifact", "show", "m:good", "--json").json["version"] == 1
    nota("artifact", "rm", "m:v1")
    nota("artifact", "get", "m:v1", str(tmp_path / "x"), code=3)
    nota("artifact", "restore", "m:v1")
    nota("artifact", "get", "m:v1", str(tmp_path / "y"))
    nota("artifact", "show", "nothing", code=3)


def test_a_run_travels_as_one_file(nota: Command, tmp_path: Path) -> None:
    """export and import into another store give equal answers; twice changes nothing."""
    nota("tag", "fast", "+moved")
    path = tmp_path / "fast.notabene"
    nota("export", "fast", "-o", str(path))
    other = str(tmp_path / "other")
    nota("import", str(path), "--store", other)
    nota("import", str(path), "--store", other)
    for verb in (("show", "fast"), ("plot", "fast", "-m", "loss")):
        assert nota(*verb, "--json", "--store", other).json == nota(*verb, "--json").json
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    done = nota("import", str(path), "--store", str(tmp_path / "third"), "--json", code=7)
    assert done.json["error"]["code"] == "integrity"


def test_a_taken_id_gets_another_on_request(nota: Command, store: Path, tmp_path: Path) -> None:
    """import refuses a run whose id another one has; --new-ids says how it is called then."""
    path, other = tmp_path / "one.notabene", str(tmp_path / "other")
    for root in (store, other):
        with notabene.init("p", id="one", store=root, capture=False) as run:
            run.log({"loss": len(str(root))})
    nota("export", "one", "-o", str(path))
    refused = nota("import", str(path), "--store", other, "--json", code=4).json["error"]
    assert "--new-ids" in refused["hint"]
    assert "one is called one-" in nota("import", str(path), "--store", other, "--new-ids").out
    assert len(nota("ls", "--json", "--store", other).json) == 2
    assert "1 already there" in nota("import", str(path), "--store", other, "--new-ids").out


def test_what_runs_read_travels_on_request(nota: Command, store: Path, tmp_path: Path) -> None:
    """export takes artifacts that a run read with --inputs alone; tables hold none."""
    (tmp_path / "data.txt").write_text("data")
    with notabene.init("p", name="maker", store=store, capture=False) as run:
        run.log_artifact(tmp_path / "data.txt", name="data")
    with notabene.init("p", name="reader", store=store, capture=False) as run:
        run.use_artifact("data")
    for flags, code in (((), 3), (("--inputs",), 0)):
        path, other = tmp_path / f"{code}.notabene", str(tmp_path / f"other{code}")
        nota("export", "reader", "-o", str(path), *flags)
        nota("import", str(path), "--store", other)
        nota("artifact", "show", "data", "--store", other, code=code)
    assert "--inputs" in nota("export", "reader", "--csv", "--inputs", code=2).err


def test_a_project_travels_with_its_diary(nota: Command, tmp_path: Path) -> None:
    """export of a whole project takes the notes that belong to no run."""
    nota("note", "-p", "digits", "on the whole a success")
    path, other = tmp_path / "p.notabene", str(tmp_path / "other")
    nota("export", "-p", "digits", "-o", str(path))
    nota("import", str(path), "--store", other)
    with notabene.Api(other) as api:
        assert "on the whole a success" in [entry.text for entry in api.diary("digits")]


def test_tables_for_other_programs(nota: Command, tmp_path: Path) -> None:
    """CSV and Parquet hold one row per point."""
    csv = tmp_path / "points.csv"
    nota("export", "fast", "--csv", "-o", str(csv))
    assert len(csv.read_text().splitlines()) == 1 + 2 * 50
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "points.parquet"
    nota("export", "-p", "digits", "--parquet", "-o", str(path))
    assert parquet.read_table(path).num_rows == 2 * 2 * 50


def test_the_index_is_only_a_cache(nota: Command, store: Path, home: Path) -> None:
    """Deleting the index, or moving the store, changes no answer."""
    before = nota("ls", "--json").json
    index = Path(nota("db", "path", "--json").json["index"])
    for path in index.parent.glob(f"{index.name}*"):
        path.unlink()
    assert nota("ls", "--json").json == before
    nota("db", "check")
    moved = store.with_name("moved")
    shutil.copytree(store, moved)
    assert nota("ls", "--json", "--store", str(moved)).json == before


def test_journals_can_be_verified_read_and_repaired(nota: Command, store: Path) -> None:
    """A flipped byte is named with its offset; repair saves what is behind it."""
    path = max(store.rglob("*.journal"), key=lambda p: p.stat().st_size)
    nota("journal", "verify", str(path))
    assert "run-created" in nota("journal", "cat", str(path)).out
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    done = nota("journal", "verify", str(path), code=1)
    assert any(word.isdigit() for word in done.out.replace(",", "").split())
    assert "damaged at byte" in nota("journal", "cat", str(path), code=1).err
    nota("ls")
    nota("journal", "repair", str(path))
    nota("ls")


def test_gc_says_first_and_can_be_undone(nota: Command) -> None:
    """gc is a dry run until --apply; what is young or referred to stays; --undo needs a gc."""
    assert "would go" in nota("gc").out
    nota("gc", "--apply")
    assert nota("gc", "--undo", "--json", code=3).json["error"]["code"] == "not_found"
    assert nota("show", "fast", "--json").json["name"] == "fast"


def test_gc_of_shared_content_wants_a_word(
    nota: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where content lies outside of the store, gc --apply needs --alone; to look does not."""
    monkeypatch.setenv("NOTABENE_ARTIFACTS", str(tmp_path / "blobs"))
    assert "would go" in nota("gc").out
    assert "--alone" in nota("gc", "--apply", code=2).err
    assert "went to the trash" in nota("gc", "--apply", "--alone").out


def test_settings_are_shown_and_written(nota: Command, store: Path) -> None:
    """config shows values with their source, writes to the user's file, and refuses nonsense."""
    shown = nota("config", "--json").json
    assert shown["store"] == {"value": str(store), "source": "NOTABENE_STORE"}
    nota("config", "system_every", "30")
    assert nota("config", "system_every").out.strip() == "30.0"
    nota("config", "system_every", "--unset")
    assert nota("config", "system_every").out.strip() == "10.0"
    nota("config", "colour", code=2)
    nota("config", "system_every", "often", code=2)
    assert "_NOTABENE_COMPLETE" in nota("config", "--completion", "bash").out


def test_doctor_looks_around(nota: Command) -> None:
    """doctor ends with 0 on a good store and names it."""
    assert "3 runs" in nota("doctor").out


def test_init_makes_a_store_for_a_project(nota: Command, tmp_path: Path) -> None:
    """init makes .notabene, which programs below find by walking up."""
    nota("init", str(tmp_path))
    assert (tmp_path / ".notabene" / "format").exists()
    assert (tmp_path / ".notabene" / ".gitignore").read_text() == "*\n"


def test_a_tag_that_goes_may_have_any_letters(nota: Command) -> None:
    """``-hard`` and ``-weak`` are tags, not the options ``-h`` and ``-w``."""
    nota("tag", "slow", "+hard", "+weak", "+kept")
    nota("tag", "slow", "-hard", "-weak")
    assert nota("show", "slow", "--json", "--fields", "tags").json["tags"] == {
        "kept": "",
        "team": "vision",
    }
    nota("tag", "-w", "name = 'slow'", "-kept", "--json")
    assert "kept" not in nota("show", "slow").out


def test_a_run_that_is_named_twice_is_told_once(nota: Command) -> None:
    """Verbs act once on a run; stop says that none is at work."""
    assert "slow is finished" in nota("stop", "slow").out
    assert len(nota("rm", "slow", "slow", "-w", "name = 'slow'", "--json").json) == 1


def test_the_users_file_is_for_the_user(nota: Command, home: Path) -> None:
    """A token is not readable for others; lists are shown as they are written."""
    file = home / ".config" / "notabene" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("quiet = true\n")
    file.chmod(0o644)
    nota("config", "token", "secret")
    assert file.stat().st_mode & 0o777 == 0o600
    assert nota("config", "tags", "a,b").out.strip() == "a, b"
    nota("config", "--unset", code=2)
    file.unlink()
    file.mkdir()
    assert "config.toml" in nota("config", "quiet", "true", code=2).err


def test_references_are_shown_whole(nota: Command, store: Path, tmp_path: Path) -> None:
    """A reference stands with its address, without a size that nobody knows; get says it stays."""
    made = notabene.Artifact("mix")
    made.add(Path(__file__))
    made.add_reference("s3://bucket/folder/data.parquet")
    with notabene.init("p", name="mixer", store=store, capture=False) as run:
        run.log_artifact(made)
    (line,) = [x for x in nota("artifact", "show", "mix").out.splitlines() if "s3:" in x]
    assert line.split() == ["data.parquet", "s3://bucket/folder/data.parquet"]
    assert "1 reference" in nota("artifact", "get", "mix", str(tmp_path / "out")).err


def test_what_cannot_be_kept_makes_no_run(nota: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad name or alias is refused before a run stands for it, so is all while disabled."""
    before = nota("ls", "--json").json
    nota("artifact", "put", __file__, "--name", "a:b", code=2)
    nota("artifact", "put", __file__, "--alias", "v3", code=2)
    monkeypatch.setenv("NOTABENE_MODE", "disabled")
    nota("artifact", "put", __file__, code=2)
    assert nota("ls", "--json").json == before
