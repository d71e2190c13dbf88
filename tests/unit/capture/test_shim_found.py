"""The library before the C library: built and found, and its logs read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from notabene.capture import shim
from notabene.capture.shim import Found


class TestReading:
    """What stands in the logs, also in those that were cut."""

    def test_torn_and_foreign(self, tmp_path):
        """Whole records are read; a torn one, files without a head and others are left out."""
        log = tmp_path / "7-900.files"
        whole = b"#\t1\t7\t3\t/bin/x\0r\t5\t/a\0v\t6\t/b\1/c\0bad\0r\t7\trelative\0q"
        log.write_bytes(whole + b"\tx\t/a\0\0r\t8\t/torn")
        (tmp_path / "8-100.files").write_bytes(b"r\t5\t/a\0")
        (tmp_path / "9-100.files").write_bytes(b"")
        (tmp_path / "readme").write_text("no")
        (one,) = shim.read(tmp_path)
        assert (one.process, one.parent, one.program, one.started) == (7, 3, "/bin/x", 900)
        assert [(f.op, f.ms, f.path, f.to) for f in one.events] == [
            ("r", 5, "/a", ""),
            ("v", 6, "/b", "/c"),
        ]

    def test_in_the_order_of_their_start(self, tmp_path):
        """Processes come as they began."""
        for process, start in ((5, 300), (6, 100), (7, 200)):
            head = f"#\t1\t{process}\t1\t/x\0".encode()
            (tmp_path / f"{process}-{start}.files").write_bytes(head)
        assert [one.process for one in shim.read(tmp_path)] == [6, 7, 5]

    def test_logs_are_private(self, watch, tmp_path):
        """Nobody else may read which files someone uses."""
        watch(sys.executable, "-I", "-S", "-c", "open('x', 'w')")
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "log").iterdir()}
        assert modes == {0o600}


class TestFinding:
    """Building the library, and saying why there is none."""

    @pytest.fixture
    def cache(self, lib, tmp_path) -> Path:
        """The library as it lies in a cache of its own, ``tmp_path``."""
        (tmp_path / "shim").mkdir()
        return Path(shutil.copy2(lib, tmp_path / "shim"))

    def test_built_once(self, cache, tmp_path, monkeypatch):
        """What was built and tried is taken from the cache without either."""
        assert shim.find(tmp_path).path
        monkeypatch.setattr(shim, "build", None)
        monkeypatch.setattr(shim, "_fault", None)
        assert shim.find(tmp_path).path is not None

    def test_no_compiler(self, tmp_path, monkeypatch):
        """Without a compiler there is no library, and the reason is in words."""
        monkeypatch.setattr(shim, "SHIPPED", "none")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert shim.find(tmp_path) == Found(why="there is no compiler here (cc, gcc, clang)")

    def test_a_compiler_that_fails(self, lib, tmp_path):
        """Its error is the reason, and nothing is left behind."""
        found = shim.build(tmp_path / "x.so", flags=["-fnonsense"])
        assert found.path is None
        assert "nonsense" in found.why
        assert list(tmp_path.iterdir()) == []

    def test_a_cache_that_cannot_be_written(self, lib, tmp_path, monkeypatch):
        """Where nothing can be written, there is no library."""
        (tmp_path / "file").touch()
        monkeypatch.setattr(shim, "SHIPPED", "none")
        assert "cannot be built" in shim.find(tmp_path / "file").why

    def test_a_library_that_others_may_write(self, cache, tmp_path):
        """What others could have replaced is not put into programs."""
        cache.chmod(0o777)
        assert "written by others" in shim.find(tmp_path).why

    def test_a_name_that_cannot_be_given(self, lib, tmp_path, monkeypatch):
        """LD_PRELOAD has no way to write a space or a colon."""
        monkeypatch.setattr(shim, "SHIPPED", "none")
        assert "cannot name" in shim.find(tmp_path / "a b").why

    def test_what_the_loader_refuses(self, lib, tmp_path):
        """A file that is no library is found out before a program is started with it."""
        bad = tmp_path / "bad.so"
        bad.write_bytes(b"\x7fELF nonsense")
        assert not shim.works(bad)
        assert shim.works(lib)

    def test_built_at_once_by_many(self, lib, tmp_path):
        """Several programs that build it at the same time all get a whole one."""
        code = (
            "import sys; from pathlib import Path; from notabene.capture import shim;"
            "f = shim.find(Path(sys.argv[1])); sys.exit(f.why or (0 if shim.works(f.path) else 2))"
        )
        each = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
        assert [one.wait(120) for one in each] == [0, 0, 0]

    def test_variables(self, tmp_path):
        """What was in LD_PRELOAD and ASAN_OPTIONS stays, and ours is there once."""
        given = {"LD_PRELOAD": "/a.so  /lib.so:/b.so", "ASAN_OPTIONS": "x=1"}
        found = shim.preload(given, Path("/lib.so"), tmp_path, skip=["/s", "", "/a:b"])
        assert found == {
            "LD_PRELOAD": "/a.so:/b.so:/lib.so",
            "ASAN_OPTIONS": "x=1:verify_asan_link_order=0",
            "NOTABENE_SHIM_LOG": str(tmp_path),
            "NOTABENE_SHIM_SKIP": "/s",
        }
        with pytest.raises(ValueError, match="'zz'"):
            shim.preload({}, Path("/lib.so"), tmp_path, hash_secret="zz")

    @pytest.mark.skipif(not shutil.which("musl-gcc"), reason="no musl here")
    def test_musl(self, compiled, tmp_path):
        """The sources compile against musl as well."""
        found = shim.build(tmp_path / "musl.so", "musl-gcc")
        assert found.path, found.why
