"""What every test gets: a home of its own, no settings from outside, and a look at what it leaves.

The PostgreSQL that tests use is a private cluster in a temporary folder, started once a session;
``NOTABENE_TEST_POSTGRES`` names another one.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep  # of their own: tests replace those in the module

import pytest
from hypothesis import HealthCheck, configuration, settings

ROOT = Path(__file__).resolve().parents[1]

GIVEN_POSTGRES = os.environ.get("NOTABENE_TEST_POSTGRES", "")
FROM_OUTSIDE = ("NOTABENE_", "SLURM_", "TORCHELASTIC_", "OMPI_", "PMI_", "PMIX_", "GIT_", "XDG_")
LAUNCHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PBS_JOBID")
DISPLAY = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI")

if "PYTHONPATH" in os.environ:  # tests start programs from other folders
    paths = [str(Path(p).absolute()) for p in os.environ["PYTHONPATH"].split(os.pathsep) if p]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)

# Tests count calls and open files of this process, so nothing watches it; the programs that they
# start are watched as usual.
os.environ["NOTABENE_OBSERVE"] = "0"
import notabene  # noqa: E402, F401

del os.environ["NOTABENE_OBSERVE"]

configuration.set_hypothesis_home_dir(ROOT / ".hypothesis")
settings.register_profile(
    "small", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "large",
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("small")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    """A forked child that falls out of its test ends here, instead of running all the others."""
    parent = os.getpid()
    try:
        return (yield)
    finally:
        if os.getpid() != parent:
            traceback.print_exc()
            os._exit(70)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own; the working directory is an empty folder in it.

    Variables that notabene, its launchers or a terminal set outside are gone, so that a test
    gives the same result on a laptop, in a container and inside a SLURM job.
    """
    for name in list(os.environ):
        if name.startswith(FROM_OUTSIDE) or name in LAUNCHER or name in DISPLAY:
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    work = folder / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / ".cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / ".local/share"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(work)
    return folder


@pytest.fixture(autouse=True)
def no_leaks(home: Path) -> Iterator[None]:
    """A test that leaves a file, a database or a run open fails, and hears which."""
    before = _open_files()
    yield
    _finish_runs()
    # A thread that still looks at what there is (the code's version) closes what it opened.
    until = monotonic() + 10
    while (left := _open_files() - before) and monotonic() < until:
        gc.collect()
        sleep(0.05)
    assert not left, f"left open: {sorted(left)}"


def _open_files() -> set[tuple[str, str]]:
    """Open files as (descriptor, path); empty where the system does not tell."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{number}")
                if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd")):
                    found.add((number, target))
    return found


def _finish_runs() -> None:
    """End the runs that a test left active, so that the next one starts without any."""
    tracking = sys.modules.get("notabene")
    current = getattr(tracking, "current_run", None)
    while current is not None and (run := current()) is not None:
        run.finish()
        if current() is run:
            raise AssertionError(f"{run!r} is still the current run after finish()")


# -- PostgreSQL ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL that tests may fill: the one named, or a private cluster.

    ``postgresql://user@/database?host=<folder of the socket>``; the user may create databases
    and schemas. Skips where no server is installed or it does not start.
    """
    if GIVEN_POSTGRES:
        yield GIVEN_POSTGRES
        return
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (initdb and pg_ctl not found)")
    user = _server_user()
    # Not below pytest's own temporary folder: the server's user may not look into that, and the
    # path of a socket may have at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="nb-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        _start_postgres(programs, folder, user)
        try:
            yield f"postgresql://notabene@/postgres?host={folder}"
        finally:
            _as_user([programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path | None:
    """Folder that holds ``initdb`` and ``pg_ctl``; the newest version where there are several."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True
    )
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


def _server_user() -> str | None:
    """Who runs the server: ourselves, or somebody else where we are root, which it refuses."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _start_postgres(programs: Path, folder: Path, user: str | None) -> None:
    data, log = folder / "data", folder / "log"
    make = [programs / "initdb", "-D", data, "-U", "notabene", "-A", "trust"]
    options = (
        f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=50 "
        "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    )
    run = [programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start"]
    for command in ([*make, "-E", "UTF8", "--locale=C", "--no-sync"], run):
        done = _as_user(command, user)
        if done.returncode:
            told = log.read_text() if log.exists() else done.stderr
            pytest.skip(f"PostgreSQL did not start: {told.strip()[-400:]}")


def _as_user(command: list[str | Path], user: str | None) -> subprocess.CompletedProcess[str]:
    # A file, not a pipe, takes the output: the server inherits it and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [str(part) for part in command],
            user=user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, "", output.read())
