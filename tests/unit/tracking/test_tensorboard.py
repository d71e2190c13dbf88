"""The TensorBoard tap: what is written for TensorBoard arrives in the run, once."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import notabene
from notabene.api import Api
from notabene.errors import UsageError
from notabene.tracking import summaries, tensorboard
from notabene.tracking.tensorboard import Keys, Tap
from tests.unit.tfevents.conftest import event, framed, simple, version


class Event:
    """What a writer is given: knows its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def SerializeToString(self) -> bytes:
        """As protocol buffers name it."""
        return self.data


@pytest.fixture
def writer(monkeypatch, tmp_path):
    """A library with an EventFileWriter that we know, and a writer of it."""
    module = types.ModuleType("tensorboardX.event_file_writer")

    class EventFileWriter:
        """Writes to a file, as the real ones."""

        def __init__(self, folder: Path) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = folder
            self._file_name = str(folder / "events.out.tfevents.1")
            self.fails = False

        def get_logdir(self) -> str:
            """Its folder."""
            return str(self._folder)

        def add_event(self, found: Event) -> str:
            """Append an event; what it returns is the program's."""
            if self.fails:
                raise RuntimeError("of the program's own")
            with open(self._file_name, "ab") as file:
                file.write(framed(found.data))
            return "done"

    module.EventFileWriter = EventFileWriter
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(summaries, "_wrapped", set())
    monkeypatch.setattr(summaries, "_WRITERS", {module.__name__: summaries._event_writer})
    return EventFileWriter


def scalar(tag: str, step: int, value: float) -> Event:
    """An event of one scalar, at a time of its own."""
    return Event(event(1_700_000_000.0 + step, step, simple(tag, value)))


def begin(store, **options):
    """A run with a tap."""
    return notabene.init("p", store=store, capture=False, tensorboard=True, **options)


def test_what_a_writer_gets_arrives(writer, tmp_path):
    """Steps, times and values are those of the events; the program's call is what it was."""
    with begin(tmp_path / "store") as run:
        made = writer(tmp_path / "logs")
        assert made.add_event(scalar("loss", 1, 0.5)) == "done"
        made.add_event(scalar("loss", 2, 0.25))
        notabene.log({"own": 1.0})
    with Api(tmp_path / "store") as api:
        series = api.history(run.id, "loss")
        assert series.steps.tolist() == [1, 2]
        assert series.values.tolist() == [0.5, 0.25]
        assert series.times.tolist() == [1_700_000_001_000_000, 1_700_000_002_000_000]
        assert api.run(run.id).status == "finished"
        assert sorted(api.run(run.id).metrics) == ["loss", "own"]


def test_nothing_twice(writer, tmp_path):
    """Not what is heard and lies in a file as well; not what the program logs itself."""
    with begin(tmp_path / "store") as run:
        made = writer(tmp_path / "logs")
        for step in range(5):
            made.add_event(scalar("loss", step, step))
            made.add_event(scalar("both", step, step))
            notabene.log({"both": float(step)}, step=step)
    with Api(tmp_path / "store") as api:
        assert {k: m.n for k, m in api.run(run.id).metrics.items()} == {"loss": 5, "both": 5}
        assert "both" in str(api.run(run.id).health)


def test_a_resumed_run(writer, tmp_path):
    """What is written again from a checkpoint on stands in for what was there."""
    for first, value in ((0, 1.0), (3, 2.0)):
        with begin(tmp_path / "store", id="r", resume="allow"):
            made = writer(tmp_path / "logs")
            for step in range(first, first + 5):
                made.add_event(scalar("loss", step, value))
    with Api(tmp_path / "store") as api:
        series = api.history("r", "loss")
        assert series.steps.tolist() == list(range(8))
        assert series.values.tolist() == [1.0] * 3 + [2.0] * 5


def test_a_folder_is_followed(tmp_path):
    """Of files that no writer we know makes; what was there before belongs to no run."""
    logs = tmp_path / "logs"
    logs.mkdir()
    old = logs / "events.out.tfevents.1"
    old.write_bytes(framed(version(1.0), event(1.0, 1, simple("x", 1))))
    run = notabene.init("p", store=tmp_path / "store", capture=False, tensorboard=logs)
    with run, old.open("ab") as file:
        file.write(framed(event(2.0, 2, simple("x", 2))))
        file.flush()
        (logs / "train").mkdir()
        new = logs / "train" / "events.out.tfevents.2"
        new.write_bytes(framed(version(1.0), event(3.0, 3, simple("x", 3))) + b"half")
    with Api(tmp_path / "store") as api:
        assert api.history(run.id, "x").steps.tolist() == [2]
        assert api.history(run.id, "train/x").steps.tolist() == [3]


def test_the_program_is_not_disturbed(writer, tmp_path):
    """Its errors are its own; bytes that are no event, and an end of the run, harm nothing."""
    run = begin(tmp_path / "store")
    made = writer(tmp_path / "logs")
    made.fails = True
    with pytest.raises(RuntimeError, match="of the program's own"):
        made.add_event(scalar("x", 1, 1))
    made.fails = False
    made.add_event(Event(b"\xff\xff"))
    made.add_event(scalar("x", 2, 2))
    run.finish()
    assert made.add_event(scalar("x", 3, 3)) == "done"
    with Api(tmp_path / "store") as api:
        assert api.history(run.id, "x").steps.tolist() == [2]


def test_trouble_in_the_tap_stays_there(writer, tmp_path, monkeypatch):
    """Whatever breaks in it, the program's call returns, and the run ends well."""
    monkeypatch.setattr(Tap, "tick", lambda self: 1 / 0)
    monkeypatch.setattr(Tap, "heard", lambda self, *_: 1 / 0)
    with begin(tmp_path / "store") as run:
        assert writer(tmp_path / "logs").add_event(scalar("x", 1, 1)) == "done"
    with Api(tmp_path / "store") as api:
        assert api.run(run.id).status == "finished"


def test_more_than_can_be_taken_over(writer, tmp_path, monkeypatch):
    """What has no room is counted and named; the program does not wait."""
    monkeypatch.setattr(tensorboard, "MOST", 100)
    monkeypatch.setattr(Tap, "tick", lambda self: None)
    with begin(tmp_path / "store") as run:
        made = writer(tmp_path / "logs")
        for step in range(50):
            made.add_event(scalar("x", step, step))
    with Api(tmp_path / "store") as api:
        assert 0 < len(api.history(run.id, "x")) < 50
        assert "came faster" in str(api.run(run.id).health)


def test_none_is_made_where_none_is_wanted(writer, tmp_path):
    """Without ``tensorboard=`` nothing is wrapped."""
    before = writer.add_event
    with notabene.init("p", store=tmp_path / "store", capture=False):
        assert writer.add_event is before
    with notabene.init("p", mode="disabled", tensorboard=True):
        assert writer.add_event is before


def test_wrong_arguments(tmp_path):
    """One sentence."""
    (tmp_path / "file").touch()
    for wrong in (3, tmp_path / "file"):
        with pytest.raises(UsageError, match="True, False or a folder"):
            notabene.init("p", store=tmp_path / "store", tensorboard=wrong)


def test_names():
    """The first folder's tags keep their names; others bear that of their folder."""
    keys = Keys()
    assert keys.name("/l/a", "loss") == "loss"
    assert keys.name("/l/a/1700000000.5", "hparam/x") == "hparam/x"
    assert keys.name("/l/a/acc_test", "acc") == "acc/test"
    assert keys.name("/l/a/acc/test2", "acc") == "acc/test2"
    assert keys.name("/l/b", "loss") == "b/loss"
    assert keys.name("/l/a/validation", "loss") == "validation/loss"
    assert Keys().name("/l/train", "loss") == "train/loss"


PROGRAM = """
import sys
{own}
from tensorboardX import SummaryWriter
with SummaryWriter("logs/a") as writer:
    for n in range(20):
        writer.add_scalar("loss", 1 / (n + 1), n)
    writer.add_hparams({{"lr": 0.5}}, {{"best": 0.75}})
"""


@pytest.mark.parametrize("own", ["", "import notabene; notabene.init(tensorboard=True)"])
def test_under_notabene_run(tmp_path, own):
    """The files of any program are followed, also of one that joins the run with a tap; once."""
    pytest.importorskip("tensorboardX")
    script = tmp_path / "train.py"
    script.write_text(PROGRAM.format(own=own))
    store = tmp_path / "store"
    env = {**os.environ, "NOTABENE_STORE": str(store), "NOTABENE_OBSERVE": "1"}
    command = [sys.executable, "-m", "notabene", "run", "-p", "p", "--", sys.executable]
    words = [*command, "-W", "ignore", str(script)]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Api(store) as api:
        (run,) = api.runs()
        found = {key: m.n for key, m in run.metrics.items() if not key.startswith("system/")}
        assert found == {"loss": 20, "best": 1}
        assert run.params["lr"] == 0.5
        assert run.status == "finished"


def test_switched_off(tmp_path):
    """``NOTABENE_TENSORBOARD=0``: ``notabene run`` takes nothing over."""
    pytest.importorskip("tensorboardX")
    script = tmp_path / "train.py"
    script.write_text(PROGRAM.format(own=""))
    store = tmp_path / "store"
    env = {**os.environ, "NOTABENE_STORE": str(store), "NOTABENE_TENSORBOARD": "0"}
    words = [sys.executable, "-m", "notabene", "run", "--", sys.executable, "-W", "ignore"]
    subprocess.run([*words, str(script)], cwd=tmp_path, env=env, capture_output=True, check=True)
    with Api(store) as api:
        (run,) = api.runs()
        assert "loss" not in run.metrics
