"""Measure in fresh processes, compare in one run, print tables, keep JSON.

CPU figures are user + system time of the child and of everything it started; machines are
noisy, so trust CPU over wall, medians over single runs, and ratios taken in one run.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def environment(home: Path, data: Path) -> dict[str, str]:
    """Of a process with a home of its own, whose data goes to a folder."""
    full = {
        **os.environ,
        "HOME": str(home),
        "ROOT": str(data),
        "NOTABENE_STORE": str(data / "store"),
        "NOTABENE_QUIET": "1",
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
    }
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "PYTHONDONTWRITEBYTECODE"):
        full.pop(name, None)
    return full


def child(
    code: str, *args: object, env: dict[str, str] | None = None, limit: float = 600
) -> dict[str, Any]:
    """Run Python code in a fresh process with a home of its own; it prints one JSON line.

    ``ROOT`` in its environment names a folder for data; sizes of what it leaves there are added
    as ``disk_bytes`` and ``disk_files``, times as ``wall_s`` and ``cpu_s``.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        home = Path(root) / "home"
        data = Path(root) / "data"
        home.mkdir()
        data.mkdir()
        full = {**environment(home, data), **(env or {})}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            env=full,
            cwd=data,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        wall = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size, files = disk(data)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"error": (done.stderr or done.stdout)[-2000:], "rc": done.returncode}
    found: dict[str, Any] = json.loads(lines[-1])
    found.setdefault("wall_s", wall)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found.setdefault("cpu_s", cpu)
    found.setdefault("disk_bytes", size)
    found.setdefault("disk_files", files)
    return found


def disk(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files below a folder."""
    sizes = [p.lstat().st_size for p in folder.rglob("*") if p.is_file()]
    return sum(sizes), len(sizes)


def median(rows: Iterable[dict[str, Any]], key: str) -> float | None:
    """Median of a figure over several runs, None where no run has it."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def installed(module: str) -> str | None:
    """Version of a peer, or None."""
    from importlib import metadata

    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return None


def number(value: Any) -> str:
    """A figure for a table: three digits that matter."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print one table in Markdown, columns aligned."""
    cells = [list(head), *([number(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n### {title}\n")
    for at, row in enumerate(cells):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |")
        if at == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    sys.stdout.flush()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        model = platform.processor()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Write figures to ``results/<name>.json`` with date, versions and machine."""
    from notabene._version import __version__

    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps(
        {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "notabene": __version__,
            "machine": machine(),
            "figures": figures,
        },
        indent=2,
    )
    path.write_text(text + "\n")
    return path


def scratch() -> Path:
    """A folder for stores that are measured in this process; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix="bench-"))


def remove(folder: Path) -> None:
    """Remove a scratch folder."""
    shutil.rmtree(folder, ignore_errors=True)
