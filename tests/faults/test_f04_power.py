"""F04: power loss: what a sync confirmed is there, in any state that the disk may be left in.

The writes and syncs of a writer are recorded. From them states of the file are made as a disk may
have them after power loss: everything up to the last finished sync, and of what came after it any
sectors, the others zero, cut at any length.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading

import pytest

from notabene.errors import FormatError
from notabene.journal.reader import JournalReader
from notabene.journal.recover import open_orphan, recover
from notabene.journal.verify import rows_of
from tests.faults.oracle import problems, rounds
from tests.faults.workload import keys_of, make_writer, value_of

SECTOR = 512


class Tape:
    """What a disk was told about journals: ``("write", bytes)``, ``("sync",)``, ``("mark", i)``."""

    def __init__(self, monkeypatch, *, honest=True):
        self.events = []
        self.lock = threading.Lock()
        real_write, real_sync = os.write, os.fdatasync

        def write(fd, data):
            done = real_write(fd, data)
            if self._is_journal(fd):
                self.events.append(("write", bytes(data)[:done]))
            return done

        def sync(fd):
            if not self._is_journal(fd):
                return real_sync(fd)
            with self.lock:
                begun = len(self.events)
                real_sync(fd)
                if honest:
                    self.events.append(("sync", begun))
            return None

        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(os, "fdatasync", sync)

    @staticmethod
    def _is_journal(fd):
        return os.readlink(f"/proc/self/fd/{fd}").endswith(".journal")


def recorded(folder, monkeypatch, *, honest=True):
    """Events of a run that was told to sync each 50 rows, and which rows each sync confirmed."""
    tape = Tape(monkeypatch, honest=honest)
    writer = make_writer(folder)
    confirmed = []
    for i in range(600):
        writer.row({"a": i + 0.1, "b": float(i)}, i)
        if i % 10 == 9:
            writer.flush()
        if i % 50 == 49:
            writer.flush()
            writer.file.sync()
            confirmed.append((len(tape.events), i + 1))
    writer.close()
    return tape.events, confirmed


def state(events, upto, draw):
    """A file as the disk may have it when power goes after so many events."""
    safe, data = 0, b""
    sizes = []
    for event in events[:upto]:
        if event[0] == "write":
            data += event[1]
        sizes.append(len(data))
    for n, event in enumerate(events[:upto]):
        if event[0] == "sync":
            safe = max(safe, sizes[event[1] - 1] if event[1] else 0)
            assert n >= event[1]
    end = draw.randint(safe, len(data)) if draw.random() < 0.7 else len(data)
    image = bytearray(data[:end])
    for at in range(safe, end, SECTOR):
        if draw.random() < 0.3:
            start = max(safe, at // SECTOR * SECTOR)
            stop = min(end, (at // SECTOR + 1) * SECTOR)
            image[start:stop] = bytes(stop - start)
    return bytes(image)


def steps_in(path):
    """Steps that a reader finds, which may meet anything."""
    found = set()
    with contextlib.suppress(FormatError):  # a header of which some sectors are zero
        for batch in JournalReader(path).all():
            for points in batch.points:
                found |= {step for _, _, step, _, _ in rows_of(points, batch)}
    return found


def lost(folder, tmp_path, events, confirmed, seed):
    """Confirmed rows that are missing after power loss at a random event."""
    draw = random.Random(seed)
    upto = draw.randint(1, len(events))
    path = tmp_path / "after" / "w1.journal"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(state(events, upto, draw))
    wanted = max((rows for event, rows in confirmed if event <= upto), default=0)
    return set(range(wanted)) - steps_in(path)


def test_what_was_confirmed_survives(folder, tmp_path, monkeypatch):
    """In every state each row confirmed by then is read, and the reader never fails."""
    events, confirmed = recorded(folder, monkeypatch)
    assert len(confirmed) == 12
    for seed in rounds(300, 5000):
        assert lost(folder, tmp_path, events, confirmed, seed) == set()


def test_a_disk_that_lies_is_caught(folder, tmp_path, monkeypatch):
    """Negative control: with syncs that do nothing, confirmed rows are missing in some state."""
    events, confirmed = recorded(folder, monkeypatch, honest=False)
    assert any(lost(folder, tmp_path, events, confirmed, seed) for seed in range(100))


@pytest.mark.parametrize("seed", rounds(20, 200))
def test_the_ring_may_be_torn_as_well(folder, tmp_path, seed):
    """Power loss leaves pages of the ring zero: what is recovered is right, and it never fails."""
    draw = random.Random(seed)
    writer = make_writer(folder)
    writer._stop = True  # from here on nobody carries over
    writer.wake()
    writer._thread.join()
    writer.ring.closed, writer.ring._limit = False, writer.ring._segment.size
    for i in range(500):
        writer.ring.row(dict.fromkeys(keys_of(0, i), value_of(0, i)), i)
    for page in range(0, 65536, 4096):
        if draw.random() < 0.2:
            writer.ring._buffer[page : page + 4096] = bytes(4096)
    writer.ring.close(unlink=False)
    writer.file.close()
    orphan = open_orphan(folder, "w1")
    assert recover(orphan, folder) is not None
    assert [p for p in problems(folder, "w1", 0, 500) if "missing" not in p] == []
