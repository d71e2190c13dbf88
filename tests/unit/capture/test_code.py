"""The code of a run: what git knows of it, what it does not, and what to do without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from notabene.capture import code as module
from notabene.capture.code import code, imported_sources
from notabene.capture.part import Deadline
from notabene.capture.secrets import HIDDEN, Redactor


def look(script, **options):
    """The part for a script that is not this process's."""
    return code(Redactor(), Deadline(20), program=["python", str(script)], **options)


CAPTURE = (
    "import json, sys\n"
    "from notabene.capture.code import code\n"
    "from notabene.capture.part import Deadline\n"
    "from notabene.capture.secrets import Redactor\n"
    "p = code(Redactor(), Deadline(20))\n"
    "files = {k: v.decode() for k, v in p.files.items()}\n"
    "print(json.dumps([p.data, p.facts, files]))\n"
)


def run(folder, *words):
    """What a program in a folder captures of itself: data, facts, files."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_clean_repository(git, repository):
    """Commit, branch and remote are facts; the script is kept, and nothing else."""
    git(repository, "remote", "add", "origin", "https://bob:hunter2@example.org/x.git")
    git(repository, "tag", "v1")
    part = look(repository / "train.py")
    commit = git(repository, "rev-parse", "HEAD")
    assert part.facts == {
        "code.kind": "program",
        "code.script": str(repository / "train.py"),
        "git.commit": commit,
        "git.branch": "main",
        "git.dirty": False,
        "git.describe": "v1",
        "git.remote": f"https://{HIDDEN}@example.org/x.git",
    }
    assert part.data["git"]["subject"] == "first"
    assert part.data["git"]["dirty"] is False
    assert part.files == {"script/train.py": b"print('train')\n"}
    assert part.data["hidden"] == 1
    assert "hunter2" not in str(part)


def test_changes_and_untracked_sources_are_kept(git, repository):
    """The patch and the sources that no commit holds are kept; other untracked files are not."""
    (repository / ".gitignore").write_text("*.log\n")
    git(repository, "add", ".gitignore")
    git(repository, "commit", "-m", "ignore")
    (repository / "lib" / "model.py").write_text("DEPTH = 4\n")
    (repository / "helper.py").write_text("x = 1\n")
    (repository / "lib" / "new.py").write_text("y = 1\n")
    (repository / "data.csv").write_text("1,2\n")
    (repository / "run.log").write_text("")
    part = look(repository / "train.py")
    assert part.facts["git.dirty"] is True
    assert part.data["git"]["changes"] == [[".M", "lib/model.py"]]
    assert part.data["git"]["patch"]["whole"] is True
    assert b"+DEPTH = 4" in part.files["patch.diff"]
    assert set(part.files) == {
        "patch.diff", "script/train.py", "sources/helper.py", "sources/lib/new.py",
    }  # fmt: skip
    assert part.data["kept"] == sum(map(len, part.files.values()))


def test_secrets_in_changes_are_hidden_and_the_patch_says_so(repository):
    """A password in a changed line is hidden, and the patch is no longer called whole."""
    (repository / "train.py").write_text("password = 'hunter2'\n")
    (repository / "helper.py").write_text("api_key = 'abc'\n")
    part = look(repository / "train.py")
    assert b"hunter2" not in b"".join(part.files.values())
    assert b"abc" not in part.files["sources/helper.py"]
    assert part.data["git"]["patch"]["whole"] is False
    assert part.data["hidden"] >= 3


def test_imported_modules_are_kept_wherever_git_has_them_not(git, repository, tmp_path):
    """Of the imported modules, ignored, untracked and outside ones are kept, tracked ones not."""
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "other_module.py").write_text("z = 1\n")
    (repository / ".gitignore").write_text("ignored_module.py\n")
    (repository / "ignored_module.py").write_text("a = 1\n")
    (repository / "untracked_module.py").write_text("b = 1\n")
    (repository / "not_imported.py").write_text("c = 1\n")
    (repository / "sub").mkdir()
    (repository / "sub" / "run.py").write_text(
        f"import sys; sys.path[:0] = [{str(outside)!r}, {str(repository)!r}]\n"
        "import lib.model, ignored_module, untracked_module, other_module\n" + CAPTURE
    )
    git(repository, "add", "sub/run.py", ".gitignore")
    git(repository, "commit", "-m", "second")
    data, facts, files = run(repository, "sub/run.py")
    assert set(files) == {
        "script/run.py", "sources/ignored_module.py", "sources/untracked_module.py",
        f"sources/{outside.relative_to('/')}/other_module.py",
    }  # fmt: skip
    assert facts["git.dirty"] is False
    assert facts["code.kind"] == "script"
    assert {entry["path"] for entry in data["sources"]} >= {str(outside / "other_module.py")}


def test_without_a_repository_the_sources_are_kept(tmp_path):
    """No git is nothing bad: the script and the sources beside it are kept, byte for byte."""
    (tmp_path / "package" / "deep").mkdir(parents=True)
    (tmp_path / "package" / "deep" / "net.py").write_text("x = 1\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    (tmp_path / "venv" / "v.py").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "h.py").write_text("")
    (tmp_path / "train.py").write_text("import package.deep.net\n" + CAPTURE)
    data, facts, files = run(tmp_path, "train.py")
    assert set(files) == {"script/train.py", "sources/package/deep/net.py"}
    assert files["script/train.py"].endswith(CAPTURE)
    assert "git" not in data
    assert "git.commit" not in facts
    assert "notes" not in data


def test_installed_packages_are_not_sources(tmp_path):
    """What an installer put into a folder of the path is a package, whatever the folder's name."""
    target = tmp_path / "vendored"
    (target / "package-1.0.dist-info").mkdir(parents=True)
    (target / "package.py").write_text("")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mine.py").write_text("")
    (folder / "train.py").write_text(
        f"import sys; sys.path.append({str(target)!r}); import package, mine\n" + CAPTURE
    )
    assert set(run(folder, "train.py")[2]) == {"script/train.py", "sources/mine.py"}


def test_a_shelf_of_sources_is_not_kept(tmp_path):
    """A folder with hundreds of sources is no project: only what is imported is kept."""
    for n in range(module.MAX_BESIDE + 1):
        (tmp_path / f"m{n}.py").write_text("")
    (tmp_path / "train.py").write_text("import m7\n" + CAPTURE)
    data, _, files = run(tmp_path, "train.py")
    assert set(files) == {"script/train.py", "sources/m7.py"}
    assert "not kept" in data["notes"][0]


def test_the_whole_home_folder_is_not_kept(home):
    """A script that lies in the home folder does not take the home folder along."""
    (home / "letters.py").write_text("")
    (home / "train.py").write_text("")
    assert set(look(home / "train.py").files) == {"script/train.py"}


def test_a_program_given_on_the_command_line_is_kept(tmp_path):
    """The text after ``-c`` is the source of the run."""
    data, facts, files = run(tmp_path, "-c", CAPTURE)
    assert files == {"script/command.py": CAPTURE}
    assert facts["code.kind"] == "command"
    assert data["script"]["file"] == "script/command.py"


def test_a_program_of_another_kind(git, repository):
    """A command without a source file is known by the folder it runs in; ours is not kept."""
    os.chdir(repository)
    part = code(Redactor(), Deadline(20), program=["make", "train"])
    assert part.facts["git.commit"] == git(repository, "rev-parse", "HEAD")
    assert part.facts["code.kind"] == "program"
    assert part.files == {}


def test_large_and_unreadable_files_are_named_not_kept(tmp_path):
    """A source of megabytes, and one that cannot be read, are listed with the reason."""
    (tmp_path / "train.py").write_bytes(b"#" * (module.MAX_FILE + 1))
    part = look(tmp_path / "train.py")
    assert part.files == {}
    assert part.data["script"]["size"] == module.MAX_FILE + 1
    assert "too large" in part.data["script"]["note"]
    (tmp_path / "train.py").write_text("")
    (tmp_path / "train.py").chmod(0)
    readable = os.access(tmp_path / "train.py", os.R_OK)
    assert readable or "not readable" in look(tmp_path / "train.py").data["script"]["note"]


def test_too_many_changes_are_listed_without_their_content(repository, monkeypatch):
    """A patch beyond the limit is not kept, and a note says why."""
    monkeypatch.setattr(module, "MAX_PATCH", 100)
    (repository / "train.py").write_text("x = 1\n" * 1000)
    part = look(repository / "train.py")
    assert "patch.diff" not in part.files
    assert part.data["git"]["changes"] == [[".M", "train.py"]]
    assert part.data["git"]["dirty"] is True
    assert "not kept" in part.data["notes"][0]


def test_where_git_is_missing_its_files_are_read(git, repository):
    """Commit and branch are known without the program; whether there are changes is not."""
    part = look(repository / "train.py", environ={"PATH": "/nowhere"})
    assert part.facts["git.commit"] == git(repository, "rev-parse", "HEAD")
    assert part.facts["git.branch"] == "main"
    assert "git.dirty" not in part.facts
    assert "not installed" in part.data["notes"][0]
    assert "sources/lib/model.py" in part.files


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user")
def test_where_git_refuses_its_files_are_read(git, repository):
    """A repository of another user, as in a container, still gives commit and branch."""
    commit = git(repository, "rev-parse", "HEAD")
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    part = look(repository / "train.py")
    assert part.facts["git.commit"] == commit
    assert "belongs to another user" in part.data["notes"][0]


def test_a_worktree_and_a_bare_surrounding(git, repository, tmp_path):
    """A worktree is a work tree; a folder inside ``.git`` and a bare repository are none."""
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-b", "side", str(tree))
    part = look(tree / "train.py")
    assert part.facts["git.branch"] == "side"
    assert part.data["git"]["worktree"] is True
    inside = repository / ".git" / "x.py"
    inside.write_text("")
    assert "git.dirty" not in look(inside).facts
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--bare", str(repository), str(bare))
    (bare / "x.py").write_text("")
    assert "git.dirty" not in look(bare / "x.py").facts


def test_before_the_first_commit_the_patch_holds_what_was_added(git, tmp_path):
    """A repository without a commit loses nothing: added files are in the patch."""
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("x = 1\n")
    git(tmp_path, "add", "train.py")
    part = look(tmp_path / "train.py")
    assert "git.commit" not in part.facts
    assert part.facts["git.branch"] == "main"
    assert b"+x = 1" in part.files["patch.diff"]


def test_no_time_left_leaves_things_out_and_says_so(repository):
    """With the budget spent the script is still kept, and git is read from its files."""
    (repository / "helper.py").write_text("")
    part = code(Redactor(), Deadline(0), program=["python", str(repository / "train.py")])
    assert part.files == {"script/train.py": b"print('train')\n"}
    assert part.facts["git.branch"] == "main"
    assert any("too long" in note for note in part.data["notes"])


def test_lazy_modules_are_not_woken(monkeypatch):
    """Looking for sources does not make a lazily imported module load itself."""

    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise AssertionError(f"{name} was asked for")

    monkeypatch.setitem(sys.modules, "lazy_module", Lazy("lazy_module"))
    monkeypatch.setitem(sys.modules, "odd_module", object())
    assert Path(__file__) in {path.resolve() for path in imported_sources()}


def test_modules_are_looked_at_once(monkeypatch, tmp_path):
    """Who asks again is told what was imported meanwhile, and what took the place of another."""
    seen: dict[str, int] = {}
    assert Path(__file__) in {path.resolve() for path in imported_sources(seen)}
    assert list(imported_sources(seen)) == []
    for name in ("first.py", "second.py"):
        module = types.ModuleType("fresh_module")
        module.__file__ = str(tmp_path / name)
        monkeypatch.setitem(sys.modules, "fresh_module", module)
        assert list(imported_sources(seen)) == [tmp_path / name]
