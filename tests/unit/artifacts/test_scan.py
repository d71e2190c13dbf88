"""Listing what is to be logged."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from notabene.artifacts.scan import scan
from notabene.errors import AccessError, NotFoundError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, an empty folder, and a program."""
    root = tmp_path / "data"
    for path, text in (("a.txt", "a"), ("sub/b.txt", "bb"), ("sub/deep/c.tmp", "ccc")):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "empty").mkdir()
    (root / "run.sh").write_text("#!/bin/sh")
    (root / "run.sh").chmod(0o755)
    return root


def paths(listing) -> list[str]:
    """Paths of the files, in order."""
    return [f.path for f in listing.files]


def test_a_folder_is_listed(folder):
    """All files below a folder come in order, with sizes and modes; empty folders are kept."""
    listing = scan(folder)
    assert paths(listing) == ["a.txt", "run.sh", "sub/b.txt", "sub/deep/c.tmp"]
    assert [f.executable for f in listing.files] == [False, True, False, False]
    assert listing.folders == ("empty",)
    assert listing.size == 1 + 9 + 2 + 3


def test_a_file_is_listed(folder):
    """A single file has its own name, or the one that is asked for."""
    assert paths(scan(folder / "a.txt")) == ["a.txt"]
    assert paths(scan(folder / "a.txt", at="x/y.txt")) == ["x/y.txt"]
    assert paths(scan(folder, at="/top/"))[0] == "top/a.txt"


def test_listings_add_up(folder):
    """Listings can be joined."""
    both = scan(folder / "a.txt") + scan(folder / "empty", at="e")
    assert (paths(both), both.folders) == (["a.txt"], ("e",))


def test_what_is_ignored_is_left_out(folder):
    """Patterns leave out names and whole paths."""
    assert paths(scan(folder, ignore=["*.tmp", "sub/b.*"])) == ["a.txt", "run.sh"]
    assert paths(scan(folder, ignore=["sub"])) == ["a.txt", "run.sh"]


def test_links_are_followed(folder, tmp_path):
    """A link to a file or folder, inside or outside, is logged as what it leads to."""
    (tmp_path / "outside").write_text("outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "again").symlink_to("sub")
    listing = scan(folder)
    assert {"link", "again/b.txt", "again/deep/c.tmp"} <= set(paths(listing))
    assert scan(folder / "link").files[0].size == 7


@pytest.mark.parametrize("target", [".", "..", "../../data/sub"])
def test_links_that_lead_back_are_refused(folder, target):
    """A link to a folder above it is named, instead of followed for ever."""
    (folder / "sub" / "loop").symlink_to(target)
    with pytest.raises(UsageError, match="leads back"):
        scan(folder)


def test_links_that_lead_nowhere_are_refused(folder):
    """A dangling link and a link to itself are named; they can be left out."""
    (folder / "nowhere").symlink_to("gone")
    with pytest.raises(NotFoundError, match="nowhere leads nowhere"):
        scan(folder)
    (folder / "nowhere").unlink()
    (folder / "self").symlink_to("self")
    with pytest.raises(UsageError, match="circle"):
        scan(folder)
    assert "a.txt" in paths(scan(folder, ignore=["self"]))


def test_special_files_are_refused(folder, tmp_path):
    """Pipes, sockets and devices are refused in a sentence that says what they are."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="named pipe"):
        scan(folder)
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)
        server.bind("socket")
        os.chdir(here)
        with pytest.raises(UsageError, match="socket"):
            scan(tmp_path / "socket")
    with pytest.raises(UsageError, match="device"):
        scan("/dev/null")


def test_names_that_are_no_text_are_refused(tmp_path):
    """A file name that is not UTF-8 is refused, and shown as bytes."""
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff")).write_text("x")
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    with pytest.raises(UsageError, match="not in UTF-8"):
        scan(tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    """A path that leads nowhere, or is no path at all, is refused with its name."""
    with pytest.raises(NotFoundError, match="gone"):
        scan(tmp_path / "gone")
    with pytest.raises(UsageError, match="no path"):
        scan("nul\0")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_what_may_not_be_read_is_named(folder):
    """A folder that may not be listed is named."""
    (folder / "sub").chmod(0)
    try:
        with pytest.raises(AccessError, match="sub"):
            scan(folder)
    finally:
        (folder / "sub").chmod(0o755)


def test_home_is_understood(home):
    """A path that begins with ``~`` is that of the home folder."""
    (home / "model.bin").write_text("x")
    assert paths(scan("~/model.bin")) == ["model.bin"]
