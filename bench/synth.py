"""Stores full of made-up runs, written in the journal format as fast as the disk takes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from notabene._ids import new_writer_id
from notabene.journal.block import encode_block
from notabene.journal.folder import JOURNAL, StoreFolder
from notabene.journal.segment import (
    Header,
    Section,
    encode_frame,
    encode_header,
    encode_record_section,
    encode_section,
)
from notabene.journal.stats import RunningStats
from notabene.model.records import (
    ConfigChanged,
    KeysDefined,
    RunCreated,
    Summarised,
    WriterFinished,
    WriterStarted,
    encode_record,
)

START = 1_760_000_000_000_000
ROWS = 8192


def curves(keys: int, steps: int, seed: int) -> np.ndarray:
    """Losses that fall, with noise, as float32 makes them; shape (steps, keys), float64."""
    rng = np.random.default_rng(seed)
    fall = np.exp(-np.arange(steps)[:, None] / max(1, steps / 5))
    noise = rng.standard_normal((steps, keys)) * 0.02
    return (fall + noise + rng.random(keys)).astype(np.float32).astype(np.float64)


def journal(
    run_id: str,
    project: str,
    name: str,
    params: dict[str, Any],
    keys: list[str],
    values: np.ndarray,
    created: int,
    rows: int = ROWS,
    number: int = 0,
) -> tuple[str, bytes]:
    """Writer id and content of a finished run's journal."""
    writer = new_writer_id()
    header = Header(file_id=os.urandom(16), kind="run", writers=(writer,), run=run_id)
    out, seq = [encode_header(header)], 0

    def records(*items: Any) -> bytes:
        nonlocal seq
        body = b""
        for item in items:
            seq += 1
            body += encode_record_section(seq, created + seq, encode_record(item))
        return body

    def frame(first: int, body: bytes) -> None:
        out.append(encode_frame(header.seed, first, seq, body))

    frame(
        1,
        records(
            WriterStarted(host="bench", pid=1),
            RunCreated(project=project, name=name, user="bench", source="sdk", number=number),
            ConfigChanged(set=params),
            KeysDefined(id=1, keys=tuple(keys)),
        ),
    )
    steps = np.arange(len(values), dtype=np.int64)
    times = (
        created
        + 1000
        + np.cumsum(np.random.default_rng(1).integers(900, 1100, len(values))).astype(np.int64)
    )
    stats = RunningStats()
    for at in range(0, len(values), rows):
        part = values[at : at + rows]
        first = seq + 1
        seqs = np.arange(first, first + len(part), dtype=np.int64)
        seq += len(part)
        block = encode_block(1, steps[at : at + rows], times[at : at + rows], seqs, part)
        stats.add_columns(keys, steps[at : at + rows], times[at : at + rows], part)
        frame(first, encode_section(Section.BLOCK, (1).to_bytes(4, "little") + block))
    names, packed = stats.pack_changed()
    first = seq + 1
    frame(
        first,
        records(Summarised(keys=names, stats=packed, upto=seq), WriterFinished(status="finished")),
    )
    return writer, b"".join(out)


def fill(
    root: Path,
    runs: int,
    keys: int,
    steps: int,
    *,
    params: int = 10,
    project: str = "bench",
    distinct: int = 64,
) -> StoreFolder:
    """A store of equal-shaped finished runs; ``distinct`` different sets of curves in all."""
    folder = StoreFolder.open(root, create=True)
    month = folder.runs / "2026-01"
    month.mkdir(parents=True, exist_ok=True)
    names = [f"train/m{i}" for i in range(keys)]
    pool = [curves(keys, steps, seed) for seed in range(min(distinct, runs))]
    rng = np.random.default_rng(5)
    for at in range(runs):
        run_id = f"run{at:08}"
        values = {f"p{i}": float(rng.random()) for i in range(params - 2)}
        values |= {"lr": float(10 ** rng.uniform(-5, 0)), "model": f"m{at % 7}"}
        writer, data = journal(
            run_id,
            project,
            f"name-{at}",
            values,
            names,
            (pool[at % len(pool)] + at * 1e-3).astype(np.float32).astype(np.float64),
            START + at * 1_000_000,
            number=at + 1,
        )
        where = month / run_id
        where.mkdir()
        (where / f"{writer}{JOURNAL}").write_bytes(data)
    return folder
