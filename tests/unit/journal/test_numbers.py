"""Numbers of runs: given once, by whoever comes, and cheap for any number of runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from notabene.journal import numbers
from notabene.journal.folder import StoreFolder
from notabene.journal.numbers import KEEP, next_number, numbers_folder


@pytest.fixture
def folder(tmp_path):
    """A store."""
    return StoreFolder.open(tmp_path / "store", create=True)


def test_they_count_up_by_project(folder):
    """From 1, in each project for itself, whatever it is called."""
    assert [next_number(folder, "a") for _ in range(3)] == [1, 2, 3]
    assert [next_number(folder, name) for name in ("b", "A", "../x", "ü / 🎉")] == [1] * 4
    assert next_number(folder, "a") == 4


def test_few_files_stay(folder):
    """A folder of many runs holds few files, the newest among them."""
    found = [next_number(folder, "a") for _ in range(3 * KEEP + 5)]
    assert found == list(range(1, 3 * KEEP + 6))
    left = sorted(int(name) for name in os.listdir(numbers_folder(folder, "a")))
    assert left[-1] == found[-1]
    assert len(left) <= 2 * KEEP


def test_many_threads(folder):
    """Nobody gets a number that another has."""
    found = []

    def take():
        found.extend([next_number(folder, "a") for _ in range(40)])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Who was held up for long leaves a number unused.
    assert len(set(found)) == 320
    assert min(found) == 1


def test_many_processes(folder):
    """Nor do processes."""
    code = (
        "import sys\n"
        "from notabene.journal.folder import StoreFolder\n"
        "from notabene.journal.numbers import next_number\n"
        "folder = StoreFolder.open(sys.argv[1])\n"
        "print(*(next_number(folder, 'a') for _ in range(100)))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder.root)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    found = [int(word) for one in started for word in one.communicate()[0].split()]
    assert len(set(found)) == 400
    assert min(found) == 1


@pytest.mark.parametrize("given", [1, KEEP - 1, 2 * KEEP])
def test_who_was_slow_looks_again(folder, monkeypatch, given):
    """Who listed the folder long ago does not take a number that was given and cleared away."""
    for _ in range(given):
        next_number(folder, "a")
    seen = numbers._taken(numbers_folder(folder, "a"))
    for _ in range(4 * KEEP):
        next_number(folder, "a")
    real, calls = numbers._taken, []

    def stale(place):
        calls.append(1)
        return seen if len(calls) == 1 else real(place)

    monkeypatch.setattr(numbers, "_taken", stale)
    assert next_number(folder, "a") == given + 4 * KEEP + 1


def test_strange_files_do_not_matter(folder):
    """What is no number is left alone."""
    place = numbers_folder(folder, "a")
    place.mkdir(parents=True)
    (place / "README").write_text("")
    assert next_number(folder, "a") == 1
    assert (place / "README").exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_not_be_written(folder):
    """A run begins without a number."""
    folder.root.chmod(0o500)
    try:
        assert next_number(folder, "a") == 0
    finally:
        folder.root.chmod(0o700)


def test_a_disk_that_fails(folder, monkeypatch):
    """The same."""

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(numbers.os, "open", fail)
    assert next_number(folder, "a") == 0
