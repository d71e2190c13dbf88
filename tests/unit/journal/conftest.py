"""A writer of one run for the tests of what it does."""

from __future__ import annotations

import pytest

from notabene.journal import writer as module
from notabene.journal.segment import Header
from notabene.journal.writer import Writer

HEADER = Header(file_id=b"", kind="run", writers=("w1",), run="run1", host="h", pid=1)


class Warnings(list):
    """What a writer said."""

    def __call__(self, code, text):
        self.append((code, text))

    def codes(self):
        """Codes in order."""
        return [code for code, _ in self]


@pytest.fixture
def said():
    """What writers say in this test."""
    return Warnings()


@pytest.fixture
def make(tmp_path, said, monkeypatch):
    """Make a writer of the run in ``tmp_path``; closed after the test."""
    monkeypatch.setattr(module, "TICK", 0.01)
    made = []

    def go(*, start=True, **options):
        given = {"ring_places": [tmp_path], "spill": [], "define": tuple, "warn": said, **options}
        writer = Writer(tmp_path / "w1.journal", HEADER, **given)
        made.append(writer)
        if start:
            writer.start()
        return writer

    yield go
    for writer in made:
        writer.close(timeout=5)
