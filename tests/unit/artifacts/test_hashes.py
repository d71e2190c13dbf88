"""The cache of what was hashed before."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from notabene.artifacts import hashes as hashes_module
from notabene.artifacts.hashes import HashCache
from notabene.model.canonical import digest_bytes

DIGEST = digest_bytes(b"x")


@pytest.fixture
def file(tmp_path):
    """A file that has not changed for an hour, but for its state, which cannot be set back."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    os.utime(path, (1000, 1000))
    return path


@pytest.fixture
def hashes(tmp_path, monkeypatch):
    """An empty cache that takes files as settled at once."""
    monkeypatch.setattr(hashes_module, "SETTLED", -(10**9))
    with HashCache(tmp_path / "cache" / "hashes") as cache:
        yield cache


def test_what_was_kept_is_known(hashes, file, tmp_path):
    """A digest that was kept is known, also after closing, and in another process."""
    assert hashes.get(file.stat()) is None
    hashes.keep(file.stat(), DIGEST)
    hashes.flush()
    assert hashes.get(file.stat()) == DIGEST
    hashes.close()
    with HashCache(hashes.path) as again:
        assert again.get(file.stat()) == DIGEST


def test_a_changed_file_is_unknown(hashes, file):
    """After any change, even one whose traces were wiped out, the file is read again."""
    hashes.keep(file.stat(), DIGEST)
    hashes.flush()
    time.sleep(0.02)
    file.write_bytes(b"y")
    os.utime(file, (1000, 1000))
    assert hashes.get(file.stat()) is None


def test_a_file_that_just_changed_is_not_kept(tmp_path, file):
    """Within two seconds of a change nothing is kept: one more change could not be seen."""
    with HashCache(tmp_path / "hashes") as cache:
        cache.keep(file.stat(), DIGEST)
        cache.flush()
        assert cache.get(file.stat()) is None


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100])
def test_a_damaged_cache_is_empty(hashes, file, damage):
    """A damaged cache costs only time, and makes room for a new one."""
    hashes.path.parent.mkdir()
    hashes.path.write_bytes(damage)
    assert hashes.get(file.stat()) is None
    hashes.keep(file.stat(), DIGEST)
    hashes.close()
    with HashCache(hashes.path) as again:
        again.keep(file.stat(), DIGEST)
        again.flush()
        assert again.get(file.stat()) == DIGEST


def test_a_place_that_cannot_be_written_is_fine(file, tmp_path, monkeypatch):
    """Where the cache cannot be made, everything works without it."""
    monkeypatch.setattr(hashes_module, "SETTLED", -(10**9))
    with HashCache(file / "below" / "a-file") as cache:
        cache.keep(file.stat(), DIGEST)
        cache.flush()
        assert cache.get(file.stat()) is None


def test_old_rows_are_forgotten(hashes, file, tmp_path, monkeypatch):
    """Beyond its limit the cache forgets what was kept first."""
    monkeypatch.setattr(hashes_module, "LIMIT", 3)
    paths = [tmp_path / str(n) for n in range(6)]
    for path in paths:
        path.write_bytes(b"x")
        hashes.keep(path.stat(), DIGEST)
        hashes.flush()
    assert [hashes.get(p.stat()) is not None for p in paths] == [False] * 3 + [True] * 3


def test_threads_and_forks_share_it(hashes, file, tmp_path):
    """Threads use one cache; a forked child goes on with one of its own."""
    paths = [tmp_path / str(n) for n in range(40)]
    for path in paths:
        path.write_bytes(b"x")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda p: hashes.keep(p.stat(), DIGEST), paths))
        hashes.flush()
        assert all(pool.map(lambda p: hashes.get(p.stat()), paths))

    def child():
        known = hashes.get(paths[0].stat())
        hashes.keep(file.stat(), DIGEST)
        hashes.close()
        os._exit(0 if known == DIGEST else 1)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert hashes.get(file.stat()) == DIGEST


def test_huge_numbers_fit(hashes, file):
    """File systems that number files with 64 bits do no harm."""
    values = list(file.stat())
    values[1] = 2**64 - 3
    stat = os.stat_result(values, {"st_mtime_ns": 10**18, "st_ctime_ns": 10**18})
    hashes.keep(stat, DIGEST)
    hashes.flush()
    assert hashes.get(stat) == DIGEST
