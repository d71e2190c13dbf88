"""Keys, links and cookies."""

from __future__ import annotations

import os
import threading

import pytest

from notabene.errors import AccessError
from notabene.server import session as module
from notabene.server.session import Session


@pytest.fixture
def session(tmp_path):
    """A session with its keys."""
    return Session(tmp_path / "keys", 7610)


def test_keys_are_for_their_owner_alone(session, tmp_path):
    """Key and token lie in files that nobody else can read, in a folder of the same kind."""
    folder = tmp_path / "keys"
    assert {path.name for path in folder.iterdir()} == {"key", "token"}
    assert folder.stat().st_mode & 0o077 == 0
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert session.token.startswith("nbt_")
    assert len(session.token) > 40


def test_keys_stay(session, tmp_path):
    """A later server has the same; two that begin at once agree."""
    value = session.make()
    tokens, cookies = set(), []

    def begin(folder):
        made = Session(folder, 1)
        tokens.add(made.token)
        cookies.append(made.make())

    threads = [threading.Thread(target=begin, args=(tmp_path / "new",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 1
    assert all(Session(tmp_path / "new", 1).holds(cookie) for cookie in cookies)
    again = Session(tmp_path / "keys", 7610)
    assert again.holds(value)
    assert again.token == session.token
    assert again.link != session.link


def test_a_cookie_runs_out(session, monkeypatch):
    """After thirty days it is worth nothing."""
    value = session.make()
    now = module.now_us()
    monkeypatch.setattr(module, "now_us", lambda: now + (module.SECONDS - 10) * 10**6)
    assert session.holds(value)
    monkeypatch.setattr(module, "now_us", lambda: now + (module.SECONDS + 10) * 10**6)
    assert not session.holds(value)


def test_a_cookie_cannot_be_changed(session):
    """No other time, no other signature."""
    value = session.make()
    until, nonce, signature = value.split(".")
    assert not session.holds(f"{int(until) + 1}.{nonce}.{signature}")
    assert not session.holds(f"{until}.{nonce}x.{signature}")
    assert not session.holds(f"{until}.{nonce}.{signature[:-1]}0x")
    for broken in ("", ".", "..", "a", f"{until}.{nonce}", value + "é", "9" * 5000):
        assert not session.holds(broken)


def test_a_link_works_once(session):
    """One link is valid at a time; an empty token never."""
    first = session.link
    assert not session.use_link("")
    assert not session.use_link(first + "x")
    assert session.use_link(first)
    assert not session.use_link(first)
    assert not session.use_link("")
    second = session.fresh_link()
    assert second != first
    assert session.use_link(second)


def test_tries_are_counted_by_address(session, monkeypatch):
    """Twenty within a quarter of an hour; who waits may try again, and others may all the time."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for _ in range(module.TRIES):
        assert not session.must_wait("a")
        session.wrong("a")
    assert session.must_wait("a")
    assert not session.must_wait("b")
    now[0] += module.WITHIN + 1
    assert not session.must_wait("a")


def test_a_folder_that_cannot_be_used(tmp_path):
    """Says so in a sentence, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessError, match="cannot be used") as caught:
        Session(tmp_path / "file" / "keys", 1)
    assert "NOTABENE_CACHE" in caught.value.hint
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "key").write_text("no hexadecimal")
    with pytest.raises(AccessError):
        Session(broken, 1)
    assert os.listdir(broken) == ["key"]


def test_the_token_is_told_to_who_may_do_everything(ids, make_visitor, session):
    """By a click of somebody who is let in; never kept, and never told without a session."""
    options = {"bearer": lambda: session.token, "bearer_at": "/cache/server/token"}
    visitor = make_visitor(session=session, **options)
    assert visitor.send("POST", "/server/token").status == 401
    visitor.cookie = f"{session.cookie}={session.make()}"
    reply = visitor.send("POST", "/server/token")
    assert reply.json() == {"token": session.token}
    assert reply.headers["cache-control"] == "no-store"
    assert visitor.json("/server")["token_at"] == "/cache/server/token"
    assert session.token not in str(visitor.json("/server"))
    assert make_visitor().send("POST", "/server/token").status == 404
