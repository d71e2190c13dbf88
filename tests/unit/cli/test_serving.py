"""``notabene ui`` and ``notabene serve``, up to where they would serve."""

from __future__ import annotations

import pytest

from notabene.cli import serving
from notabene.errors import UsageError


@pytest.fixture
def ran(monkeypatch):
    """What would have been served: addresses that were told, and browsers that were opened."""
    found = {"opened": []}

    def run(server, ready):
        found["server"] = server
        server._socket.close()
        server._notebook.close()
        ready(server.address)

    monkeypatch.setattr("notabene.server.serving.Server.run", run)
    monkeypatch.setattr(serving, "_open", lambda address: found["opened"].append(address))
    monkeypatch.setattr(serving, "has_display", lambda: True)
    return found


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--base-path", "notes"), 2, "the base path 'notes' is not possible"),
        (("--base-path", "/a/../b"), 2, "is not possible"),
        (("--base-path", "/a//b"), 2, "is not possible"),
        (("--base-path", "/a?b"), 2, "is not possible"),
        (("--host", "203.0.113.1"), 2, "no address of this machine"),
        (("--host", "no such host"), 2, "no address of this machine"),
        (("--port", "70000"), 2, "70000"),
        (("--store", "/nowhere/at/all"), 3, "there is no notabene store"),
    ],
)
def test_what_cannot_be_served(nota, words, code, message):
    """One sentence each, and the exit code of its kind."""
    done = nota("serve", "--port", "0", *words, code=code)
    assert message in done.err
    assert "Traceback" not in done.err


def test_the_address_is_printed(nota, ran, store):
    """With the link's token, below the base path; a browser opens for ``ui`` alone."""
    done = nota("ui", "--port", "0", "--base-path", "/notes/")
    (address,) = ran["opened"]
    assert f"    {address}\n" in done.out
    assert "/notes/?token=" in address
    assert str(store) in done.out
    nota("ui", "--port", "0", "--no-open")
    nota("serve", "--port", "0")
    assert ran["opened"] == [address]


def test_without_a_token(nota, ran):
    """The address is plain; open to all of a network, it is warned of."""
    done = nota("serve", "--port", "0", "--no-token")
    assert "token=" not in done.out
    assert "warning" not in done.err
    done = nota("serve", "--port", "0", "--no-token", "--host", "0.0.0.0")
    assert "warning: without a token, whoever reaches 0.0.0.0" in done.err


@pytest.mark.parametrize(
    ("given", "path"), [("", ""), ("/", ""), ("/a", "/a"), ("/a/b-c_~.d/", "/a/b-c_~.d")]
)
def test_base_paths(given, path):
    """A slash at the end does not matter."""
    assert serving.check_base(given) == path


@pytest.mark.parametrize("given", ["a", "//a", "/a b", "/.", "/a/./b", "/ü", "/a#", "/%2e"])
def test_base_paths_that_are_none(given):
    """They say what one looks like."""
    with pytest.raises(UsageError, match="base path") as caught:
        serving.check_base(given)
    assert "/notes" in caught.value.hint


def test_the_tunnel(monkeypatch):
    """The line for SSH names the user, the port and the machine; without SSH there is none."""
    assert serving.tunnel(7610) == ""
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51000 10.0.0.1 22")
    monkeypatch.setenv("USER", "ada")
    assert serving.tunnel(7610) == "ssh -N -L 7610:127.0.0.1:7610 ada@10.0.0.1"
    monkeypatch.setenv("SSH_CONNECTION", "broken")
    assert serving.tunnel(7610) == ""


def test_displays(monkeypatch):
    """A browser opens only where somebody would see it."""
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not serving.has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert serving.has_display()
    monkeypatch.setattr("sys.platform", "darwin")
    assert serving.has_display()
    monkeypatch.setenv("SSH_CONNECTION", "a b c d")
    assert not serving.has_display()
