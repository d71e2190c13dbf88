"""Chapter 3, continued: points into PostgreSQL, which holds them itself; its CPU and ours.

Uses the server that ``NOTABENE_TEST_POSTGRES`` names, by URL, if it runs on this machine; else a
private one with its defaults, where PostgreSQL is installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import remove, scratch, table
from synth import fill

AT_ONCE = 500
"""Runs in one transaction."""
TICKS = os.sysconf("SC_CLK_TCK")


def _programs() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    return next((f for f in folders if (f / "initdb").exists()), None)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of a server; empty where there is none."""
    if given := os.environ.get("NOTABENE_TEST_POSTGRES"):
        yield given
        return
    programs = _programs()
    if programs is None:
        yield ""
        return
    folder = Path(tempfile.mkdtemp(prefix="nb-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def call(program: str, *words: object) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *map(str, words)],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    try:
        call("initdb", "-U", "notabene", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        call("pg_ctl", "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://notabene@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cpu(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _take_in(url: str, root: Path) -> tuple[float, float, float]:
    """CPU seconds of the server's process and of ours, and bytes of the database."""
    import sqlalchemy as sa

    from notabene.journal.reader import JournalReader
    from notabene.store.database import Database, connect
    from notabene.store.sql import SqlStore
    from notabene.store.tables import metadata

    database = Database(connect(url))
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP SEQUENCE IF EXISTS run_number")
    store = SqlStore(database)
    with database.read() as connection:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        empty = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar()
    paths = sorted(root.glob("runs/*/*/*.journal"))
    its, ours = _cpu(pid), time.process_time()
    for at in range(0, len(paths), AT_ONCE):
        store.apply(
            [batch for path in paths[at : at + AT_ONCE] for batch in JournalReader(path).all()]
        )
    its, ours = _cpu(pid) - its, time.process_time() - ours
    with database.read() as connection:
        assert pid == connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar()
    database.close()
    return its, ours, size - empty


def into_postgres(scale: float = 1.0) -> dict[str, Any]:
    """The table; nothing where no server can be had."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        print("\nPostgreSQL: left out, psycopg is not installed")
        return {}
    shapes = {
        "long: 3 runs × 10 keys × 200,000": (3, 10, int(200_000 * scale)),
        "short: 20,000 runs × 20 keys × 50": (int(20_000 * scale), 20, 50),
    }
    rows, figures = [], {}
    with server() as url:
        if not url:
            print("\nPostgreSQL: left out, it is not installed")
            return {}
        for name, (runs, keys, steps) in shapes.items():
            base = scratch()
            fill(base / "store", runs, keys, steps)
            its, ours, size = _take_in(url, base / "store")
            remove(base)
            total = runs * keys * steps
            figures[name] = {"server_cpu_s": its, "our_cpu_s": ours, "bytes": size / total}
            rows.append((name, total / 1e6, its, total / its / 1e6, ours, size / total))
    table(
        "3. The same into PostgreSQL, which holds the points: CPU of its process, and ours",
        ("shape", "M points", "its CPU s", "M points / its CPU s", "our CPU s", "B/pt"),
        rows,
    )
    return figures
