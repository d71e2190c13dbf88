"""Files of W&B, cut at any byte or with any bit flipped: what verifies is read, the rest told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from notabene.importers.wandb_log import BLOCK, HEAD, WandbLog
from tests.unit.importers.wandb_made import framed

sizes = st.lists(
    st.one_of(st.integers(0, 200), st.integers(BLOCK - 40, BLOCK + 40), st.integers(0, 90_000)),
    min_size=1,
    max_size=12,
)


def records(lengths: list[int]) -> list[bytes]:
    """Records that all differ."""
    return [(f"{n}:".encode() * size)[:size] for n, size in enumerate(lengths)]


def read(data: bytes) -> tuple[list[bytes], WandbLog]:
    """What is read of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run-x.wandb"
        path.write_bytes(data)
        log = WandbLog(path)
        return list(log.read()), log


@given(sizes)
def test_all_records_come_back(lengths):
    """Whatever their lengths, records are read as they were written, and nothing is amiss."""
    wanted = records(lengths)
    found, log = read(framed(wanted))
    assert found == wanted
    assert (log.damaged, log.lost, log.torn) == (0, 0, False)


@given(sizes, st.data())
def test_cut_anywhere(lengths, data):
    """What is read of a file that was cut is a beginning of what was written."""
    wanted = records(lengths)
    whole = framed(wanted)
    cut = data.draw(st.integers(0, len(whole)))
    found, log = read(whole[:cut])
    assert found == wanted[: len(found)]
    assert (log.damaged, log.lost) == (0, 0)
    if cut == len(whole):
        assert found == wanted


@given(sizes, st.data())
def test_a_bit_flipped_anywhere(lengths, data):
    """No record is read that was not written, all blocks before are read, and it is told."""
    wanted = records(lengths)
    whole = bytearray(framed(wanted))
    at = data.draw(st.integers(HEAD, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    found, log = read(bytes(whole))
    assert all(record in wanted for record in found)
    before = read(bytes(whole[: at // BLOCK * BLOCK]))[0] if at >= BLOCK else []
    assert found[: len(before)] == before
    if len(found) < len(wanted):
        assert log.damaged or log.lost or log.torn
