"""The published format is what is written: a reader that knows nothing of ours reads it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import notabene
from notabene.journal.folder import StoreFolder
from notabene.model.records import NoteWritten
from notabene.store.seal import seal_run

HERE = Path(__file__).parent


def load(name: str) -> ModuleType:
    """A file beside this one, as a module."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = load("independent_reader")
written = load("written")


def series_of(folder: Path, key: str) -> list[tuple[int, int, float]]:
    """(step, time, value) of a key in the order of logging, as the reader finds it."""
    found = reader.read_run(folder)[1].get(("w1", key), {})
    return [found[seq] for seq in sorted(found)]


def assert_all_there(folder: Path, n: int, *keys: str) -> None:
    """The reader finds n points of each key, to the bit, in the order of logging."""
    for key in keys:
        series = series_of(folder, key)
        assert [step for step, _, _ in series] == list(range(n))
        values = [written.bits(value) for _, _, value in series]
        assert values == [written.bits(written.value_at(key, i)) for i in range(n)]


@pytest.mark.parametrize("n", [1, 7, 300, 20_000])
def test_numbers_come_back_to_the_bit(tmp_path, n):
    """Rows and blocks of any length are read as they were logged, odd values included."""
    writer = written.make_writer(tmp_path)
    for i in range(n):
        writer.row({key: written.value_at(key, i) for key in ("loss", "acc")}, i)
        if i % 5000 == 4999:
            writer.flush()
    assert writer.close()
    assert_all_there(tmp_path, n, "loss", "acc")


def test_a_run_without_numpy_is_read_too(tmp_path):
    """A process that never loaded numpy packs its rows in another way, which reads the same."""
    code = (
        f"import sys, pathlib; sys.path.insert(0, {str(HERE)!r}); import written\n"
        f"writer = written.make_writer(pathlib.Path({str(tmp_path)!r}))\n"
        "for i in range(3000): writer.row({'loss': written.value_at('loss', i)}, i)\n"
        "assert writer.close()\n"
        "assert 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_all_there(tmp_path, 3000, "loss")


def test_records_come_back(tmp_path):
    """A record is the MessagePack map that the reference describes, with its sequence and time."""
    writer = written.make_writer(tmp_path)
    writer.record(NoteWritten(id="a", text="naïve 📈", author="me"))
    assert writer.close()
    records, _ = reader.read_run(tmp_path)
    (times, found) = zip(*(records[place] for place in sorted(records)), strict=True)
    assert found == (
        {"record": "run-created", "project": "p", "name": "n"},
        {"record": "note-written", "id": "a", "text": "naïve 📈", "author": "me"},
    )
    assert sorted(records) == [("w1", 1), ("w1", 2)]
    assert times[0] < times[1]


def test_a_torn_tail_costs_one_frame(tmp_path):
    """Cut anywhere, a journal gives all frames before the cut and nothing wrong."""
    writer = written.make_writer(tmp_path)
    for i in range(200):
        writer.row({"loss": written.value_at("loss", i)}, i)
        if i % 50 == 49:
            writer.flush()
    assert writer.close()
    path = tmp_path / "w1.journal"
    whole = path.read_bytes()
    counts = set()
    for cut in range(300, len(whole) + 1, 37):
        path.write_bytes(whole[:cut])
        steps = [step for step, _, _ in series_of(tmp_path, "loss")]
        assert steps == list(range(len(steps)))
        counts.add(len(steps))
    assert len(counts) >= 4


def test_a_flipped_bit_is_seen(tmp_path):
    """A frame with one wrong bit is not served, nor what stands after it."""
    writer = written.make_writer(tmp_path)
    for i in range(100):
        writer.row({"loss": written.value_at("loss", i)}, i)
    assert writer.close()
    path = tmp_path / "w1.journal"
    data = bytearray(path.read_bytes())
    assert len(series_of(tmp_path, "loss")) == 100
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    assert len(series_of(tmp_path, "loss")) < 100


def values_of(folder: Path, key: str) -> list[float]:
    """Values of a key of all writers of a run, in the order of their steps."""
    found = reader.read_run(folder)[1]
    points = [p for (_, name), series in found.items() if name == key for p in series.values()]
    return [value for _, _, value in sorted(points)]


def test_a_sealed_run_reads_the_same(tmp_path):
    """After the end of a run its one compact file holds what the journals held."""
    wanted = [written.value_at("loss", i) for i in range(5000)]
    with notabene.init("sealed", store=tmp_path / "store", capture=False) as run:
        for i, value in enumerate(wanted):
            run.log({"loss": value, "acc": i / 7}, step=i)
    assert run.path is not None
    seal_run(StoreFolder.open(tmp_path / "store"), run.path, run.id)
    assert (run.path / "sealed").exists()
    assert not list(run.path.glob("*.journal"))
    assert list(map(written.bits, values_of(run.path, "loss"))) == list(map(written.bits, wanted))
    assert values_of(run.path, "acc") == [i / 7 for i in range(5000)]


def test_a_killed_run_reads_to_the_last_number(tmp_path):
    """What the ring of a killed process held is read from the recovered file."""
    code = (
        "import os, signal, notabene\n"
        f"run = notabene.init('killed', id='victim', store={str(tmp_path / 'store')!r})\n"
        "for i in range(1000): run.log({'loss': 1 / (i + 1)}, step=i)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -9
    with notabene.Api(tmp_path / "store") as api:
        assert api.run("victim").status == "killed"
    (folder,) = (tmp_path / "store/runs").glob("*/victim")
    assert values_of(folder, "loss") == [1 / (i + 1) for i in range(1000)]


def test_the_reader_knows_nothing_of_ours():
    """The reader is about a hundred lines and imports nothing of notabene."""
    text = (HERE / "independent_reader.py").read_text(encoding="utf-8")
    assert "import notabene" not in text
    assert "from notabene" not in text
    assert sum(1 for line in text.splitlines() if line.strip()) <= 120
