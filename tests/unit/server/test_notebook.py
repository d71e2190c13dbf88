"""What is kept in memory about a store: computed answers, tags, and names of places."""

from __future__ import annotations

from pathlib import Path

import pytest

from notabene.errors import TransportError
from notabene.server.answers import Call, encode
from notabene.server.notebook import ANSWERS, Notebook, shortened
from notabene.store import patience


@pytest.fixture
def notebook(ids, api):
    """Over the store with runs."""
    return Notebook(api)


def test_kept_answers(notebook, ids, api):
    """Computed once while the store is the same, and anew when it changed."""
    made = []

    def make():
        made.append(1)
        return len(made)

    assert [notebook.kept(("a",), make) for _ in range(3)] == [1, 1, 1]
    assert notebook.kept(("b",), make) == 2
    api.tag(ids["media"], "new")
    assert notebook.kept(("a",), make) == 3


def test_slow_answers_may_be_older(notebook, ids, api, monkeypatch):
    """What takes long is not computed with every change of a busy store."""
    now = [100.0]
    monkeypatch.setattr("notabene.server.notebook.time.monotonic", lambda: now[0])
    made = []

    def make():
        made.append(1)
        now[0] += 1.0
        return len(made)

    assert notebook.kept(("a",), make) == 1
    api.tag(ids["media"], "new")
    now[0] += 5.0
    assert notebook.kept(("a",), make) == 1
    now[0] += 6.0
    assert notebook.kept(("a",), make) == 2


def test_few_are_kept(notebook):
    """The oldest go."""
    for n in range(ANSWERS + 10):
        notebook.kept((n,), lambda: None)
    assert len(notebook._kept) == ANSWERS


def test_tags(notebook, ids, api):
    """They name the question, the visitor and the state of the store."""
    tags = {
        notebook.tag(Call(place="/a", user="ada")),
        notebook.tag(Call(place="/b", user="ada")),
        notebook.tag(Call(place="/a", user="bob")),
    }
    assert len(tags) == 3
    assert notebook.tag(Call(place="/a", user="ada")) in tags
    api.tag(ids["media"], "new")
    assert notebook.tag(Call(place="/a", user="ada")) not in tags


def test_paths_as_people_write_them(home):
    """Below the home folder with a tilde."""
    assert shortened(home / "runs") == "~/runs"
    assert shortened(home) == "~"
    assert shortened(Path("/data/store")) == "/data/store"


def test_numbers_that_json_has_not():
    """NaN and the infinities become texts wherever they stand; all else is as it was."""
    inf = float("inf")
    value = {"a": [1.5, float("nan"), {"b": (inf, -inf)}], "c": "NaN", "d": None, "e": 1 << 62}
    assert encode(value) == (
        b'{"a":[1.5,"NaN",{"b":["Infinity","-Infinity"]}],"c":"NaN","d":null,'
        b'"e":4611686018427387904}'
    )
    assert encode({"x": [1.0, 2]}) == b'{"x":[1.0,2]}'
    # Bytes in a text that look like a NaN change nothing.
    assert encode({"x": "\xcb\x7f\xf8"}).decode() == '{"x":"\xcb\x7f\xf8"}'


class TestPatience:
    """Questions to the database end."""

    SLOW = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
        "SELECT count(*) FROM n"
    )

    def ask_slowly(self, api):
        """Count very far."""
        with api.store.reading() as connection:
            connection.exec_driver_sql(self.SLOW)

    def test_a_question_that_takes_too_long(self, api):
        """It is broken off where somebody set a time, and says what to do."""
        with patience.at_most(0.05), pytest.raises(TransportError, match="too long") as caught:
            self.ask_slowly(api)
        assert "less" in caught.value.hint

    def test_the_next_one_is_answered(self, api):
        """The connection is as good as before, within the time and without one."""
        with patience.at_most(0.05), pytest.raises(TransportError):
            self.ask_slowly(api)
        assert api.projects() == []
        with patience.at_most(5.0):
            assert api.projects() == []

    def test_questions_of_a_visitor_have_a_time(self, visitor, monkeypatch):
        """A search that goes on for ever is 503 in the one form."""
        monkeypatch.setattr("notabene.server.notebook.QUESTION", 0.05)
        monkeypatch.setattr("notabene.api.api.Api.projects", lambda api: self.ask_slowly(api))
        reply = visitor.get("/projects")
        assert (reply.status, reply.json()["code"]) == (503, "transport")
