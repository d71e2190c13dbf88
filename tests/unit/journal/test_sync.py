"""Syncs: when, in which thread, and what is said when the disk does not confirm."""

from __future__ import annotations

import errno
import threading
import time

import pytest

from notabene.journal.sync import MUCH, Syncer


class File:
    """A journal whose disk answers as it is told."""

    def __init__(self, *answers):
        self.unsynced = 0
        self.answers = list(answers)
        self.threads = []

    def sync(self):
        self.threads.append(threading.current_thread())
        answer = self.answers.pop(0) if self.answers else None
        if callable(answer):
            answer()
        elif answer:
            raise OSError(answer, "no")
        self.unsynced = 0


@pytest.fixture
def make():
    """Make a syncer for a file; its thread ends with the test."""
    made = []

    def go(file, *, every=5.0):
        said = []
        made.append(Syncer(file, lambda code, text: said.append((code, text)), every=every))
        return made[-1], said

    yield go
    for syncer in made:
        syncer.stop()
        if syncer._thread is not None:
            syncer._thread.join(10)


def test_it_is_done_by_another_thread(make):
    """Who asks goes on; who waits is told when it is done."""
    file = File()
    syncer, _ = make(file)
    syncer.ask()
    assert syncer.wait(10)
    assert file.threads[0] is not threading.current_thread()
    assert len(file.threads) == 1


def test_it_is_time_after_a_while(make, monkeypatch):
    """Nothing is asked for while nothing was written or the time has not come."""
    file = File()
    syncer, _ = make(file)
    now = time.monotonic()
    syncer.look()
    file.unsynced = 10
    syncer.look()
    assert file.threads == []
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.1)
    syncer.look()
    monkeypatch.undo()
    assert syncer.wait(10)
    assert len(file.threads) == 1


def test_much_does_not_wait(make):
    """A burst is brought to the disk at once."""
    file = File()
    syncer, _ = make(file)
    file.unsynced = MUCH + 1
    syncer.look()
    assert syncer.wait(10)
    assert len(file.threads) == 1


def test_it_can_be_left_to_the_system(make, monkeypatch):
    """With ``every=0`` it never is time."""
    file = File()
    syncer, _ = make(file, every=0)
    file.unsynced = MUCH + 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    syncer.look()
    assert file.threads == []


def test_one_failure_is_tried_again_and_not_told(make):
    """The second try writes all into a new file; when that is confirmed all is well."""
    syncer, said = make(File(errno.EIO))
    syncer.ask()
    assert syncer.wait(10)
    assert said == []


def test_a_disk_that_does_not_confirm_is_told_of(make):
    """Two failures in a row: the run is not safe against power loss, and the caller hears it."""
    file = File(errno.EIO, errno.EIO)
    syncer, said = make(file)
    syncer.ask()
    assert not syncer.wait(10)
    assert [code for code, _ in said] == ["sync"]
    assert "not safe against power loss" in said[0][1]
    syncer.ask()
    assert syncer.wait(10)
    assert syncer.failures == 0


def test_a_disk_that_does_not_confirm_is_asked_less_often(make, monkeypatch):
    """After each failure twice as much time passes, and a burst changes nothing."""
    file = File(*[errno.EIO] * 100)
    syncer, _ = make(file)
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + passed)
    asked = []
    for passed in range(200):
        file.unsynced = MUCH + 1
        before = len(file.threads)
        syncer.look()
        syncer._changed.acquire()
        syncer._changed.wait_for(lambda: syncer._done >= syncer._asked, 10)
        syncer._changed.release()
        if len(file.threads) > before:
            asked.append(passed)
    assert asked == [0, 10, 30, 70, 150]


def test_a_disk_that_hangs_is_not_waited_for(make):
    """Waiting ends with its time; more requests do not pile up."""
    hangs, entered = threading.Event(), threading.Event()
    file = File(lambda: (entered.set(), hangs.wait(30)))
    syncer, _ = make(file)
    syncer.ask()
    assert entered.wait(10)
    for _ in range(5):
        syncer.ask()
    assert not syncer.wait(0.01)
    hangs.set()
    assert syncer.wait(10)
    assert len(file.threads) == 2


def test_without_a_thread_the_caller_does_it(make, monkeypatch):
    """Where no thread can be started the sync is done all the same."""

    def no_thread(_self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    file = File()
    syncer, _ = make(file)
    syncer.ask()
    assert syncer.wait(0)
    assert file.threads == [threading.current_thread()]


def test_stopping_does_what_was_asked_for_first(make):
    """A stop right after a request leaves nothing undone, and ends the thread."""
    file = File(lambda: time.sleep(0.01))
    syncer, _ = make(file)
    syncer.ask()
    thread = syncer._thread
    syncer.stop()
    assert syncer.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert len(file.threads) == 1


def test_a_forked_child_has_no_thread(make):
    """After abandon nothing is due any more, and nobody waits for the parent's thread."""
    file = File()
    syncer, _ = make(file)
    syncer.abandon()
    file.unsynced = MUCH + 1
    syncer.look()
    assert syncer.wait(0)
    assert file.threads == []
