"""Findings that only a comparison with an earlier run can make."""

from __future__ import annotations

import pytest

from notabene.model.evidence import (
    FileMissing,
    FileRead,
    FileWritten,
    Listing,
    Option,
    Outside,
    Parameters,
    Program,
    Source,
    Variable,
)
from notabene.proof.findings import Finding
from notabene.proof.since import nearest, since, tells_time, unexplained
from tests.unit.proof.making import data_of, evidence_of, manifest_of, options_of, tables_of

A, B = "a" * 64, "b" * 64
BEFORE = manifest_of("before")


def found(then, mine):
    """All that is found, of two runs."""
    return list(since(mine, tables_of(mine), BEFORE, tables_of(then)))


def told(then, mine):
    """Class, what, and place."""
    return [(one.kind, one.what, one.where) for one in found(then, mine)]


def reading(*files, **parts):
    """A run that read some files."""
    return evidence_of(data=data_of(*files, **parts.pop("data", {})), **parts)


def test_equal_runs_have_nothing_to_tell():
    """The same inputs give no finding."""
    one = FileRead(path="a.csv", digest=A, where="train.py:2")
    assert told(reading(one, text="LR = 1\n"), reading(one, text="LR = 1\n")) == []


def test_every_finding_names_the_run_before():
    """What was compared with is said with each."""
    mine = reading(FileRead(path="a.csv", digest=B))
    (one,) = found(reading(FileRead(path="a.csv", digest=A)), mine)
    assert one.run == "before"


def test_constants():
    """A value that was edited and not logged is told at its line; a logged one is not."""
    then, text = evidence_of("LR = 0.125\n"), "\nLR = 0.25\n"
    assert told(then, evidence_of(text)) == [
        ("unlogged-parameter", "LR was 0.125, is 0.25, and was not logged", "train.py:2")
    ]
    assert told(then, evidence_of(text, logged={"lr": 0.25})) == []
    assert told(then, evidence_of("LR = 0.125\nf()\n")) == []


@pytest.mark.parametrize(
    ("text", "other", "kind", "name"),
    [
        ("def main():\n    lr = 1\n", "lr = 2", "unlogged-parameter", "main.lr was 1, is 2"),
        ("cfg.lr = 1\n", "cfg.lr = 2", "unlogged-parameter", "cfg.lr was 1, is 2"),
        ("import torch\ntorch.set_default_dtype(torch.float32)\n",
         "torch.set_default_dtype(torch.float64)", "precision", "torch.set_default_dtype was"),
        ("import torch\ntorch.set_num_threads(4)\n", "torch.set_num_threads(2)", "threads",
         "torch.set_num_threads was 4, is 2"),
    ],
)  # fmt: skip
def test_constants_of_all_kinds(text, other, kind, name):
    """What is local, an attribute, or given to a call; precision and threads are told as such."""
    lines = text.splitlines()
    lines[-1] = lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())] + other
    (one,) = told(evidence_of(text), evidence_of("\n".join(lines)))
    assert one[0] == kind
    assert one[1].startswith(name)
    assert one[2] == f"train.py:{len(lines)}"


def test_variables_that_everybody_has():
    """Who runs it, and where, is told only where it was another before."""
    then, mine = (
        evidence_of(parameters=Parameters(variables=[Variable(name="USER", value=v, where="t:1")]))
        for v in ("ann", "bob")
    )
    assert told(then, mine) == [("env-read", "$USER was ann, is bob", "t:1")]
    assert told(mine, mine) == []
    none = evidence_of(parameters=Parameters(variables=[Variable(name="USER", where="t:1")]))
    assert told(none, mine) == [("env-read", "$USER was not set, is bob", "t:1")]


def test_options_of_programs_that_log_nothing():
    """Under notabene run, an option that is another than before is a note."""
    text = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--wd')\n"
    option = Option(source="argparse", name="wd", value=0.3, where="train.py:9")
    parts = {"process": {"kind": "program"}}
    mine = Parameters(options=[option], arguments={"wd": "0.3"})
    (one,) = found(
        evidence_of(text, parameters=options_of(wd=0.1), **parts),
        evidence_of(text, parameters=mine, **parts),
    )
    assert (one.kind, one.severity, one.where) == ("unlogged-parameter", "note", "train.py:3")
    assert one.what.startswith("--wd was 0.1, is 0.3")
    assert found(evidence_of(text, parameters=mine), evidence_of(text, parameters=mine)) == []


def test_options_of_programs_that_could_log_them():
    """There the rules about one run alone tell what was not logged."""
    text = "import notabene\n"
    then = evidence_of(text, parameters=Parameters(arguments={"wd": "1"}))
    mine = evidence_of(text, parameters=Parameters(arguments={"wd": "2"}))
    assert found(then, mine) == []


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ([FileRead(path="a.csv", digest=A)], [FileRead(path="a.csv", digest=B)],
         "a.csv has another content than before"),
        ([], [FileRead(path="a.csv", digest=B)], "a.csv is read, and was not before"),
        ([FileRead(path="a.csv", digest=B)], [], "a.csv was read before, and is not now"),
    ],
)  # fmt: skip
def test_data(before, now, what):
    """Content that changed, came or went."""
    assert [(k, w) for k, w, _ in told(reading(*before), reading(*now))] == [("data-content", what)]


def test_data_is_told_at_the_line_that_opened_it():
    """The place is where this run opened the file."""
    then = reading(FileRead(path="a.csv", digest=A, where="train.py:2"))
    mine = reading(FileRead(path="a.csv", digest=B, where="train.py:7"))
    assert [where for _, _, where in told(then, mine)] == ["train.py:7"]


def test_data_that_lies_elsewhere():
    """The same content under another path is the same data."""
    then, mine = (reading(FileRead(path=path, digest=A)) for path in ("/a/x.csv", "/b/x.csv"))
    assert told(then, mine) == []


def test_files_that_are_looked_for():
    """Looked for in vain as before: nothing; there now: read; gone now: told by another rule."""
    gone = {"missing": [FileMissing(path="last.ckpt")]}
    there = FileRead(path="last.ckpt", digest=A)
    assert told(reading(data=gone), reading(data=gone)) == []
    assert told(reading(), reading(data=gone)) == []
    assert told(reading(there), reading(data=gone)) == []
    assert [what for _, what, _ in told(reading(data=gone), reading(there))] == [
        "last.ckpt is read, and was not before"
    ]


def test_folders_with_other_files():
    """A listing that differs is told as one."""
    then, mine = (
        reading(data={"listed": [Listing(path="data", digest=digest)]}) for digest in (A, B)
    )
    assert [(kind, what) for kind, what, _ in told(then, mine)] == [
        ("data-content", "data holds other files than before")
    ]


@pytest.mark.parametrize("new", [True, False])
def test_inputs_that_the_run_before_made(new):
    """A file with the content the run before wrote was made by it, new or written over."""
    wrote = {"written": [FileWritten(path="cache.npy", digest=B)]}
    read = [] if new else [FileRead(path="cache.npy", digest=A)]
    mine = reading(FileRead(path="cache.npy", digest=B, where="train.py:4"))
    kinds = [(kind, where) for kind, _, where in told(reading(*read, data=wrote), mine)]
    assert ("input-made-by-other-run", "train.py:4") in kinds
    other = reading(FileRead(path="cache.npy", digest="c" * 64))
    kinds = {kind for kind, _, _ in told(reading(*read, data=wrote), other)}
    assert kinds == {"data-content"}


def test_another_working_folder():
    """Relative paths that mean other files from another folder are told."""
    then = reading(FileRead(path="a.csv", digest=A, given="relative"))
    mine = reading(FileRead(path="sub/a.csv", digest=B, given="relative", where="train.py:2"))
    mine.record.data.folder += "/sub"
    assert [(k, w) for k, _, w in told(then, mine)] == [
        ("data-content", "train.py:2"),
        ("working-folder", "train.py:2"),
    ]
    same = reading(FileRead(path="sub/a.csv", digest=A, given="relative"))
    same.record.data.folder += "/sub"
    assert told(then, same) == []


def environment_of(text="", **environment):
    """A run in an environment."""
    return evidence_of(text, environment=environment)


@pytest.mark.parametrize(
    ("a", "b", "kind", "text", "where"),
    [
        ({"packages": {"numpy": "1.0"}}, {"packages": {"numpy": "2.0"}}, "package-version",
         "x = 1\nimport numpy as np\n", "train.py:2"),
        ({"packages": {"scikit-learn": "1"}}, {"packages": {}}, "package-version",
         "from sklearn import svm\n", "train.py:1"),
        ({"python": {"version": "3.11.1"}}, {"python": {"version": "3.12.0"}}, "package-version",
         "", ""),
        ({"variables": {"OMP_NUM_THREADS": "1"}}, {"variables": {"OMP_NUM_THREADS": "8"}},
         "threads", "", ""),
        ({"threads": {"openblas": 1}}, {"threads": {"openblas": 8}}, "threads", "", ""),
        ({"variables": {"LANG": "C"}}, {"variables": {"LANG": "de_CH"}}, "locale", "", ""),
        ({"locale": {"LC_TIME": "C"}}, {"locale": {"LC_TIME": "de"}}, "locale", "", ""),
        ({"time_zone": "UTC"}, {"time_zone": {"name": "CET"}}, "timezone",
         "import datetime\nh = datetime.datetime.now().hour\n", "train.py:2"),
        ({"variables": {"NVIDIA_TF32_OVERRIDE": "0"}}, {"variables": {}}, "precision", "", ""),
        ({"variables": {}}, {"variables": {"PYTHONOPTIMIZE": "1"}}, "env-read", "", ""),
    ],
)  # fmt: skip
def test_surroundings(a, b, kind, text, where):
    """Each kind of surroundings that differs is a risk, at the line that hangs on it."""
    (one,) = found(environment_of(text, **a), environment_of(text, **b))
    assert (one.kind, one.severity, one.where) == (kind, "risk", where)
    assert found(environment_of(text, **a), environment_of(text, **a)) == []


def test_many_packages_are_one_finding():
    """Three are named, the rest counted."""
    then = environment_of(packages={f"p{n}": "1" for n in range(9)})
    (one,) = found(then, environment_of(packages={f"p{n}": "2" for n in range(9)}))
    assert one.what == "packages differ: p0 1 → 2, p1 1 → 2, p2 1 → 2 and 6 more"


def test_submodules():
    """A submodule at another commit is told at the first source inside it."""

    def at(commit):
        code = {"git": {"submodules": [{"path": "lib", "commit": commit}]}}
        evidence = evidence_of(code=code)
        evidence.record.sources.files.append(Source(path="lib/m.py", digest=A))
        return evidence

    (one,) = found(at("c1"), at("c2"))
    assert (one.kind, one.where) == ("submodule-moved", "lib/m.py:1")
    assert found(at("c1"), at("c1")) == []


def test_programs_of_another_version():
    """A tool with other content is told where it was started."""

    def calling(digest):
        program = Program(words=["./tool"], path="/p/tool", where="train.py:3", digest=digest)
        return evidence_of(outside=Outside(programs=[program]))

    kinds = [(k, w) for k, _, w in told(calling(A), calling(B)) if k == "subprocess"]
    assert kinds == [("subprocess", "train.py:3")]
    assert told(calling(A), calling(A)) == []
    assert "subprocess" not in {k for k, _, _ in told(evidence_of(), calling(B))}


def differing(a, b, *, then="", mine="", others=(), text="x = 1\n"):
    """What is said of the results of two runs."""
    one, other = evidence_of(then or text), evidence_of(mine or text)
    pairs = (tables_of(other), b), (tables_of(one), a)
    return list(unexplained(other, others, *pairs))


def test_equal_inputs_with_other_results():
    """Numbers that differ though nothing else does are told with their relative difference."""
    (one,) = differing({"loss": 0.5, "acc": 1.0}, {"loss": 0.5 + 1e-9, "acc": 1.0})
    assert (one.kind, one.severity) == ("numeric-nondeterminism", "gap")
    assert one.what == f"equal inputs gave loss 0.5 and {0.5 + 1e-9!r} (relative 2e-09)"


def test_results_that_need_no_explanation():
    """The same numbers, times and speeds, what only one has, and what is no number."""
    assert differing({"loss": 0.5}, {"loss": 0.5}) == []
    assert differing({"train_seconds": 5, "it_per_s": 3}, {"train_seconds": 6, "it_per_s": 4}) == []
    assert differing({"loss": 0.5}, {"acc": 0.5}) == []
    assert differing({"loss": float("nan"), "n": "a"}, {"loss": 0.5, "n": "b"}) == []


def test_results_that_something_explains():
    """Other inputs, or a finding that leaves the result open, account for them."""
    assert differing({"loss": 1}, {"loss": 2}, then="LR = 1\n", mine="LR = 2\n") == []
    chance = [Finding(kind="unseeded-randomness", what="x")]
    assert differing({"loss": 1}, {"loss": 2}, others=chance) == []
    other = [Finding(kind="env-read", what="x")]
    assert len(differing({"loss": 1}, {"loss": 2}, others=other)) == 1


def test_thread_pools_are_the_likely_place():
    """The line that hangs on threads is named, where there is one."""
    text = (
        "from concurrent.futures import ThreadPoolExecutor, as_completed\ntotal = 0.0\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    for done in as_completed([pool.submit(f, x) for x in xs]):\n"
        "        total += done.result()\n"
    )
    (one,) = differing({"loss": 1.0}, {"loss": 1.0000001}, text=text)
    assert one.where.startswith("train.py:")


def test_the_run_to_compare_with():
    """The last that ended well before; else the last whose inputs are known; never itself."""
    known = {"tables": {"code": "c"}}
    runs = [
        manifest_of("good", started=1, **known),
        manifest_of("failed", started=2, status="failed", **known),
        manifest_of("mine", started=3, **known),
        manifest_of("later", started=4, **known),
    ]
    assert nearest(runs, runs[2]).run == "good"
    assert nearest(runs[1:], runs[2]).run == "failed"
    assert nearest(runs[2:], runs[2]) is None


def test_runs_whose_inputs_are_not_known():
    """A run that goes on, or died without a word, is nothing to compare with."""
    runs = [manifest_of("dead", started=1, status="running"), manifest_of("mine", started=2)]
    assert nearest(runs, runs[1]) is None


@pytest.mark.parametrize(
    ("metric", "yes"),
    [
        ("sec", True), ("train_time", True), ("epochTime", True), ("samples_per_second", True),
        ("it/s per_s", True), ("walltime", True), ("perf/latency_ms", True), ("gpu_mem", True),
        ("beta", False), ("theta", False), ("meta_loss", False), ("loss", False), ("dates", False),
        ("times_seen", True), ("sector", False), ("memorised", False),
    ],
)  # fmt: skip
def test_metrics_that_tell_the_time(metric, yes):
    """By their words, not by letters in them."""
    assert tells_time(metric) == yes
