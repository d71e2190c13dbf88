"""How runs begin, nest, resume and are told apart."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import notabene
from notabene.errors import ConflictError, FormatError, NotFoundError, RefError, UsageError


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def run_code(code: str, store: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with this store."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1", **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_three_lines_are_enough(home: Path) -> None:
    """Without any configuration a run goes to ~/.notabene, and says so in one line each."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import notabene as nb; r = nb.init('p', config={'lr': .1});"
            "[nb.log({'loss': 1/(i+1)}, step=i) for i in range(1000)]; nb.finish()",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, lines
    assert "~/.notabene" in lines[0]
    with notabene.Api() as api:
        (view,) = api.runs()
        assert view.project == "p"
        assert view.status == "finished"
        assert view.config == {"lr": 0.1}
        assert view.metrics["loss"].n == 1000
        assert view.metrics["loss"].last == 1 / 1000


def test_a_short_run_loads_neither_numpy_nor_a_database(store: str) -> None:
    """Training stays light: none of the readers' libraries is imported by init, log and finish."""
    done = run_code(
        """
        import sys, notabene
        with notabene.init("p", capture=False) as run:
            run.log({"x": 1.0})
        heavy = {"numpy", "sqlalchemy", "rich", "click", "torch", "pandas"} & set(sys.modules)
        sys.exit(f"loaded {heavy}" if heavy else 0)
        """,
        store,
    )
    assert done.returncode == 0, done.stderr


@dataclass
class Settings:
    lr: float = 0.1
    layers: tuple[int, ...] = (3, 4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"lr": 0.1, "model": {"depth": 3}}, {"lr": 0.1, "model": {"depth": 3}}),
        (argparse.Namespace(lr=0.1), {"lr": 0.1}),
        (Settings(), {"lr": 0.1, "layers": [3, 4]}),
        ({"a.b": 1, "a": {"c": 2}}, None),
    ],
)
def test_configs_of_many_kinds_are_kept(store: str, given: object, expected: object) -> None:
    """Mappings, Namespace and dataclasses come back as nested config."""
    with notabene.init("p", config=given, store=store, capture=False) as run:
        pass
    with notabene.Api(store) as api:
        found = api.run(run.id).config
    if expected is not None:
        assert json.loads(json.dumps(found)) == expected
    else:
        assert len(found) >= 1


def test_config_can_be_updated_while_it_runs(store: str) -> None:
    """Attribute, item and update() change the config of the record; types stay."""
    with notabene.init("p", config={"lr": 0.1}, store=store, capture=False) as run:
        run.config.lr = 0.2
        run.config["model"] = {"depth": 3}
        run.config.update({"seed": 7})
        notabene.config.extra = True
        assert run.config.model.depth == 3
        run.log_param("note", "x")
    with notabene.Api(store) as api:
        assert api.run(run.id).config == {
            "lr": 0.2,
            "model": {"depth": 3},
            "seed": 7,
            "extra": True,
            "note": "x",
        }


@pytest.mark.parametrize("name", ["   ", "x" * 10_000, 7, "a\0b", "line\nbreak"])
def test_bad_names_get_one_clear_sentence(store: str, name: object) -> None:
    """Empty, endless, non-text and broken names are refused before anything is written."""
    with pytest.raises(RefError, match="name"):
        notabene.init("p", name=name, store=store)  # type: ignore[arg-type]
    assert notabene.current_run() is None


def test_unknown_words_are_refused(store: str) -> None:
    """Arguments that are not among the allowed words raise, naming what is allowed."""
    with pytest.raises(UsageError, match="never"):
        notabene.init("p", resume="perhaps", store=store)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="online"):
        notabene.init("p", mode="sometimes", store=store)  # type: ignore[arg-type]
    with pytest.raises(RefError, match="run id"):
        notabene.init("p", id="../../etc/passwd", store=store)
    with pytest.raises(TypeError):
        notabene.init("p", colour="red", store=store)  # type: ignore[call-arg]


def test_a_store_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A file, a foreign folder and a newer store are refused with a sentence each."""
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        notabene.init("p", store=file)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        notabene.init("p", store=foreign)
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "format").write_text('{"format": 99, "id": "x"}')
    with pytest.raises(FormatError, match="99"):
        notabene.init("p", store=newer)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder without write rights is refused with a sentence that says what to do."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(UsageError, match="NOTABENE_STORE"):
        notabene.init("p", store=closed / "store")


def test_an_id_is_given_once(store: str) -> None:
    """Two writers with one id: the second is refused, whether the first is alive or not."""
    run = notabene.init("p", id="mine", store=store, capture=False)
    with pytest.raises(ConflictError, match="mine"):
        notabene.init("p", id="mine", store=store, capture=False)
    run.finish()
    with pytest.raises(ConflictError, match="resume"):
        notabene.init("p", id="mine", store=store, capture=False)


def test_resume_must_find_something(store: str) -> None:
    """Resuming what is not there is refused; allow begins it."""
    with pytest.raises(NotFoundError, match="ghost"):
        notabene.init("p", id="ghost", resume="must", store=store, capture=False)
    with notabene.init("p", id="ghost", resume="allow", store=store, capture=False) as run:
        run.log({"x": 1})
    with notabene.Api(store) as api:
        assert api.run("ghost").metrics["x"].n == 1


def test_resume_replaces_from_its_first_step_on_per_key(store: str) -> None:
    """Points at or above the first resumed step of a key are hidden; other keys stay whole."""
    with notabene.init("p", id="r", config={"lr": 1}, store=store, capture=False) as run:
        for step in range(10):
            run.log({"loss": 100.0 + step, "other": step}, step=step)
    with notabene.init("p", id="r", resume="must", store=store, capture=False) as run:
        assert run.config.lr == 1
        for step in range(5, 8):
            run.log({"loss": 200.0 + step}, step=step)
    with notabene.Api(store) as api:
        loss = api.history("r", "loss")
        assert loss.steps.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
        assert loss.values.tolist() == [100, 101, 102, 103, 104, 205, 206, 207]
        assert api.history("r", "other").steps.tolist() == list(range(10))
        view = api.run("r")
        assert view.metrics["loss"].last == 207
        assert view.metrics["loss"].max == 207
        assert view.metrics["loss"].n == 8
        assert view.status == "finished"


def test_a_resumed_run_may_be_named_anew(store: str) -> None:
    """What init() says for the first time holds; what it said before yields to people."""

    def go_on(**given: str) -> notabene.Run:
        run = notabene.init("p", id="r", resume="allow", store=store, capture=False, **given)
        run.finish()
        return run

    go_on(name="first")
    assert go_on(name="second", group="g").name == "second"
    with notabene.Api(store) as api:
        assert (api.run("r").name, api.run("r").group) == ("second", "g")
        api.rename("r", name="theirs")
    for name in ("first", "second"):
        go_on(name=name)
    with notabene.Api(store) as api:
        assert (api.run("r").name, api.run("r").group) == ("theirs", "g")


def test_resumed_runs_count_on(store: str) -> None:
    """log() without a step goes on behind the last step of the run so far."""
    with notabene.init("p", id="r", store=store, capture=False) as run:
        run.log({"x": 1.0}, step=41)
    with notabene.init("p", id="r", resume="allow", store=store, capture=False) as run:
        run.log({"x": 2.0})
    with notabene.Api(store) as api:
        assert api.history("r", "x").steps.tolist() == [41, 42]


def test_a_second_init_nests(store: str) -> None:
    """In a script a second init is a child run, and afterwards the first is current again."""
    outer = notabene.init("p", name="outer", store=store, capture=False)
    inner = notabene.init("p", name="inner", store=store, capture=False)
    notabene.log({"x": 1})
    inner.finish()
    assert notabene.current_run() is outer
    notabene.log({"y": 1})
    outer.finish()
    assert notabene.current_run() is None
    with notabene.Api(store) as api:
        assert api.run(inner.id).parent == outer.id
        assert api.keys(inner.id) == ["x"]
        assert api.keys(outer.id) == ["y"]


def test_a_run_in_another_store_has_no_parent_here(store: str, tmp_path: Path) -> None:
    """A run nests below one of its own store alone; nobody finds a parent elsewhere."""
    with notabene.init("p", store=store, capture=False):
        other = notabene.init("p", store=tmp_path / "other", capture=False)
        other.finish()
    with notabene.Api(tmp_path / "other") as api:
        assert api.run(other.id).parent == ""


def test_closed_standard_files_do_no_harm(store: str) -> None:
    """What a library prints to a closed standard output does not go into the journal."""
    code = """
        import os, notabene
        for number in (0, 1, 2):
            os.close(number)
        run = notabene.init("p", id="daemon")
        for step in range(3):
            run.log({"x": step})
            os.write(1, b"printed in C")
            os.write(2, b"a warning of a driver")
            run.flush()
        run.finish()
    """
    assert run_code(code, store).returncode == 0
    with notabene.Api(store) as api:
        view = api.run("daemon")
        assert (view.status, view.metrics["x"].n, view.health) == ("finished", 3, ())


def test_a_program_started_by_a_run_is_its_child(store: str) -> None:
    """A subprocess that calls init itself records a run under the one that started it."""
    with notabene.init("p", store=store, capture=False) as run:
        done = run_code(
            "import notabene\nwith notabene.init('p', name='child'): notabene.log({'x': 1})", store
        )
        assert done.returncode == 0, done.stderr
    with notabene.Api(store) as api:
        (child,) = api.runs("name = 'child'")
        assert child.parent == run.id


def test_an_exception_makes_the_run_failed(store: str) -> None:
    """Status, reason, traceback and last lines of a failing run are kept."""
    done = run_code(
        """
        import notabene
        run = notabene.init("p", name="bad")
        print("the last words")
        run.log({"x": 1})
        raise ValueError("bad learning rate")
        """,
        store,
    )
    assert done.returncode == 1
    assert "ValueError: bad learning rate" in done.stderr
    with notabene.Api(store) as api:
        view = api.run("bad")
        assert view.status == "failed"
        assert view.reason == "ValueError: bad learning rate"
        assert "raise ValueError" in view.traceback or "ValueError" in view.traceback
        assert "the last words" in view.last_lines
        assert view.exit_code == 1


def test_exit_codes_stay_and_decide(store: str) -> None:
    """sys.exit(3) stays 3 and fails the run; sys.exit(0) finishes it."""
    for code, status in ((3, "failed"), (0, "finished")):
        done = run_code(
            f"import sys, notabene\nnotabene.init('p', name='e{code}', capture=False)\n"
            f"notabene.log({{'x': 1}})\nsys.exit({code})",
            store,
        )
        assert done.returncode == code
        with notabene.Api(store) as api:
            view = api.run(f"e{code}")
            assert (view.status, view.metrics["x"].n) == (status, 1)


def test_the_context_manager_fails_and_passes_the_exception_on(store: str) -> None:
    """Leaving ``with`` by an exception makes the run failed and re-raises."""
    with (
        pytest.raises(KeyError),
        notabene.init("p", name="with", store=store, capture=False) as run,
    ):
        run.log({"x": 1})
        raise KeyError("gone")
    with notabene.Api(store) as api:
        assert api.run("with").status == "failed"


def test_a_killed_process_is_found_killed_and_whole(store: str) -> None:
    """After SIGKILL the next reader brings the ring home and says killed."""
    code = """
        import os, signal, notabene
        run = notabene.init("p", name="victim", capture=False)
        for step in range(5000):
            run.log({"x": step}, step=step)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run_code(code, store).returncode == -signal.SIGKILL
    with notabene.Api(store) as api:
        view = api.run("victim")
        assert view.status == "killed"
        assert api.history(view.id, "x").values.tolist() == list(range(5000))


def test_the_notebook_side_of_a_run_is_kept(store: str) -> None:
    """Hypothesis, conclusion, notes, tags, alerts and metric definitions come back."""
    with notabene.init(
        "p", hypothesis="h", tags=["fast", "team=vision"], notes="n", store=store, capture=False
    ) as run:
        run.define_metric("acc", goal="max", summary="best", unit="%")
        run.log({"acc": 0.9})
        run.log({"acc": 0.7})
        run.set_tag("stage", 2)
        run.remove_tag("fast")
        run.alert("look", "here", level="error")
        run.conclude("it works", verdict="supported")
        run.rename("better")
    with notabene.Api(store) as api:
        view = api.run(run.id)
        assert view.name == "better"
        assert view.hypothesis == "h"
        assert view.conclusion is not None
        assert (view.conclusion.text, view.conclusion.verdict) == ("it works", "supported")
        assert view.tags == {"team": "vision", "stage": "2"}
        assert [n.text for n in view.notes] == ["n"]
        assert [(a.title, a.level) for a in view.alerts] == [("look", "error")]
        assert view.summary["acc"] == 0.9
        assert view.metrics["acc"].unit == "%"
    with pytest.raises(UsageError, match="supported"):
        run.conclude("x", verdict="yes")  # type: ignore[arg-type]


def test_settings_come_from_the_environment(store: str) -> None:
    """The named variables set project, name, group and tags; an id in one continues its run."""
    env = {
        "NOTABENE_PROJECT": "from-env",
        "NOTABENE_NAME": "named",
        "NOTABENE_GROUP": "g",
        "NOTABENE_TAGS": "a,b=c",
        "NOTABENE_RUN_ID": "fixed-id",
    }
    code = "import notabene\nwith notabene.init(capture=False): notabene.log({'x': 1})"
    for _ in range(2):
        done = run_code(code, store, **env)
        assert done.returncode == 0, done.stderr
    with notabene.Api(store) as api:
        (view,) = api.runs()
        assert (view.id, view.project, view.name) == ("fixed-id", "from-env", "named")
        assert view.group == "g"
        assert view.tags == {"a": "", "b": "c"}
        assert api.history("fixed-id", "x").steps.tolist() == [0, 1]


def test_an_id_from_the_environment_is_that_of_one_run(store: str) -> None:
    """Later runs of a restarted program have ids of their own, and so have its children."""
    code = """
        import subprocess, sys, notabene
        child = "import notabene; notabene.init('p', name='child').log({'x': -1})"
        for number in (1, 2):
            with notabene.init("p", capture=False) as run:
                run.log_metric("x", number)
                subprocess.run([sys.executable, "-c", child], check=True)
    """
    for _ in range(2):
        assert run_code(code, store, NOTABENE_RUN_ID="mine").returncode == 0
    with notabene.Api(store) as api:
        assert api.history("mine", "x").values.tolist() == [1, 1]
        assert api.history("mine-2", "x").values.tolist() == [2, 2]
        children = [run.parent for run in api.runs("name = 'child'", order_by="created")]
        assert children == ["mine", "mine-2"] * 2


def test_a_run_has_a_number_in_its_project(store: str) -> None:
    """Given once at the beginning; a resumed run keeps it, a moved one as well."""
    for name, project in (("a", "p"), ("b", "p"), ("c", "q")):
        notabene.init(project, name=name, id=name, store=store, capture=False).finish()
    notabene.init("p", id="a", resume="must", store=store, capture=False).finish()
    with notabene.Api(store) as api:
        api.rename("b", project="q")
        numbers = {view.id: view.info.number for view in api.runs(archived=True)}
        assert numbers == {"a": 1, "b": 2, "c": 1}
        assert [view.id for view in api.runs("number = 2")] == ["b"]
        assert api.run("b").to_dict()["number"] == 2
        api.rebuild()
        assert {view.id: view.info.number for view in api.runs()} == numbers


def test_a_store_without_room_for_numbers(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins all the same."""
    monkeypatch.setattr("notabene.journal.numbers._taken", _no_room)
    notabene.init("p", id="a", store=store, capture=False).finish()
    with notabene.Api(store) as api:
        assert api.run("a").info.number == 0


def _no_room(place: Path) -> list[int]:
    raise OSError(28, "No space left on device", str(place))


@pytest.mark.parametrize(("sync", "asked"), [("auto", True), ("never", False)])
def test_the_disk_is_asked_to_confirm_or_is_not(
    store: str, monkeypatch: pytest.MonkeyPatch, sync: str, asked: bool
) -> None:
    """``NOTABENE_SYNC=never`` leaves the journal to the system, at the end of the run as well."""
    monkeypatch.setenv("NOTABENE_SYNC", sync)
    calls: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (calls.append(fd), real(fd)))
    with notabene.init("p", store=store, capture=False) as run:
        run.log({"loss": 1.0})
    assert bool(calls) == asked
