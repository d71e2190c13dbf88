"""Was this done before? Asked of the small files of a script's earlier runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from notabene.model.evidence import Option, Parameters
from notabene.proof.fingerprint import ABSENT, Tables, value_of
from notabene.proof.repeats import Manifest, Now, Repeats, all_of, ask
from tests.unit.proof.making import digest, evidence_of, manifest_of, tables_of

A, B = "a" * 64, "b" * 64
ENVIRONMENT = {"python": "3.11", "packages": {"numpy": "2.1"}}


def of(text="LR = 1\n", **changes):
    """Tables of a run, and what is changed of them."""
    found = tables_of(evidence_of(text))
    found.arguments, found.seeds, found.data = {"lr": "0.1"}, {"seed": "1"}, {"a.csv": A}
    found.environment = dict(ENVIRONMENT)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def now_of(tables: Tables, **variables: str) -> Now:
    """The same, as a run that is about to begin."""

    def code_of(path, entry):
        found = tables.code.get(path)
        return found and {**found, "constants": tables.constants.get(path, {})}

    return Now(
        arguments={k: v for k, v in tables.arguments.items() if not k.startswith("$")},
        seeds=tables.seeds,
        environment=tables.environment,
        code_of=code_of,
        data_of=lambda key, then: tables.data.get(key, ""),
        variable=lambda name: value_of(name, variables),
    )


@pytest.fixture
def repeats(tmp_path) -> Repeats:
    """A store with one run of a script."""
    found = Repeats(tmp_path, "train.py")
    found.keep(manifest_of("run1", arguments={"lr": "0.1"}, seeds={"seed": "1"}), of())
    return found


def answer_to(repeats, tables, *, alive=lambda run: True, without="", **variables):
    """What is said of a run that is about to begin."""
    return ask(repeats, now_of(tables, **variables), alive=alive, without=without)


def change(kind):
    """A run that differs from the first in one way."""
    return {
        "nothing": of(),
        "comment": of("# a comment\nLR = 1\n"),
        "seed": of(seeds={"seed": "2"}),
        "argument": of(arguments={"lr": "0.2"}),
        "constant": of("LR = 2\n"),
        "code": of("LR = 1\nf()\n"),
        "data": of(data={"a.csv": B}),
        "gone": of(data={}),
        "environment": of(environment={**ENVIRONMENT, "python": "3.12"}),
        "both": of(seeds={"seed": "2"}, data={"a.csv": B}),
        "much": of("x()\n", arguments={"lr": "2", "a": "3", "b": "4"}, data={"a.csv": B}),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "verdict", "differs"),
    [
        ("nothing", "duplicate", []),
        ("comment", "duplicate", []),
        ("seed", "seed", ["seed"]),
        ("argument", "near", ["argument"]),
        ("constant", "near", ["constant"]),
        ("code", "near", ["code"]),
        ("data", "near", ["data"]),
        ("gone", "near", ["data"]),
        ("environment", "environment", ["environment"]),
        ("both", "near", ["seed", "data"]),
        ("much", "new", []),
    ],
)
def test_verdicts(repeats, kind, verdict, differs):
    """Each kind of difference has its verdict, and is named."""
    answer = answer_to(repeats, change(kind))
    assert answer.verdict == verdict
    assert [one.kind for one in answer.differs] == differs
    assert (answer.run is None) == (verdict == "new")


def test_nothing_was_run_before(tmp_path):
    """An empty store, and another script's runs, know nothing."""
    assert answer_to(Repeats(tmp_path, "train.py"), of()).verdict == "new"
    Repeats(tmp_path, "other.py").keep(manifest_of(), of())
    assert answer_to(Repeats(tmp_path, "train.py"), of()).verdict == "new"


def test_results_that_are_not_fixed(repeats):
    """Where chance had a say, the same inputs are never called a repeat."""
    repeats.keep(
        manifest_of("run1", fixed=False, arguments={"lr": "0.1"}, seeds={"seed": "1"}), of()
    )
    assert answer_to(repeats, of()).verdict == "not-fixed"


@pytest.mark.parametrize("status", ["failed", "killed", "stopped", "lost"])
def test_runs_that_did_not_finish(repeats, status):
    """Only what came to its end counts."""
    repeats.keep(
        manifest_of("run1", status=status, arguments={"lr": "0.1"}, seeds={"seed": "1"}), of()
    )
    assert answer_to(repeats, of()).verdict == "new"


def test_the_run_itself_does_not_count(repeats):
    """A run is not its own repeat."""
    assert answer_to(repeats, of(), without="run1").verdict == "new"


def test_the_closest_run_is_named(repeats):
    """A duplicate before a seed before a near one, whenever they were; the newest of equals."""
    for number, kind in enumerate(["argument", "seed", "nothing", "both"], 2):
        tables = change(kind)
        repeats.keep(
            manifest_of(f"run{number}", started=number, arguments=tables.arguments,
                        seeds=tables.seeds), tables,
        )  # fmt: skip
    first = answer_to(repeats, of())
    assert (first.verdict, first.run.run) == ("duplicate", "run1")
    other = answer_to(repeats, of(seeds={"seed": "9"}))
    assert (other.verdict, other.run.run) == ("seed", "run1")
    assert {one.run for one in other.replicates} == {"run1", "run3", "run4"}


def test_a_run_that_goes_on(repeats):
    """The same arguments are running now; a run that died without a word does not count."""
    repeats.keep(manifest_of("run2", status="running", started=5, arguments={"lr": "0.5"},
                             seeds={"seed": "1"}))  # fmt: skip
    tables = of(arguments={"lr": "0.5"})
    answer = answer_to(repeats, tables)
    assert (answer.verdict, answer.running, answer.run.run) == ("duplicate", True, "run2")
    dead = answer_to(repeats, tables, alive=lambda run: False)
    assert (dead.verdict, dead.running, dead.run.run) == ("near", False, "run1")


def test_a_finished_run_is_named_before_a_running_one(repeats):
    """Where both are the same, the one with results is of use."""
    repeats.keep(manifest_of("run2", status="running", started=5, arguments={"lr": "0.1"},
                             seeds={"seed": "1"}))  # fmt: skip
    assert answer_to(repeats, of()).run.run == "run1"


def test_defaults_are_arguments(tmp_path):
    """A run that names the default of another is the same run; one that leaves another is not."""
    repeats = Repeats(tmp_path, "train.py")
    option = Option(source="argparse", name="lr", value=0.1, default=0.1)
    repeats.keep(manifest_of(), tables_of(evidence_of(parameters=Parameters(options=[option]))))
    base = tables_of(evidence_of())
    for given, verdict in [
        ({}, "duplicate"),
        ({"lr": "0.1"}, "duplicate"),
        ({"lr": "1"}, "near"),
    ]:
        base.arguments = given
        assert answer_to(repeats, base).verdict == verdict


def test_variables_are_asked_for(tmp_path):
    """A variable that an earlier run asked for is compared, set or not; paths by existence."""
    repeats = Repeats(tmp_path, "train.py")
    then = of(arguments={"$SCALE": "2", "$DATA": "<path>"})
    repeats.keep(manifest_of(arguments=then.arguments, seeds=then.seeds), then)
    here = {"DATA": str(tmp_path)}
    assert answer_to(repeats, of(arguments={}), SCALE="2", **here).verdict == "duplicate"
    assert answer_to(repeats, of(arguments={}), SCALE="3", **here).verdict == "near"
    (one,) = answer_to(repeats, of(arguments={}), **here).differs
    assert (one.item, one.a, one.b) == ("$SCALE", "2", "")
    assert answer_to(repeats, of(arguments={}), SCALE="2", DATA="/gone").verdict == "near"


def test_a_file_that_was_absent(tmp_path):
    """A file that was looked for in vain and is there now makes another run."""
    repeats = Repeats(tmp_path, "train.py")
    then = of(data={"last.ckpt": ABSENT})
    repeats.keep(manifest_of(arguments=then.arguments, seeds=then.seeds), then)
    assert answer_to(repeats, then).verdict == "duplicate"
    (one,) = answer_to(repeats, of(data={"last.ckpt": A})).differs
    assert (one.kind, one.a, one.b) == ("data", ABSENT, A)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"run": 5}', b'{"name": "x"}'])
def test_damaged_files_are_passed_over(repeats, damage):
    """A file of a run that cannot be read is as if it were not there."""
    (repeats.folder / "run0").write_bytes(damage)
    (repeats.folder / "folder").mkdir()
    assert [one.run for one in repeats.all()] == ["run1"]
    assert answer_to(repeats, of()).verdict == "duplicate"


@pytest.mark.parametrize("table", ["code", "data", "constants", "environment"])
@pytest.mark.parametrize("damage", [None, b"{", b"5"])
def test_what_cannot_be_read_is_not_the_same(repeats, table, damage):
    """A run whose tables are gone or damaged is never called a repeat of anything."""
    (manifest,) = repeats.all()
    path = repeats.folder / "tables" / manifest.tables[table]
    path.unlink() if damage is None else path.write_bytes(damage)
    assert answer_to(repeats, of()).verdict == "new"
    assert isinstance(repeats.tables_of(manifest), Tables)


def test_drafts_are_no_runs(repeats):
    """What a process that died left half written is not looked at."""
    (repeats.folder / "run2.77.draft").write_bytes(msgspec.json.encode(manifest_of("run2")))
    assert [one.run for one in repeats.all()] == ["run1"]


def test_files_survive(repeats):
    """A manifest and its tables come back as they were written."""
    (manifest,) = repeats.all()
    assert manifest.arguments == {"lr": "0.1"}
    found = repeats.tables_of(manifest)
    wanted = of()
    for name in ("code", "constants", "data", "environment", "defaults", "arguments", "seeds"):
        assert getattr(found, name) == getattr(wanted, name)


def test_tables_are_kept_once(repeats):
    """A hundred runs with the same inputs share their tables."""
    before = len(list((repeats.folder / "tables").iterdir()))
    for number in range(100):
        repeats.keep(manifest_of(f"more{number}"), of())
    assert len(list((repeats.folder / "tables").iterdir())) == before


def test_keeping_again_replaces(repeats):
    """The file that says running is replaced when the run has ended."""
    repeats.keep(manifest_of("run2", status="running", started=9))
    repeats.keep(manifest_of("run2", started=9), of())
    assert [(one.run, one.status) for one in repeats.all()] == [
        ("run2", "finished"),
        ("run1", "finished"),
    ]


def test_a_thousand_runs_are_answered(tmp_path):
    """Among a thousand earlier runs the one that is the same is found, each file asked for once."""
    repeats = Repeats(tmp_path, "train.py")
    data = {f"part{n}.csv": digest(str(n)) for n in range(100)}
    for number in range(1000):
        tables = of(arguments={"lr": str(number)}, data=data)
        manifest = manifest_of(f"run{number}", arguments=tables.arguments, started=number)
        manifest.seeds = tables.seeds
        repeats.keep(manifest, tables)
    asked: list[str] = []
    now = now_of(of(arguments={"lr": "711"}, data=data))
    look = now.data_of
    now.data_of = lambda key, then: asked.append(key) or look(key, then)
    answer = ask(repeats, now, alive=lambda run: True)
    assert (answer.verdict, answer.run.run) == ("duplicate", "run711")
    assert sorted(asked) == sorted(data)


def test_all_scripts_of_a_store(repeats, tmp_path):
    """Every script's runs are listed under its key; a store without any gives nothing."""
    Repeats(tmp_path, "other.py").keep(manifest_of("run2"), of())
    (tmp_path / "repeats/file").write_text("")
    found = dict(all_of(tmp_path))
    assert sorted(one.run for many in found.values() for one in many) == ["run1", "run2"]
    assert set(found) == {repeats.folder.name, Repeats(tmp_path, "other.py").folder.name}
    assert list(all_of(Path(tmp_path, "nothing"))) == []


def test_the_machine_form():
    """A manifest leaves out what is as usual, and is read back the same."""
    manifest = manifest_of(gaps=["env-read a.py:1"], results={"acc": 0.5})
    text = msgspec.json.encode(manifest)
    assert b"fixed" not in text
    assert msgspec.json.decode(text, type=Manifest) == manifest
