"""When a run is repeated, programs are shown other files, and Python draws its secret of then."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notabene.capture import shim

SECRET = "00112233445566778899aabbccddeeff0011223344556677"
SHOW = (
    "import ctypes;"
    "s = bytes((ctypes.c_ubyte * 24).in_dll(ctypes.pythonapi, '_Py_HashSecret')).hex();"
    "print(s, hash('abc'), list({'a', 'b', 'c', 'd', 'e', 'f', 'g'}))"
)
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
PYTHONS = sorted(PYENV.glob("versions/3.*/bin/python")) or [Path(sys.executable)]


@pytest.fixture
def replay(lib, tmp_path) -> Callable[..., str]:
    """Runs a program in ``tmp_path`` with other files, and gives back what it printed.

    Paths without a slash at their beginning are below ``tmp_path``.
    """
    (tmp_path / "log").mkdir()

    def run(*command: object, instead: dict[str, str | None], secret: str = "") -> str:
        table = {
            str(tmp_path / asked): shown and str(tmp_path / shown)
            for asked, shown in instead.items()
        }
        assert shim.write_map(tmp_path / "map", table) == []
        variables = shim.preload(
            os.environ, lib, tmp_path / "log", map=tmp_path / "map", hash_secret=secret
        )
        done = subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def python(replay) -> Callable[..., str]:
    """As ``replay``, for code."""
    return lambda code, **more: replay(sys.executable, "-I", "-S", "-c", code, **more)


class TestOtherFiles:
    """A path asked for, and the file that is used."""

    def test_a_file(self, python, tmp_path):
        """By its full name, relative to the working folder, and with detours."""
        (tmp_path / "now.csv").write_text("now")
        (tmp_path / "then.csv").write_text("then")
        code = "for p in '{}', 'now.csv', './/x/..//now.csv': print(open(p).read())"
        (tmp_path / "x").mkdir()
        printed = python(code.format(tmp_path / "now.csv"), instead={"now.csv": "then.csv"})
        assert printed == "then\n" * 3

    def test_the_longest_path_counts(self, python, tmp_path):
        """A file's own line goes before its folder's, and folders end where names end."""
        for name in ("a/b/c/f", "a/bc/f", "one/c/f", "two/f", "three", "x/f"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        (tmp_path / "one/g").write_text("one/g")
        printed = python(
            "for n in 'a/b/c/f', 'a/bc/f', 'a/b/g', 'a/b/c/h', 'x/f': print(open(n).read())",
            instead={"a/b": "one", "a/b/c": "two", "a/b/c/h": "three"},
        )
        assert printed.split() == ["two/f", "a/bc/f", "one/g", "three", "x/f"]

    def test_not_there(self, python, tmp_path):
        """What was not there then is not there now, for all that ask."""
        (tmp_path / "model.ckpt").write_text("x")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder/f").touch()
        code = """if 1:
            import os
            n = "model.ckpt"
            print(os.path.exists(n), os.path.lexists(n), os.access(n, 4), os.access("folder/f", 0))
            for call in (open, os.stat, os.lstat, os.readlink, os.unlink, os.listdir, os.chdir,
                         os.rmdir, os.statvfs, os.listxattr, os.utime, os.scandir,
                         lambda n: os.rename(n, "b"), lambda n: os.link(n, "b"),
                         lambda n: os.truncate(n, 0), lambda n: os.execv(n, [n]),
                         lambda n: os.chmod(n, 1), lambda n: os.chown(n, 0, 0),
                         lambda n: os.posix_spawn(n, [n], {})):
                try: call(n)
                except FileNotFoundError: continue
                print(call)
        """  # fmt: skip
        printed = python(code, instead={"model.ckpt": None, "folder": None})
        assert printed == "False False False False\n"
        assert (tmp_path / "model.ckpt").read_text() == "x"
        missing = {f.path for one in shim.read(tmp_path / "log") for f in one.events if f.op == "m"}
        assert {str(tmp_path / "model.ckpt"), str(tmp_path / "folder/f")} <= missing

    def test_a_folder(self, python, tmp_path):
        """Its listing, its files by name and descriptor, and the way into it, are the other's."""
        (tmp_path / "then/sub").mkdir(parents=True)
        (tmp_path / "then/f").write_text("f of then")
        (tmp_path / "own").write_text("own of then")
        code = """if 1:
            import os, glob
            n = os.path.abspath("data")
            print(sorted(os.listdir(n)), sorted(e.name for e in os.scandir(n)), end=" ")
            print(glob.glob(n + "/s*") == [n + "/sub"])
            d = os.open(n, os.O_RDONLY)
            print(os.read(os.open("f", os.O_RDONLY, dir_fd=d), 99), os.listdir(d) == os.listdir(n))
            print(os.read(os.open("own", os.O_RDONLY, dir_fd=d), 99))
            os.chdir("data"); print(open("f").read(), os.path.isdir("sub"), open("own").read())
            open("new", "w").close(); os.rename("new", "new2"); os.unlink("new2")
            os.mkdir("m"); os.rmdir("m")
            os.rename(n + "/f", n + "/g"); print(os.path.exists(n + "/g"), os.path.exists("f"))
        """  # fmt: skip
        printed = python(code, instead={"data": "then", "data/own": "own"}).splitlines()
        assert printed == [
            "['f', 'sub'] ['f', 'sub'] True",
            "b'f of then' True",
            "b'own of then'",
            "f of then True own of then",
            "True False",
        ]
        assert (tmp_path / "then/g").exists()
        assert not (tmp_path / "data").exists()
        seen = [f for one in shim.read(tmp_path / "log") for f in one.events]
        # The names of then, also where the working folder gave those of now.
        own = {f.path for f in seen if f.path.startswith(str(tmp_path))}
        assert {str(tmp_path / f"data/{name}") for name in ("f", "own", "new", "new2")} <= own
        assert not [path for path in own if path.startswith(str(tmp_path / "then"))]

    def test_two_files_changed_about(self, python, tmp_path):
        """Each can be shown in the other's place, and both keep their names in the record."""
        for name in "ab":
            (tmp_path / name).write_text(name)
        printed = python("print(open('a').read(), open('b').read())", instead={"a": "b", "b": "a"})
        assert printed == "b a\n"

    def test_a_database(self, python, tmp_path):
        """SQLite reads and writes the other file, journal and all."""
        (tmp_path / "then").mkdir()
        with sqlite3.connect(tmp_path / "then/d.sqlite") as database:
            database.execute("create table t (x)")
        database.close()
        code = (
            "import sqlite3; c = sqlite3.connect('d.sqlite');"
            "c.execute('insert into t values (7)'); c.commit();"
            "print(c.execute('select x from t').fetchall())"
        )
        names = {f"d.sqlite{end}": f"then/d.sqlite{end}" for end in ("", "-journal", "-wal")}
        assert python(code, instead=names) == "[(7,)]\n"
        assert not (tmp_path / "d.sqlite").exists()

    @pytest.mark.parametrize("module", ["pyarrow", "polars"])
    def test_a_reader_in_c(self, replay, tmp_path, module):
        """A reader that tells Python nothing is shown the other file as well."""
        pytest.importorskip(module)
        (tmp_path / "now.csv").write_text("a\n1\n")
        (tmp_path / "then.csv").write_text("a\n2\n")
        code = {
            "pyarrow": "import pyarrow.csv as c; print(c.read_csv('now.csv')['a'].to_pylist())",
            "polars": "import polars; print(polars.read_csv('now.csv')['a'].to_list())",
        }[module]
        printed = replay(sys.executable, "-c", code, instead={"now.csv": "then.csv"})
        assert printed == "[2]\n"

    def test_programs(self, replay, tmp_path):
        """Children see what their parents see, and may be others themselves."""
        (tmp_path / "now").write_text("now\n")
        (tmp_path / "then").write_text("then\n")
        (tmp_path / "tool2").write_text("#!/bin/sh\ncat now\nls now gone 2>/dev/null\n")
        (tmp_path / "tool2").chmod(0o755)
        (tmp_path / "gone").touch()
        command = "cat now; cp now copy; ./tool || true; test -e gone || echo none; rm now"
        instead = {"now": "then", "tool": "tool2", "gone": None}
        assert replay("sh", "-c", command, instead=instead) == "then\nthen\nnow\nnone\n"
        assert (tmp_path / "copy").read_text() == "then\n"
        assert (tmp_path / "now").read_text() == "now\n"
        assert not (tmp_path / "then").exists()

    def test_links(self, python, tmp_path):
        """A link to a path made now leads to the other file; relative ones are kept as they are."""
        (tmp_path / "then").write_text("then")
        code = """if 1:
            import os
            os.symlink(os.path.abspath("now"), "l"); os.symlink("../x", "r")
            print(open("l").read(), os.readlink("r"))
        """
        assert python(code, instead={"now": "then"}) == "then ../x\n"

    def test_no_map(self, python, tmp_path):
        """An empty table changes nothing."""
        (tmp_path / "now").write_text("now")
        assert python("print(open('now').read())", instead={}) == "now\n"

    def test_many_lines(self, python, tmp_path):
        """Ten thousand files, each with one of its own."""
        (tmp_path / "then").mkdir()
        table = {f"data/{i}": f"then/{i * 7 % 10_000}" for i in range(10_000)}
        for i in range(0, 10_000, 100):
            (tmp_path / f"then/{i}").write_text(str(i))
        code = (
            "print(sum(int(open(f'data/{i}').read()) == i * 7 % 10_000"
            " for i in range(0, 10_000, 100)))"
        )
        assert python(code, instead=table) == "100\n"

    def test_paths_that_no_line_can_hold(self, tmp_path):
        """A path with a tab or newline cannot be written down, and is given back."""
        refused = shim.write_map(
            tmp_path / "map", {"/a\tb": "/c", "/a": "/c\nd", "x": "/y", "/z": None}
        )
        assert refused == ["/a\tb", "/a", "x"]
        assert (tmp_path / "map").read_text() == "/z\t-\n"


class TestSecretOfHashes:
    """The order of sets is that of the run that is repeated."""

    @pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
    def test_as_in_the_other_process(self, replay, python, tmp_path):
        """A process given the secret of another has its hashes and the order of its sets."""
        try:
            free = subprocess.run(
                [python, "-I", "-c", SHOW], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this one does not run")
        secret = free.stdout.split()[0]
        for _ in range(2):
            assert replay(python, "-I", "-c", SHOW, instead={}, secret=secret) == free.stdout
        other = replay(python, "-I", "-c", SHOW, instead={}, secret=SECRET)
        assert other.startswith(SECRET)
        assert other != free.stdout

    def test_children_too(self, replay):
        """Pythons started by Python have the secret as well."""
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}])"
        assert replay(sys.executable, "-c", code, instead={}, secret=SECRET).startswith(SECRET)

    def test_nothing_else_is_replayed(self, replay):
        """Draws of the same size later, in a child, or with a fixed seed, are as random as ever."""
        code = """if 1:
            import os, secrets
            draws = [os.urandom(24), secrets.token_bytes(24), os.getrandom(24), os.getrandom(24, 1)]
            read, write = os.pipe()
            if not os.fork(): os.write(write, os.getrandom(24, 1)); os._exit(0)
            print(len({*draws, os.read(read, 24), bytes.fromhex("%s")}))
        """  # fmt: skip
        assert replay(sys.executable, "-c", code % SECRET, instead={}, secret=SECRET) == "6\n"
        words = ("env", "PYTHONHASHSEED=0", sys.executable, "-c", code % SECRET)
        assert replay(*words, instead={}, secret=SECRET) == "6\n"

    def test_other_programs_are_left_alone(self, replay, tmp_path):
        """A program that is not called python draws what it would."""
        compiler = next(filter(None, map(shutil.which, shim.COMPILERS)), None)
        if compiler is None:
            pytest.skip("no compiler")
        (tmp_path / "draw.c").write_text(
            "#define _GNU_SOURCE\n#include <sys/random.h>\n#include <stdio.h>\n"
            "#include <unistd.h>\n#include <sys/syscall.h>\n"
            "int main(void) { unsigned char b[24], c[24];"
            "if (getrandom(b, 24, 1) != 24) return 1; syscall(SYS_getrandom, c, 24, 1);"
            'for (int i = 0; i < 24; i++) printf("%02x", b[i]); puts("");'
            'for (int i = 0; i < 24; i++) printf("%02x", c[i]); puts("");}'
        )
        drawn = {}
        for name in ("draw", "python9"):
            subprocess.run([compiler, "-o", name, "draw.c"], cwd=tmp_path, check=True)
            drawn[name] = replay(tmp_path / name, instead={}, secret=SECRET).split()
        assert SECRET not in drawn["draw"]
        assert drawn["python9"][0] == SECRET != drawn["python9"][1]

    def test_pythons_that_ask_the_system_directly(self, replay, tmp_path):
        """Those built for old C libraries draw by ``syscall``, which is seen as well."""
        compiler = next(filter(None, map(shutil.which, shim.COMPILERS)), None)
        if compiler is None:
            pytest.skip("no compiler")
        (tmp_path / "draw.c").write_text(
            "#define _GNU_SOURCE\n#include <stdio.h>\n#include <unistd.h>\n"
            "#include <sys/syscall.h>\nint main(void) { unsigned char b[24];"
            "if (syscall(SYS_getrandom, b, 24, 1) != 24) return 1;"
            'for (int i = 0; i < 24; i++) printf("%02x", b[i]);'
            "return syscall(SYS_getppid) != getppid() || syscall(SYS_close, 99) != -1"
            " || syscall(SYS_mmap, 0, 9, 1, 34, -1, 1) != -1"
            " || syscall(SYS_mmap, 0, 9, 1, 34, -1, 0) == -1; }"
        )
        subprocess.run([compiler, "-o", "python2", "draw.c"], cwd=tmp_path, check=True)
        assert replay(tmp_path / "python2", instead={}, secret=SECRET) == SECRET
