"""Statistics are packed and unpacked by many threads at once: the server has one per request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from notabene.store.summary import DTYPE, Table, pack, unpack

THREADS = 8


def table(seed: int, keys: int = 2000) -> Table:
    """Statistics of many keys, different for each seed."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(keys, DTYPE)
    for name, (kind, _) in DTYPE.fields.items():
        rows[name] = rng.integers(0, 1 << 40, keys) if kind == "i8" else rng.random(keys)
    return Table(np.arange(keys, dtype=np.uint32), rows, np.zeros(keys))


def test_threads_do_not_mix_up_their_statistics() -> None:
    """Whatever others do meanwhile, each gets back what it put in."""
    tables = [table(seed) for seed in range(THREADS)]
    alone = [pack(one) for one in tables]

    def work(at: int) -> bool:
        for _ in range(60):
            if pack(tables[at]) != alone[at]:
                return False
            if not np.array_equal(unpack(alone[at]).rows, tables[at].rows):
                return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))
