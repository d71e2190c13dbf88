"""The library before the C library writes down every use of a file, and the program cannot tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from notabene.capture import shim
from notabene.capture.shim import Seen

CSV = "open(F, 'w').write('a\\n1\\n')"
SYSTEM = ("/proc", "/etc", "/dev", "/usr")
Watch = Callable[..., list[Seen]]
PYTHON = (sys.executable, "-I", "-S", "-c")


def paths(seen: list[Seen], ops: str = "r") -> set[str]:
    """Paths of all events of some kinds, of all processes."""
    return {file.path for one in seen for file in one.events if file.op in ops}


def events(seen: list[Seen], path: Path) -> str:
    """Kinds of the events of one path, in their order."""
    return "".join(file.op for one in seen for file in one.events if file.path == str(path))


class TestWhatIsRecorded:
    """Opened, looked for, changed, listed and run."""

    def test_reads_writes_and_misses(self, watch, tmp_path):
        """Each kind of opening has its letter, and what a program looked for in vain has one."""
        for name in ("read", "both", "append"):
            (tmp_path / name).write_text("x")
        seen = watch(*PYTHON, """if 1:
            import os
            open("read").close(); open("new", "w").close(); open("both", "r+").close()
            open("fresh", "w+").close(); open("append", "a").close(); os.listdir(".")
            os.path.exists("no-1"); os.access("no-2", os.R_OK); os.path.islink("no-3")
            for call in (open, os.listdir, os.readlink, os.chdir):
                try: call("gone-" + call.__name__)
                except FileNotFoundError: pass
            try: open("read/below")
            except NotADirectoryError: pass
        """)  # fmt: skip
        at = {name: events(seen, tmp_path / name) for name in ("read", "new", "both", "fresh")}
        assert at == {"read": "r", "new": "w", "both": "b", "fresh": "w"}
        assert events(seen, tmp_path / "append") == "w"
        assert events(seen, tmp_path) == "d"
        missing = {f"gone-{name}" for name in ("open", "listdir", "readlink", "chdir")}
        missing |= {"no-1", "no-2", "no-3", "read/below"}
        assert {str(tmp_path / name) for name in missing} <= paths(seen, "m")

    def test_nothing_is_recorded_without_it(self, watch, tmp_path):
        """The records come from the library: without it, there are none."""
        (tmp_path / "read").touch()
        assert watch(*PYTHON, "open('read')", LD_PRELOAD="") == []

    def test_nothing_is_recorded_without_a_folder(self, watch, tmp_path):
        """Loaded without being told where to, the library does nothing."""
        (tmp_path / "read").touch()
        assert watch(*PYTHON, "open('read')", NOTABENE_SHIM_LOG="") == []

    def test_renamed_removed_truncated_and_linked(self, watch, tmp_path):
        """What is done to files by name is there with both names."""
        seen = watch(*PYTHON, """if 1:
            import os
            for name in "abcd": open(name, "w").close()
            os.rename("a", "a2"); os.replace("b", "b2"); os.unlink("c"); os.remove("a2")
            os.link("d", "e"); os.symlink("d", "f"); os.mkdir("g"); os.chdir("g")
            here = os.open("..", os.O_RDONLY | os.O_DIRECTORY)
            os.rename("d", "d2", src_dir_fd=here, dst_dir_fd=here); os.unlink("d2", dir_fd=here)
            os.truncate("../e", 3)
        """)  # fmt: skip
        (one,) = seen
        told = [(f.op, Path(f.path).name, Path(f.to).name) for f in one.events if f.op in "vuc"]
        assert told == [
            ("v", "a", "a2"), ("v", "b", "b2"), ("u", "c", ""), ("u", "a2", ""), ("c", "g", ""),
            ("v", "d", "d2"), ("u", "d2", ""),
        ]  # fmt: skip
        assert {str(tmp_path / name) for name in "ef"} <= paths(seen, "w")
        assert str(tmp_path / "g/../e") in paths(seen, "w")

    def test_once_for_each_process(self, watch, tmp_path):
        """A file opened again and again is recorded once, under each name that it was asked by."""
        (tmp_path / "read").touch()
        seen = watch(*PYTHON, """if 1:
            import os
            for i in range(50): open("read").close(); open(os.path.abspath("read")).close()
            if not os.fork():
                for i in range(50): open("read").close()
                os._exit(0)
            os.wait()
        """)  # fmt: skip
        assert [events([one], tmp_path / "read") for one in seen] == ["r", "r"]
        assert seen[1].parent == seen[0].process

    def test_noise_is_left_out(self, watch, tmp_path):
        """The system's files, compiled code and the folders given say nothing about a run."""
        for name in ("a.pyc", "b.so", "c.so.1.2", "d.solar", "skipped/e", "skipped2/f"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        seen = watch(*PYTHON, """if 1:
            import os
            for name in ("a.pyc", "b.so", "c.so.1.2", "d.solar", "skipped/e", "skipped2/f",
                         "/proc/self/stat", "/etc/passwd", "/dev/null", "/usr/bin/env"):
                open(name).close()
        """, NOTABENE_SHIM_SKIP=f"/nothing:{tmp_path}/skipped/")  # fmt: skip
        assert {path for path in paths(seen) if path.startswith((str(tmp_path), *SYSTEM))} == {
            str(tmp_path / "d.solar"),
            str(tmp_path / "skipped2/f"),
        }

    def test_any_name(self, watch, tmp_path):
        """Names with spaces, tabs, newlines, other alphabets and no valid UTF-8 come through."""
        names = [b"a b", b"tab\there", b"new\nline", "für 数据".encode(), b"\xff\xfe", b"x" * 250]
        for name in names:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
        seen = watch(*PYTHON, f"for name in {names!r}: open(name).close()")
        assert {os.fsencode(Path(path).name) for path in paths(seen)} >= set(names)

    def test_relative_paths_are_joined(self, watch, tmp_path):
        """With the working folder of the moment, or the folder that a descriptor is of."""
        for name in ("one/f", "two/f", "three/f"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).touch()
        seen = watch(*PYTHON, """if 1:
            import os
            os.chdir("one"); open("f").close(); os.chdir("../two"); open("./f").close()
            three = os.open("../three", os.O_RDONLY); os.fchdir(three); os.chdir("../one")
            os.close(os.open("f", os.O_RDONLY, dir_fd=three)); os.listdir(three)
        """)  # fmt: skip
        assert {str(tmp_path / name) for name in ("one/f", "two/f", "three/f")} <= paths(seen)
        assert str(tmp_path / "three") in paths(seen, "d")

    def test_folders_deeper_than_a_name_may_be_long(self, watch, tmp_path):
        """A working folder of more than a kilobyte is joined as well."""
        seen = watch(*PYTHON, """if 1:
            import os
            for i in range(8): os.mkdir("d" * 200); os.chdir("d" * 200)
            open("f", "w").close(); os.rename("f", "g"); os.unlink("g")
        """)  # fmt: skip
        deep = tmp_path.joinpath(*["d" * 200] * 8)
        assert (events(seen, deep / "f"), events(seen, deep / "g")) == ("wv", "u")

    def test_more_files_than_the_first_table_holds(self, watch, tmp_path):
        """Ten thousand files are all there, and once."""
        (tmp_path / "many").mkdir()
        code = "for k in 0, 1:\n for i in range(10_000): open(f'many/{i}', 'a').close()"
        seen = watch(*PYTHON, code)
        written = [f.path for one in seen for f in one.events if f.op == "w"]
        assert sorted(written) == sorted(str(tmp_path / f"many/{i}") for i in range(10_000))

    def test_the_head_names_the_program(self, watch, tmp_path):
        """Each log says which program it is of, and who started it."""
        (one,) = watch(*PYTHON, "open('none', 'w')")
        assert one.program == os.path.realpath(sys.executable)
        assert one.parent == os.getpid()
        assert abs(one.started - time.time_ns()) < 60e9

    def test_programs_that_are_run(self, watch, compiled, tmp_path):
        """A program is recorded where it is started, static ones included."""
        program = compiled("int main(void) { return 0; }", "-static", name="tool")
        seen = watch("sh", "-c", f"{program}; ./tool; nonesuch; ./nothing", check=False)
        assert str(program) in paths(seen, "x")
        assert str(tmp_path / "nothing") in paths(seen, "m")


class TestWhoIsRecorded:
    """Children of all kinds, threads, and processes that end badly."""

    def test_a_pipe_of_programs(self, watch, tmp_path):
        """Programs that a shell starts are watched as the shell is."""
        (tmp_path / "x").write_text("b\na\n")
        seen = watch("sh", "-c", "cat x | sort > y; cp y z; (cd /; cat $OLDPWD/z) >/dev/null")
        assert str(tmp_path / "x") in paths(seen)
        # coreutils is one program in some systems.
        assert len({one.process for one in seen}) >= 4
        assert {str(tmp_path / "y"), str(tmp_path / "z")} <= paths(seen, "w")
        assert str(tmp_path / "z") in paths(seen)
        assert (tmp_path / "y").read_text() == "a\nb\n"

    def test_subprocesses_of_python(self, watch, tmp_path):
        """Also those that share their parent's memory until they run their own program."""
        for name in ("x", "y", "below/z"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        seen = watch(*PYTHON, """if 1:
            import subprocess, os, sys
            open("x").close()
            for fds in True, False:
                subprocess.run(["cat", "y"], close_fds=fds, check=True)
                subprocess.run(["cat", "z"], cwd="below", close_fds=fds, check=True)
            os.posix_spawn("/bin/cat", ["cat", "y"], os.environ); os.wait()
            os.system("cat y"); open("w", "w").close()
        """)  # fmt: skip
        ran = [one for one in seen if str(tmp_path / "y") in paths([one])]
        assert len(ran) == 4
        assert str(tmp_path / "below/z") in paths(seen)
        (python,) = [one for one in seen if str(tmp_path / "x") in paths([one])]
        # The parent never left its folder, whatever its children did.
        assert "c" not in {file.op for file in python.events}
        assert str(tmp_path / "w") in paths([python], "w")

    def test_workers_that_leave_at_once(self, watch, tmp_path):
        """A forked worker that ends by ``os._exit`` has recorded everything."""
        for i in range(20):
            (tmp_path / f"f{i}").touch()
        seen = watch(*PYTHON, """if 1:
            import os
            for i in range(20):
                if not os.fork():
                    open(f"f{i}"); os._exit(0)
            for i in range(20): os.wait()
        """)  # fmt: skip
        assert {str(tmp_path / f"f{i}") for i in range(20)} <= paths(seen)
        assert len({one.process for one in seen}) >= 20

    @pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
    def test_multiprocessing(self, watch, tmp_path, way):
        """Workers of multiprocessing are watched, however they are started."""
        (tmp_path / "script.py").write_text(
            "import multiprocessing, sys\n"
            "def work(i): open(f'f{i}').close()\n"
            "if __name__ == '__main__':\n"
            "    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:\n"
            "        pool.map(work, range(6), chunksize=1)\n"
        )
        for i in range(6):
            (tmp_path / f"f{i}").touch()
        seen = watch(sys.executable, "-S", "script.py", way)
        assert {str(tmp_path / f"f{i}") for i in range(6)} <= paths(seen)

    def test_threads(self, watch, tmp_path):
        """Eight threads that open a thousand files each, at once: all are there, none is torn."""
        (tmp_path / "many").mkdir()
        seen = watch(*PYTHON, """if 1:
            import threading
            def work(k):
                for i in range(1000):
                    open(f"many/{k}-{i}", "w").close(); open("many/shared", "a").close()
            threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
            for one in threads: one.start()
            for one in threads: one.join()
        """)  # fmt: skip
        wanted = {str(tmp_path / f"many/{k}-{i}") for k in range(8) for i in range(1000)}
        assert wanted == paths(seen, "w") - {str(tmp_path / "many/shared")}

    def test_killed_at_once(self, watch, tmp_path):
        """A process that is killed right after it opened a file has recorded it."""
        (tmp_path / "last").touch()
        code = "import os; open('last'); os.kill(os.getpid(), 9)"
        assert str(tmp_path / "last") in paths(watch(*PYTHON, code, check=False))

    def test_descriptors_closed_under_it(self, watch, tmp_path):
        """A program that closes all descriptors and takes their numbers keeps its files clean."""
        seen = watch(*PYTHON, """if 1:
            import os
            open("one", "w").close()
            os.closerange(3, 4096)
            open("two", "w").close()
            mine = os.open("mine", os.O_RDWR | os.O_CREAT)
            for number in range(3, 1000):
                if number != mine: os.dup2(mine, number)
            open("three", "w").close()
            os.write(999, b"kept")
        """)  # fmt: skip
        assert {str(tmp_path / name) for name in ("one", "two", "three")} <= paths(seen, "w")
        assert (tmp_path / "mine").read_bytes() == b"kept"

    def test_few_descriptors(self, watch, tmp_path):
        """Where a process may have few descriptors, the log takes a lower one."""
        seen = watch("sh", "-c", "ulimit -n 40; exec cat program.txt >out; ", check=False)
        assert str(tmp_path / "program.txt") in paths(seen, "m")

    def test_a_limit_on_the_size_of_files(self, watch, tmp_path):
        """Where files may not grow, records are lost and the program lives."""
        (tmp_path / "read").touch()
        code = """if 1:
            import os, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            open("read").close()
            for i in range(3000): os.access(f"missing-{i}", 0)
        """
        seen = watch("sh", "-c", 'ulimit -f 8; "$@"', "-", *PYTHON, code)
        assert str(tmp_path / "read") in paths(seen)
        assert 0 < len(paths(seen, "m")) < 3000
        code = code.replace(
            "open(", "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (9, 9)); open("
        )
        watch(*PYTHON, code)

    def test_a_log_that_cannot_be_written(self, watch, tmp_path):
        """Without its folder the library is silent, and the program none the wiser."""
        (tmp_path / "read").write_text("x")
        code = "print(open('read').read())"
        assert watch(*PYTHON, code, NOTABENE_SHIM_LOG=str(tmp_path / "gone")) == []
        assert watch.printed == b"x\n"


class TestReadersInC:
    """Readers that open files without telling Python."""

    @pytest.mark.parametrize(
        ("module", "make", "use"),
        [
            ("pyarrow",
             "import pyarrow as p, pyarrow.parquet as q; q.write_table(p.table({'a': [1]}), F)",
             "import pyarrow.parquet as q; q.read_table(F)"),
            ("pyarrow", CSV, "import pyarrow.csv as c; c.read_csv(F)"),
            ("pyarrow", CSV, "import pyarrow; pyarrow.memory_map(F).read()"),
            ("pyarrow", CSV,
             "import pyarrow.dataset as d; d.dataset(F, format='csv').to_table()"),
            ("polars", CSV, "import polars; polars.read_csv(F)"),
            ("polars", "import polars; polars.DataFrame({'a': [1]}).write_parquet(F)",
             "import polars; polars.scan_parquet(F).collect()"),
            ("h5py", "import h5py; h5py.File(F, 'w')['a'] = [1]",
             "import h5py; h5py.File(F)['a'][:]"),
            ("safetensors",
             "import numpy as n, safetensors.numpy as s; s.save_file({'a': n.ones(2)}, F)",
             "import safetensors.numpy as s; s.load_file(F)"),
            ("xgboost", "open(F, 'w').write('1 0:1\\n')",
             "import xgboost; xgboost.DMatrix(F + '?format=libsvm')"),
            ("numpy", "import numpy; numpy.ones(4).tofile(F)",
             "import numpy; numpy.memmap(F, mode='r')"),
            ("sqlite3", "import sqlite3; sqlite3.connect(F).execute('create table t (x)')",
             "import sqlite3; sqlite3.connect(F).execute('select * from t')"),
            ("ctypes", "open(F, 'w')",
             "import ctypes; c = ctypes.CDLL(None); c.fopen.restype = ctypes.c_void_p;"
             "assert c.fopen(F.encode(), b'r')"),
        ],
    )  # fmt: skip
    def test_reader(self, watch, tmp_path, module, make, use):
        """The file that the reader opened is there."""
        pytest.importorskip(module)
        file = tmp_path / "data"
        code = f"F = {str(file)!r}\n"
        subprocess.run([sys.executable, "-c", code + make], check=True, timeout=120)
        assert str(file) in paths(watch(sys.executable, "-c", code + use), "rb")

    def test_every_way_to_open(self, watch, compiled, tmp_path):
        """Each function of the C library that opens files by name is seen."""
        ways = {
            "open": "open(F, 0)", "open64": "open64(F, 0)", "openat": "openat(-100, F, 0)",
            "openat64": "openat64(-100, F, 0)", "fopen": 'fopen(F, "r")',
            "fopen64": 'fopen64(F, "r")', "freopen": 'freopen(F, "r", stdin)',
            "open_2": "__open_2(F, 0)", "open64_2": "__open64_2(F, 0)",
            "openat_2": "__openat_2(-100, F, 0)", "creat": "creat(F, 0600)",
            "opendir": 'opendir(D)', "scandir": "scandir(D, &n, 0, 0)",
        }  # fmt: skip
        text = "#define _GNU_SOURCE\n#include <fcntl.h>\n#include <stdio.h>\n#include <dirent.h>\n"
        text += "int __open_2(const char *, int), __open64_2(const char *, int);\n"
        text += "int __openat_2(int, const char *, int);\nint main(void) { struct dirent **n;\n"
        for name, call in ways.items():
            (tmp_path / name).touch()
            (tmp_path / f"{name}.d").mkdir()
            call = call.replace("F", f'"{name}"').replace("D", f'"{name}.d"')
            text += call + ";\n"
        seen = watch(compiled(text + "return 0; }"))
        wanted = {str(tmp_path / (f"{n}.d" if "D" in c else n)) for n, c in ways.items()}
        assert wanted <= paths(seen, "rwd")


class TestTheProgramCannotTell:
    """Results, error numbers and output are what they are without the library."""

    def test_error_numbers(self, watch, compiled, tmp_path):
        """A call that fails says why, and one that succeeds leaves the number alone."""
        (tmp_path / "there").write_text("x")
        (tmp_path / "folder").mkdir()
        program = compiled("""
            #define _GNU_SOURCE
            #include <errno.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            #include <dirent.h>
            #include <spawn.h>
            #include <string.h>
            #include <sys/stat.h>
            #define NOT(call) { printf("%s: %d\\n", #call, errno); bad = 1; }
            #define IS(call, result, number) errno = 77; \\
                if ((long)(call) != (result) || errno != (number)) NOT(call)
            #define OK(call) errno = 77; if ((long)(call) == -1 || errno != 77) NOT(call)
            int main(void) {
                int bad = 0; struct stat s; char b[99]; pid_t p; char *none[] = {"x", 0};
                IS(open("no", 0), -1, ENOENT) IS(open("there/x", 0), -1, ENOTDIR)
                IS(open("folder", O_WRONLY), -1, EISDIR) IS(open("", 0), -1, ENOENT)
                IS(open(NULL, 0), -1, EFAULT) IS(access("no", R_OK), -1, ENOENT)
                IS(fopen("no", "r"), 0, ENOENT) IS(opendir("no"), 0, ENOENT)
                IS(opendir("there"), 0, ENOTDIR) IS(stat("no", &s), -1, ENOENT)
                IS(lstat("no", &s), -1, ENOENT) IS(fstatat(99, "no", &s, 0), -1, EBADF)
                IS(openat(99, "no", 0), -1, EBADF) IS(unlink("no"), -1, ENOENT)
                IS(rename("no", "no2"), -1, ENOENT) IS(readlink("there", b, 9), -1, EINVAL)
                IS(execv("no", none), -1, ENOENT) IS(execvp("no-such", none), -1, ENOENT)
                IS(execlp("no-such", "x", NULL), -1, ENOENT)
                IS(open("there", O_CREAT | O_EXCL | O_RDWR, 0600), -1, EEXIST)
                if (posix_spawn(&p, "no", 0, 0, none, none) != ENOENT) bad = 1;
                OK(open("there", 0)) OK(access("there", 0)) OK(stat("there", &s))
                OK(fopen("there", "r")) OK(opendir("folder")) OK(rename("there", "here"))
                OK(chdir("folder")) OK(open("made", O_CREAT | O_RDWR, 0640)) OK(unlink("made"))
                OK(open("made2", O_CREAT | O_WRONLY, 0604)) umask(0); OK(creat("made3", 0606))
                stat("made3", &s); if ((s.st_mode & 0777) != 0606) bad = 1;
                return bad;
            }
        """)  # fmt: skip
        watch(program)
        assert watch.printed == b""

    def test_a_small_computation(self, watch, tmp_path):
        """A program that computes prints the same, with the library and without."""
        pytest.importorskip("numpy")
        code = (
            "import numpy as n; x = n.random.default_rng(3).normal(size=(200, 200));"
            "n.save('x.npy', x); print(float((n.load('x.npy') @ x).sum()).hex())"
        )
        watch(sys.executable, "-c", code)
        with_it = watch.printed
        watch(sys.executable, "-c", code, LD_PRELOAD="")
        assert watch.printed == with_it != b""

    def test_with_another_library(self, watch, compiled, lib, tmp_path):
        """A library that is loaded already stays first, and both see the call."""
        other = compiled(
            "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\n"
            "int access(const char *p, int m) { write(1, p, 5);"
            "return ((int (*)(const char *, int))dlsym(RTLD_NEXT, \"access\"))(p, m); }",
            "-shared", "-fPIC", "-ldl", name="other.so",
        )  # fmt: skip
        given = {"LD_PRELOAD": str(other)}
        both = shim.preload(given, lib, tmp_path / "log")["LD_PRELOAD"]
        assert both == f"{other}:{lib}"
        seen = watch(*PYTHON, "import os; os.access('other', 0)", LD_PRELOAD=both)
        assert watch.printed == b"other"
        assert str(tmp_path / "other") in paths(seen, "m")

    def test_programs_with_a_sanitizer(self, watch, compiled, tmp_path):
        """A program built with AddressSanitizer starts, and is watched."""
        program = compiled(
            "#include <stdio.h>\nint main(void) { return !fopen(\"in\", \"r\"); }",
            "-fsanitize=address",
        )  # fmt: skip
        (tmp_path / "in").touch()
        assert str(tmp_path / "in") in paths(watch(program))

    def test_small_stacks_and_signals(self, watch, compiled, tmp_path):
        """Files may be opened in a signal handler on a small stack, and in the smallest threads."""
        (tmp_path / "f").touch()
        program = compiled("""
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <limits.h>
            #include <pthread.h>
            #include <signal.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void on(int s) { if (open("f", 0) < 0 || access("gone", 0) == 0) _exit(3); }
            static void *run(void *x) { on(0); open("thread", 0); return 0; }
            int main(void) {
                stack_t s = {malloc(8192), 0, 8192}; sigaltstack(&s, 0);
                struct sigaction a = {.sa_handler = on, .sa_flags = SA_ONSTACK};
                sigaction(SIGUSR1, &a, 0);
                raise(SIGUSR1);
                pthread_attr_t t; pthread_attr_init(&t);
                pthread_attr_setstacksize(&t, PTHREAD_STACK_MIN);
                pthread_t id; pthread_create(&id, &t, run, 0); pthread_join(id, 0);
                return 0;
            }
        """, "-pthread")  # fmt: skip
        seen = watch(program)
        assert {str(tmp_path / name) for name in ("gone", "thread")} <= paths(seen, "m")

    def test_vfork(self, watch, compiled, tmp_path):
        """A vfork child that opens, changes folder and fails to run leaves its parent as it was."""
        for name in ("f", "sub/f", "g"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        seen = watch(compiled("""
            #include <fcntl.h>
            #include <unistd.h>
            #include <sys/wait.h>
            int main(void) {
                for (int i = 0; i < 3; i++) {
                    if (!vfork()) { chdir("sub"); open("f", 0); execl("./none", "x", 0); _exit(0); }
                    wait(0);
                    open("g", 0);
                }
                open("f", 0);
                return 0;
            }
        """))  # fmt: skip
        assert len(seen) == 1
        assert {str(tmp_path / name) for name in ("f", "g", "sub/f")} <= paths(seen)
        assert events(seen, tmp_path / "g") == "r"
        assert str(tmp_path / "sub/./none").replace("/./", "/") in paths(seen, "m")

    def test_kernels_that_do_not_empty_memory(self, watch, tmp_path):
        """Where a forked child has its parent's memory as it was, it records all the same."""
        old = shim.build(tmp_path / "old.so", flags=["-DSHIM_WIPE=9999"])
        assert old.path
        for name in ("one", "two"):
            (tmp_path / name).touch()
        code = """if 1:
            import os, subprocess
            open("one").close()
            if not os.fork(): open("one").close(); open("two").close(); os._exit(0)
            os.wait(); subprocess.run(["cat", "one"]); open("two").close()
        """
        seen = watch(*PYTHON, code, LD_PRELOAD=str(old.path))
        assert sorted(events([one], tmp_path / "one") for one in seen)[-3:] == ["r"] * 3
        assert sum(str(tmp_path / "two") in paths([one]) for one in seen) == 2

    def test_generations(self, watch, tmp_path):
        """A child of children of children does not carry the descriptors of all their logs."""
        (tmp_path / "f").touch()
        watch(*PYTHON, """if 1:
            import os
            for i in range(40):
                open("f").close()
                if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
            open("f").close()
            assert len(os.listdir("/proc/self/fd")) < 8
        """)  # fmt: skip

    def test_forks_of_many_threads(self, watch, tmp_path):
        """Children forked while other threads open files do not hang."""
        seen = watch(*PYTHON, """if 1:
            import os, threading, warnings
            warnings.simplefilter("ignore")
            done = []
            def work(k):
                i = 0
                while not done:
                    i += 1; open(f"w{k}-{i % 300}", "w").close()
            threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
            for one in threads: one.start()
            for i in range(100):
                child = os.fork()
                if not child:
                    os.close(os.open(f"child-{i}", os.O_CREAT)); os._exit(0)
                os.waitpid(child, 0)
            done.append(1)
        """)  # fmt: skip
        assert {str(tmp_path / f"child-{i}") for i in range(100)} <= paths(seen)


def test_time_of_an_open(watch, tmp_path):
    """What an open costs is printed, with the library and without; nothing is asserted of it."""
    (tmp_path / "many").mkdir()
    for i in range(20_000):
        (tmp_path / f"many/{i}").touch()
    code = """if 1:
        import os, time
        here = os.getcwd()
        for part in "first", "again":
            before = time.process_time()
            for i in range(20_000): os.close(os.open(f"{here}/many/{i}", 0))
            print(part, round((time.process_time() - before) / 20_000 * 1e6, 2), "us", end="  ")
    """
    seen = watch(*PYTHON, code)
    with_it = watch.printed.decode()
    watch(*PYTHON, code, LD_PRELOAD="")
    print(f"\nwith: {with_it}\nwithout: {watch.printed.decode()}")
    assert len(paths(seen)) >= 20_000
