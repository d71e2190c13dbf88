"""The machine: processor, memory, disk, graphics processors; and how busy they are."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notabene._lazy import load
from notabene.capture.gpu import Gpus, open_gpus
from notabene.capture.part import FAILURES, Part, without_empty
from notabene.capture.process import working_folder
from notabene.model.canonical import digest_bytes
from notabene.settings import environment

_ISA = re.compile(r"avx\w*|amx\w*|sse4\w*|fma|sve\w*|asimd\w*|bf16|i8mm|neon")
_NO_LIMIT = 1 << 60
CGROUPS = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def hardware(environ: Mapping[str, str] | None = None) -> Part:
    """The part ``hardware``.

    Args:
        environ: The environment, which says what devices are visible; default is that of the
            process.
    """
    import psutil

    gpus, notes = open_gpus(environ)
    found = [gpu for maker in gpus for gpu in maker.describe()]
    model, flags = _cpu_model()
    memory = psutil.virtual_memory().total
    cpus = usable_cpus()
    part = Part("hardware")
    part.data = without_empty(
        {
            "cpu": without_empty(
                {
                    "model": model,
                    "cores": psutil.cpu_count(logical=False),
                    "threads": psutil.cpu_count(),
                    "affinity": _affinity(),
                    "limit": cpu_limit(),
                    "usable": cpus,
                    "isa": sorted(set(_ISA.findall(flags))),
                    "flags": digest_bytes(flags.encode())[:16] if flags else None,
                }
            ),
            "memory": without_empty({"total": memory, "limit": memory_limit()}),
            "disk": _disk(),
            "gpus": found,
            "notes": notes,
        }
    )
    part.fact("host.cpu", model)
    part.fact("host.cpus", cpus)
    part.fact("host.memory", min(memory, memory_limit() or memory))
    part.fact("gpu.count", len(found))
    for key, name in (("gpu.name", "name"), ("gpu.driver", "driver"), ("gpu.cuda", "cuda")):
        part.fact(key, ", ".join(dict.fromkeys(g[name] for g in found if name in g)))
    return part


def _cpu_model() -> tuple[str, str]:
    """Name of the processor and what it can do, as the kernel writes it."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string"), ""
    try:
        # The first processor's entry; the kernel makes the others only when they are read.
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            text = file.read(8192)
    except OSError:
        import platform

        return platform.processor(), ""
    pairs = dict(re.findall(r"(?m)^([^\t:\n]+?)\s*: (.*)$", text.partition("\n\n")[0]))
    name = pairs.get("model name") or pairs.get("Model") or pairs.get("cpu")
    if not name and "CPU part" in pairs:
        name = f"ARM {pairs.get('CPU implementer', '')} {pairs['CPU part']}"
    return name or "", pairs.get("flags") or pairs.get("Features") or ""


def _sysctl(name: str) -> str:
    import subprocess

    try:
        return subprocess.run(
            ["/usr/sbin/sysctl", "-n", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2,
            check=False,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _affinity() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return None


def usable_cpus() -> int:
    """Processors this process may keep busy: by affinity and by the group's limit, at least 1."""
    cpus = _affinity() or os.cpu_count() or 1
    limit = cpu_limit()
    return max(1, min(cpus, int(limit + 0.5))) if limit else cpus


def cpu_limit() -> float | None:
    """Processors that the control groups around this process allow; None for no limit."""
    limits = []
    for folder in _groups("cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory_limit() -> int | None:
    """Bytes that the control groups around this process allow; None for no limit."""
    limits = []
    for folder in _groups("memory"):
        text = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if text.isdigit() and int(text) < _NO_LIMIT:
            limits.append(int(text))
    return min(limits, default=None)


def _groups(controller: str) -> list[Path]:
    """Folders of this process's control group and those above it, of either version."""
    found = []
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        base = CGROUPS / names if names else CGROUPS
        group = base / path.lstrip("/")
        # In a container the path is that of the host, and what is mounted is our own group.
        if not group.is_dir():
            group = base
        found += [group, *(p for p in group.parents if p == base or base in p.parents)]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _disk() -> dict[str, Any]:
    import shutil

    folder = working_folder() or "/"
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return {}
    return {"folder": folder, "total": usage.total, "free": usage.free}


class Sampler:
    """System metrics, sampled by whoever has a thread for it.

    Args:
        environ: The environment, which says what devices are visible; default is that of the
            process.
        max_children: How many child processes are looked at.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, max_children: int = 32) -> None:
        load("psutil")
        import psutil

        self._env = environment() if environ is None else environ
        self._psutil = psutil
        self._errors: tuple[type[Exception], ...] = (psutil.Error, *FAILURES)
        self._own = psutil.Process()
        self._max_children = max_children
        self._gpus: list[Gpus] | None = None
        self._last: dict[str, float] = {}
        self._last_time = 0.0
        psutil.cpu_percent()  # the first answer is about no time at all

    def sample(self) -> dict[str, float]:
        """Values now; rates are means since the last call, and absent in the first.

        Keys (all begin with ``system/``): ``cpu.percent`` (of the machine, 0 to 100),
        ``cpu.process`` (of one processor, children included), ``memory.percent``,
        ``memory.used``, ``memory.process``, ``memory.children`` (bytes; pages that children
        share are counted in each), ``process.threads``, ``process.files``,
        ``process.children``, ``disk.read``, ``disk.written``, ``network.received``,
        ``network.sent`` (bytes a second of the machine), and per graphics processor what
        :class:`notabene.capture.gpu.Gpus` says.
        """
        now = time.monotonic()
        found: dict[str, float] = {}
        totals: dict[str, float] = {}
        for look in (self._machine, self._process, self._graphics):
            try:
                look(found, totals)
            except self._errors:
                continue  # the other values are as good as ever
        seconds = now - self._last_time
        for key, total in totals.items():
            if key in self._last and seconds > 0:
                found[key] = max(0.0, total - self._last[key]) / seconds
        self._last, self._last_time = totals, now
        return {f"system/{key}": value for key, value in found.items()}

    def _machine(self, found: dict[str, float], totals: dict[str, float]) -> None:
        found["cpu.percent"] = self._psutil.cpu_percent()
        memory = self._psutil.virtual_memory()
        found["memory.percent"] = memory.percent
        found["memory.used"] = float(memory.total - memory.available)
        disk = self._psutil.disk_io_counters(nowrap=False)
        if disk is not None:
            totals["disk.read"] = disk.read_bytes
            totals["disk.written"] = disk.write_bytes
        cards = self._psutil.net_io_counters(pernic=True, nowrap=False)
        outer = [card for name, card in cards.items() if not name.startswith("lo")]
        totals["network.received"] = sum(card.bytes_recv for card in outer)
        totals["network.sent"] = sum(card.bytes_sent for card in outer)

    def _process(self, found: dict[str, float], totals: dict[str, float]) -> None:
        with self._own.oneshot():
            found["memory.process"] = float(self._own.memory_info().rss)
            found["process.threads"] = float(self._own.num_threads())
            busy = sum(self._own.cpu_times()[:4])  # its own and that of children it waited for
        if hasattr(self._own, "num_fds"):
            found["process.files"] = float(self._own.num_fds())
        children = self._children()
        found["process.children"] = float(len(children))
        if children:
            found["memory.children"] = float(sum(rss for _, rss in children))
        totals["cpu.process"] = 100 * (busy + sum(seconds for seconds, _ in children))

    def _children(self) -> list[tuple[float, int]]:
        """Processor seconds and resident bytes of each child process."""
        pids = child_pids(os.getpid(), self._max_children)
        if pids is not None:
            return [usage for pid in pids if (usage := read_usage(pid)) is not None]
        found = []
        for child in self._own.children()[: self._max_children]:
            with contextlib.suppress(self._psutil.Error), child.oneshot():
                found.append((sum(child.cpu_times()[:4]), child.memory_info().rss))
        return found

    def _graphics(self, found: dict[str, float], _: dict[str, float]) -> None:
        if self._gpus is None:
            self._gpus, _notes = open_gpus(self._env)
        for maker in self._gpus:
            found |= maker.sample()


def child_pids(pid: int, most: int) -> list[int] | None:
    """Processes below this one, nearest first, as the kernel lists them; None where it does not.

    ``psutil`` would look up the parent of every process of the machine.
    """
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return None
    found: list[int] = []
    level = [pid]
    while level and len(found) < most:
        below: list[int] = []
        for parent in level:
            with contextlib.suppress(OSError):  # it ended while we looked
                for task in os.listdir(f"/proc/{parent}/task")[:256]:
                    with open(f"/proc/{parent}/task/{task}/children", "rb") as file:
                        below += map(int, file.read().split())
        found += below
        level = below
    return found[:most]


def read_usage(pid: int) -> tuple[float, int] | None:
    """Processor seconds (with children it waited for) and resident bytes of a process, from the
    one file of the kernel that holds both; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    # Fields 14 to 17 and 24 of proc(5); two went with the name in parentheses.
    return sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE
