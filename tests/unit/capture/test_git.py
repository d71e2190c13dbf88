"""Questions to git: they change nothing, wait for nobody, and have answers without git."""

from __future__ import annotations

import os
import stat
import time

import pytest

from notabene.capture.git import Change, Git, read_head
from notabene.capture.part import Deadline


def at(folder, seconds=20.0, **environ):
    """The folder's repository, asked with the process's environment and some more."""
    return Git(folder, Deadline(seconds), {**os.environ, **environ})


def test_the_state_of_a_work_tree(git, repository):
    """Commit, branch, changed and untracked files are told apart; names may be anything."""
    (repository / "train.py").write_text("print('changed')\n")
    git(repository, "mv", "lib/model.py", "lib/net work.py")
    (repository / "new\tfile é.py").write_text("")
    status, failed = at(repository).status(repository)
    assert failed == ""
    assert status.commit == git(repository, "rev-parse", "HEAD")
    assert status.branch == "main"
    assert Change(".M", "train.py") in status.changes
    assert "lib/net work.py" in [change.path for change in status.changes]
    assert len(status.changes) == 2
    assert status.untracked == ["new\tfile é.py"]


def test_before_the_first_commit(git, tmp_path):
    """A repository without commits has no commit; what was added is its patch."""
    git(tmp_path, "init")
    (tmp_path / "a.py").write_text("x = 1\n")
    git(tmp_path, "add", "a.py")
    status, _ = at(tmp_path).status(tmp_path)
    assert (status.commit, status.branch) == ("", "main")
    assert b"+x = 1" in at(tmp_path).patch("", 1 << 20).out


def test_a_detached_head_has_no_branch(git, repository):
    """A checked-out commit is a commit without a branch."""
    git(repository, "checkout", "--detach")
    status, _ = at(repository).status(repository)
    assert status.branch == ""
    assert len(status.commit) == 40


def test_a_branch_knows_how_far_it_is_ahead(git, repository, tmp_path):
    """The upstream and the commits that only lie here are told."""
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "--bare", str(bare))
    git(repository, "remote", "add", "origin", str(bare))
    git(repository, "push", "-u", "origin", "main")
    git(repository, "commit", "--allow-empty", "-m", "second")
    status, _ = at(repository).status(repository)
    assert (status.upstream, status.ahead) == ("origin/main", 1)
    assert at(repository).remotes() == {"origin": str(bare)}
    assert at(bare).top().failed == "error"  # a bare repository has no work tree


def test_the_patch_applies_again(git, repository, tmp_path):
    """The patch of text and binary changes, added and removed files, gives the same files."""
    (repository / "train.py").write_text("print('changed')\n")
    (repository / "lib" / "model.py").unlink()
    (repository / "w.bin").write_bytes(bytes(range(256)) * 4)
    git(repository, "add", "-A")
    patch = at(repository).patch(git(repository, "rev-parse", "HEAD"), 1 << 20)
    assert patch.failed == ""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", str(repository), str(clone))
    (tmp_path / "p.diff").write_bytes(patch.out)
    git(clone, "apply", str(tmp_path / "p.diff"))
    assert (clone / "train.py").read_text() == "print('changed')\n"
    assert not (clone / "lib" / "model.py").exists()
    assert (clone / "w.bin").read_bytes() == bytes(range(256)) * 4


def test_large_binary_changes_fall_out_of_the_patch_first(git, repository):
    """Where all does not fit, the text changes alone are given."""
    (repository / "w.bin").write_bytes(os.urandom(100_000))
    (repository / "train.py").write_text("print('changed')\n")
    git(repository, "add", "-A")
    answer = at(repository).patch(git(repository, "rev-parse", "HEAD"), 20_000)
    assert answer.failed == "large"
    assert b"print('changed')" in answer.out
    assert b"Binary files" in answer.out
    assert len(answer.out) < 20_000


def test_an_answer_longer_than_the_limit_is_cut(repository):
    """No more than the limit is read, however much git says."""
    answer = at(repository).ask("log", "--format=%H%H%H", limit=50)
    assert (len(answer.out), answer.failed) == (50, "large")


def test_settings_that_would_run_programs_do_not(git, repository, tmp_path):
    """External diffs, text conversion, file system monitors, hooks and colours stay out."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(trap.stat().st_mode | stat.S_IEXEC)
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(repository, "config", key, str(trap))
    git(repository, "config", "color.ui", "always")
    git(repository, "config", "diff.noprefix", "true")
    git(repository, "config", "diff.py.textconv", str(trap))
    git(repository, "config", "diff.py.command", str(trap))
    (repository / ".gitattributes").write_text("*.py diff=py\n")
    (repository / "train.py").write_text("print('changed')\n")
    asked = at(repository, GIT_EXTERNAL_DIFF=str(trap), GIT_PAGER=str(trap))
    status, _ = asked.status(repository)
    patch = asked.patch(status.commit, 1 << 20)
    assert b"--- a/train.py" in patch.out
    assert b"\x1b" not in patch.out
    assert not (tmp_path / "sprung").exists()


def test_nothing_in_the_repository_is_written(repository):
    """Asking takes no lock and refreshes no index: every file stays as it was."""
    index = repository / ".git" / "index"
    for name in ("train.py", "lib/model.py"):
        os.utime(repository / name, (1e9, 1e9))  # git would like to note they are unchanged
    before = {p: p.stat().st_mtime_ns for p in repository.rglob("*")}
    content = index.read_bytes()
    git = at(repository)
    status, _ = git.status(repository)
    git.patch(status.commit, 1 << 20)
    git.submodules(repository)
    assert {p: p.stat().st_mtime_ns for p in repository.rglob("*")} == before
    assert index.read_bytes() == content


def test_variables_of_another_repository_do_not_lead_astray(repository, tmp_path):
    """In a hook git points at its own repository; the folder's is asked nevertheless."""
    asked = at(repository, GIT_DIR=str(tmp_path), GIT_INDEX_FILE="x", GIT_WORK_TREE="/")
    assert asked.top().text == str(repository)


def test_a_git_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    """A slow answer is given up in time, and later questions are not asked."""
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    git = at(tmp_path, seconds=0.3)
    began = time.monotonic()
    assert [git.ask("status").failed for _ in range(3)] == ["slow"] * 3
    assert time.monotonic() - began < 30


def test_without_git(repository, monkeypatch):
    """Where git is not installed the answer says so."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert at(repository).top().failed == "missing"


def test_submodules_are_listed_with_what_is_checked_out(git, repository, tmp_path):
    """A submodule that was moved on says so."""
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init")
    git(inner, "commit", "--allow-empty", "-m", "one")
    git(repository, "submodule", "add", str(inner), "third party")
    git(repository, "commit", "-m", "with submodule")
    git(repository / "third party", "commit", "--allow-empty", "-m", "two")
    moved = git(repository / "third party", "rev-parse", "HEAD")
    found = at(repository).submodules(repository)
    assert found == [{"path": "third party", "commit": moved, "state": "moved"}]
    status, _ = at(repository).status(repository)
    assert [change.path for change in status.changes] == ["third party"]
    assert f"+Subproject commit {moved}".encode() in at(repository).patch(status.commit, 9999).out


def test_the_files_alone_tell_commit_and_branch(git, repository, tmp_path):
    """Loose and packed branches, a detached head and a worktree are read without git."""
    commit = git(repository, "rev-parse", "HEAD")
    for _ in range(2):
        head = read_head(repository / "lib")
        assert head == (repository, commit, "main", True)
        git(repository, "pack-refs", "--all")
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-b", "side", str(tree))
    assert read_head(tree) == (tree, commit, "side", True)
    git(repository, "checkout", "--detach")
    assert read_head(repository) == (repository, commit, "", True)


def test_the_files_of_a_young_or_broken_repository(git, tmp_path):
    """No commit yet, no repository, and a broken one give what can be known, and no error."""
    young = tmp_path / "young"
    young.mkdir()
    assert read_head(young) is None
    git(young, "init")
    assert read_head(young) == (young, "", "main", True)
    (young / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert read_head(young) is None
    (young / ".git" / "HEAD").unlink()
    assert read_head(young) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user")
def test_a_repository_of_another_user_is_known_as_such(repository):
    """Git refuses it; its files say commit, branch and that it is not ours."""
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert at(repository).top().failed == "error"
    head = read_head(repository)
    assert head is not None
    assert (head.branch, head.own) == ("main", False)
