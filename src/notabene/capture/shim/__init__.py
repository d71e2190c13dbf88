"""Files that no hook of Python's sees: a library between a program and the C library.

``notabene run`` has the dynamic loader put it into the program and its children (``LD_PRELOAD``).
It writes down which files they open, look for, rename and remove, also where code in C does so; and
when a run is repeated, it shows them other files in place of those they ask for. The library is
``shim.c``; what it does and what escapes it is in ``docs/explanation/shim.md``.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from notabene.model.canonical import digest_bytes
from notabene.settings import cache_folder, environment

SOURCES = ("shim.c", "shim.h", "system.h")
SHIPPED = "shim.so"
"""Name of the library in wheels that were made where there was a compiler."""
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-s",
         "-Wl,-z,now", "-Wl,-Bsymbolic")  # fmt: skip
SUFFIX = ".files"
ASAN = "verify_asan_link_order=0"
"""Programs built with AddressSanitizer refuse to start behind any other library, but for this."""
PROBE = "/notabene looks whether this is recorded"
_HERE = Path(__file__).parent
_UNNAMEABLE = re.compile(r"[\s:$]")  # the loader parts the list at spaces and colons
_SECRET = re.compile(r"[0-9a-fA-F]{48}")


class Found(msgspec.Struct, frozen=True):
    """A library that works here, or why there is none."""

    path: Path | None = None
    why: str = ""


class SeenFile(msgspec.Struct, frozen=True, gc=False):
    """One thing that a process did with a file, first time it did.

    ``op`` is ``r`` (opened for reading), ``w`` (for writing, or made), ``b`` (both), ``m`` (looked
    for, and not there), ``d`` (folder listed), ``x`` (run), ``v`` (renamed to ``to``), ``u``
    (removed), ``c`` (made the working folder), or ``!`` (the log is full: nothing follows).
    ``ms`` counts from the start of the process. Bytes of a path that are no UTF-8 are kept as
    `os.fsdecode` keeps them.
    """

    op: str
    ms: int
    path: str
    to: str = ""


class Seen(msgspec.Struct, frozen=True):
    """What one program did in one process; ``started`` is in nanoseconds since 1970."""

    process: int
    parent: int
    program: str
    events: list[SeenFile]
    started: int = 0


def find(cache: Path | None = None) -> Found:
    """The library to use here: the one in the package, or one built once into the cache.

    Args:
        cache: Where to build; default is the user's cache folder.
    """
    if not sys.platform.startswith("linux"):
        return Found(why=f"it is for Linux, and this is {platform.system()}")
    if sys.maxsize <= 1 << 32:
        return Found(why="it is for 64-bit systems")
    folder = (cache or cache_folder()) / "shim"
    shipped = _HERE / SHIPPED
    if shipped.is_file() and not _UNNAMEABLE.search(str(shipped)):
        found = _checked(shipped, folder)
        if found.path:
            return found
    target = folder / f"notabene-{_key()}.so"
    if _UNNAMEABLE.search(str(target)):
        return Found(why=f"LD_PRELOAD cannot name {target}")
    if not target.is_file():
        built = build(target)
        if not built.path:
            return built
    return _checked(target, folder)


def build(target: Path, compiler: str = "", *, flags: Sequence[str] = ()) -> Found:
    """Compile the library. Safe when several do so at once: the file appears whole.

    Args:
        target: The file to make; its folder is made if need be.
        compiler: Which one; default is the first of cc, gcc and clang on the PATH.
        flags: More arguments for it.
    """
    command = compiler or next(filter(None, map(shutil.which, COMPILERS)), None)
    if command is None:
        return Found(why=f"there is no compiler here ({', '.join(COMPILERS)})")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as folder:
            made = Path(folder) / "shim.so"
            done = subprocess.run(
                [command, *FLAGS, "-o", str(made), str(_HERE / SOURCES[0]), *flags, "-ldl"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
                check=False,
            )
            if done.returncode or not made.is_file():
                return Found(why=f"{command} failed: {_last(done.stderr) or done.returncode}")
            made.chmod(0o755)
            made.replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Found(why=f"it cannot be built in {target.parent}: {error}")
    return Found(target)


def works(library: Path) -> bool:
    """Whether the loader takes the library, tried with this interpreter.

    A loader that refuses one says so on the standard error of every program.
    """
    return not _fault(library)


def preload(
    environ: Mapping[str, str],
    library: Path,
    log: Path,
    *,
    skip: Sequence[str] = (),
    map: Path | None = None,
    hash_secret: str = "",
) -> dict[str, str]:
    """The variables to set for a program that is to be watched.

    Args:
        environ: The environment it would have; what is in its ``LD_PRELOAD`` stays first.
        library: What `find` found.
        log: An existing folder; each process leaves a file in it, see `read`.
        skip: Folders of which nothing is recorded.
        map: File of lines ``<path asked for>\\t<path to use instead>``, with ``-`` as the second
            for "not there". The longest path that is the one asked for, or a folder around it,
            counts.
        hash_secret: 48 hexadecimal digits: the secret of hashes in Python programs.

    Raises:
        ValueError: The secret is none.
    """
    if hash_secret and not _SECRET.fullmatch(hash_secret):
        raise ValueError(f"hash secret {hash_secret!r} is not 48 hexadecimal digits")
    before = [one for one in re.split(r"[ :]+", environ.get("LD_PRELOAD", "")) if one]
    asan = [one for one in environ.get("ASAN_OPTIONS", "").split(":") if one]
    found = {
        "LD_PRELOAD": ":".join([*(one for one in before if one != str(library)), str(library)]),
        "ASAN_OPTIONS": ":".join([*(one for one in asan if one != ASAN), ASAN]),
        "NOTABENE_SHIM_LOG": os.path.abspath(log),
        "NOTABENE_SHIM_SKIP": ":".join(one for one in skip if one and ":" not in one),
    }
    if map is not None:
        found["NOTABENE_SHIM_MAP"] = os.path.abspath(map)
    if hash_secret:
        found["NOTABENE_SHIM_HASH"] = hash_secret
    return found


def write_map(path: Path, instead: Mapping[str, str | None]) -> list[str]:
    """Write the file for ``map`` of `preload`; gives back the paths that cannot be in one.

    Args:
        path: The file.
        instead: The path to use instead of each; None is "not there".
    """
    lines, refused = [], []
    for asked, shown in instead.items():
        if {"\t", "\n"} & {*asked, *(shown or "")} or not asked.startswith("/"):
            refused.append(asked)
        else:
            lines.append(f"{asked}\t{os.path.abspath(shown) if shown else '-'}\n")
    path.write_bytes(os.fsencode("".join(lines)))
    return refused


def read(folder: Path) -> list[Seen]:
    """What was recorded in a folder, in the order in which the processes began.

    Whole records only: a file that was cut off is read up to there.
    """
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        started = path.stem.rpartition("-")[2]
        with contextlib.suppress(OSError):
            seen = _seen(path.read_bytes(), int(started) if started.isdecimal() else 0)
            if seen is not None:
                found.append(seen)
    return sorted(found, key=lambda seen: (seen.started, seen.process))


def opened(data: bytes) -> Iterator[str]:
    """Paths that were opened for reading, of a piece of what a process recorded.

    Args:
        data: Whole records.
    """
    for record in data.split(b"\0"):
        if record[:1] in (b"r", b"b"):
            yield from (event.path for event in _event(record))


def _seen(data: bytes, started: int) -> Seen | None:
    head: list[bytes] | None = None
    events: list[SeenFile] = []
    for record in data.split(b"\0")[:-1]:
        if record.startswith(b"#\t1\t"):
            parts = record.split(b"\t", 4)
            if head is None and len(parts) == 5 and all(map(bytes.isdigit, parts[2:4])):
                head = parts
            continue
        events += _event(record)
    if head is None:
        return None
    return Seen(int(head[2]), int(head[3]), os.fsdecode(head[4]), events, started)


def _event(record: bytes) -> Iterator[SeenFile]:
    parts = record.split(b"\t", 2)
    if len(parts) != 3 or len(parts[0]) != 1 or not parts[1].isdigit() or parts[2][:1] != b"/":
        return
    path, to = parts[2], b""
    if parts[0] == b"v":
        path, border, to = path.partition(b"\1/")
        if not border:
            return
        to = b"/" + to
    yield SeenFile(parts[0].decode("ascii", "replace"), int(parts[1]), os.fsdecode(path),
                   os.fsdecode(to))  # fmt: skip


def _key() -> str:
    """What a library is made of and for."""
    libc = " ".join(platform.libc_ver())
    what = f"{platform.machine()}\0{libc}\0{' '.join(FLAGS)}\0".encode()
    for name in SOURCES:
        what += (_HERE / name).read_bytes()
    return digest_bytes(what)[:16]


def _checked(path: Path, folder: Path) -> Found:
    """A library after it was tried once; that it worked is noted in the folder."""
    try:
        status = path.stat()
        if status.st_uid not in {0, os.geteuid()} or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return Found(why=f"{path} can be written by others")
        what = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{sys.executable}\0{_key()}"
    except OSError as error:
        return Found(why=f"{path} cannot be read: {error}")
    mark = folder / f"{digest_bytes(what.encode('utf-8', 'surrogateescape'))[:16]}.works"
    if mark.is_file():
        return Found(path)
    fault = _fault(path)
    if fault:
        return Found(why=f"the loader does not take {path}: {fault}")
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return Found(path)


def _fault(library: Path) -> str:
    """Why the loader, or the library, does not do what it should; nothing if it does."""
    with tempfile.TemporaryDirectory(prefix="notabene-") as name:
        folder = Path(name)
        environ = dict(environment())
        for variable in ("NOTABENE_SHIM_MAP", "NOTABENE_SHIM_HASH"):
            environ.pop(variable, None)
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", f"import os; os.access({PROBE!r}, 0)"],
                env={**environ, **preload(environ, library, folder)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if b"LD_PRELOAD" in done.stderr or done.returncode:
            return _last(done.stderr) or f"status {done.returncode}"
        if not any(file.path == PROBE for seen in read(folder) for file in seen.events):
            return "it records nothing"
    return ""


def _last(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[0][:300]
