"""The machine as it is recorded and sampled."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time

import psutil
import pytest

from notabene.capture import gpu
from notabene.capture import hardware as module
from notabene.capture.hardware import Sampler, child_pids, hardware, read_usage


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch):
    """The machine the tests run on has no graphics processors, whatever it has."""
    for name in ("NVIDIA_FILES", "AMD_FILES"):
        monkeypatch.setattr(gpu, name, ("/nowhere",))


def test_the_machine_is_described():
    """Processor, memory and disk are told, and what one may search for are facts."""
    part = hardware({})
    assert part.data["cpu"]["threads"] == os.cpu_count()
    assert part.data["memory"]["total"] == psutil.virtual_memory().total
    assert part.data["disk"]["total"] > 0
    assert part.facts["host.cpus"] >= 1
    assert part.facts["host.memory"] <= part.data["memory"]["total"]
    assert part.facts["gpu.count"] == 0
    assert "gpu.name" not in part.facts
    assert json.loads(json.dumps(part.data)) == part.data


def test_graphics_processors_are_facts(monkeypatch):
    """Each name stands once, however many there are of it."""

    class Two:
        def describe(self):
            return [{"index": i, "name": "H100", "driver": "550", "cuda": "12.4"} for i in (0, 1)]

    monkeypatch.setattr(module, "open_gpus", lambda env: ([Two()], ["a note"]))
    part = hardware({})
    assert part.facts["gpu.count"] == 2
    assert (part.facts["gpu.name"], part.facts["gpu.cuda"]) == ("H100", "12.4")
    assert part.data["notes"] == ["a note"]


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Control groups as files: ``groups(where, {path: content})``."""
    real = module._read

    def make(where, files):
        for path, content in files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        monkeypatch.setattr(module, "CGROUPS", tmp_path)
        mine = {"/proc/self/cgroup": where}
        monkeypatch.setattr(module, "_read", lambda p: mine.get(str(p)) or real(p))

    return make


def test_limits_of_the_second_kind_of_control_groups(groups):
    """The smallest limit on the way up counts; ``max`` is none."""
    groups(
        "0::/job/step\n",
        {"job/step/cpu.max": "max 100000\n", "job/cpu.max": "150000 100000\n",
         "job/step/memory.max": "max\n", "job/memory.max": "1073741824\n"},
    )  # fmt: skip
    assert module.cpu_limit() == 1.5
    assert module.memory_limit() == 1 << 30


def test_limits_of_the_first_kind_of_control_groups(groups):
    """Controllers have folders of their own, and a huge number is no limit."""
    groups(
        "4:memory:/job\n3:cpu,cpuacct:/job\n1:cpuset:/\n",
        {"memory/job/memory.limit_in_bytes": "2147483648", "cpu,cpuacct/job/cpu.cfs_quota_us": "-1",
         "memory/memory.limit_in_bytes": "9223372036854771712",
         "cpu,cpuacct/job/cpu.cfs_period_us": "100000"},
    )  # fmt: skip
    assert module.memory_limit() == 2 << 30
    assert module.cpu_limit() is None


def test_in_a_container_the_mounted_group_is_ours(groups):
    """Where the path is that of the host and is not there, the root of the mount counts."""
    groups("0::/docker/abc\n", {"cpu.max": "200000 100000", "memory.max": "1024"})
    assert module.cpu_limit() == 2.0
    assert module.memory_limit() == 1024


def test_the_first_sample_has_no_rates_and_the_second_has():
    """Rates are means since the last sample; all values are finite and not negative."""
    sampler = Sampler({})
    first, second = sampler.sample(), sampler.sample()
    rates = {"system/cpu.process", "system/network.sent", "system/network.received"}
    assert not rates & set(first)
    assert rates <= set(second)
    assert set(first) <= set(second)
    assert all(math.isfinite(v) and v >= 0 for v in second.values())
    assert second["system/memory.process"] > 1 << 20
    assert second["system/process.threads"] >= 1


def test_rates_are_differences_over_time(monkeypatch):
    """Twice the bytes in half the time is four times the rate; a counter reset is not negative."""
    sampler = Sampler({})
    clock = iter([100.0, 102.0, 103.0, 104.0])
    totals = iter([1000.0, 3000.0, 7000.0, 10.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sampler, "_machine", lambda f, t: t.update({"disk.read": next(totals)}))
    rates = [sampler.sample().get("system/disk.read") for _ in range(4)]
    assert rates == [None, 1000.0, 4000.0, 0.0]


def test_what_fails_leaves_the_rest(monkeypatch):
    """A sensor that fails takes only its own values with it."""
    sampler = Sampler({})

    def broken(found, totals):
        raise psutil.AccessDenied

    monkeypatch.setattr(sampler, "_machine", broken)
    found = sampler.sample()
    assert "system/cpu.percent" not in found
    assert "system/memory.process" in found


@pytest.mark.parametrize("by_kernel", [True, False])
def test_children_are_counted_in(by_kernel, monkeypatch):
    """Time and memory of child processes, busy or waited for, are the process's."""
    if not by_kernel:
        monkeypatch.setattr(module, "child_pids", lambda pid, most: None)
    sampler = Sampler({})
    before = {"cpu.process": 0.0}
    found: dict[str, float] = {}
    sampler._process(found, before)
    assert found["process.children"] == 0
    child = subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < .4: pass\nprint(1)\n"
         "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    child.stdout.readline()
    during: dict[str, float] = {}
    sampler._process(found, during)
    assert found["process.children"] == 1
    assert found["memory.children"] > 1 << 20
    assert during["cpu.process"] - before["cpu.process"] >= 35
    child.communicate(b"\n")
    after: dict[str, float] = {}
    sampler._process(found, after)
    assert found["process.children"] == 0
    assert after["cpu.process"] >= during["cpu.process"] - 0.001  # sums of floats


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_the_kernels_file_says_what_psutil_says():
    """Our reading of a process's times and memory agrees with psutil's."""
    own = psutil.Process()
    seconds, resident = read_usage(os.getpid())
    assert abs(seconds - sum(own.cpu_times()[:4])) < 0.5
    assert abs(resident - own.memory_info().rss) < 8 << 20
    assert read_usage(2**22 + 1) is None


@pytest.mark.skipif(
    not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"), reason="needs /proc"
)
def test_grandchildren_are_found_and_their_number_is_limited():
    """The tree below a process is walked, nearest first, to a limit."""
    spawn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    child = subprocess.Popen([sys.executable, "-c", spawn], stdin=subprocess.PIPE)
    try:
        until = time.monotonic() + 20
        while len(found := child_pids(os.getpid(), 10) or []) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert found[0] == child.pid
        assert len(found) == 2
        assert len(child_pids(os.getpid(), 1) or []) == 1
    finally:
        child.communicate(b"\n")


def test_gpu_values_stand_beside_the_machines(monkeypatch):
    """What the makers' libraries say gets the same prefix; they are opened once."""

    class One:
        def sample(self):
            return {"gpu.0.percent": 50.0}

    opened = []
    monkeypatch.setattr(module, "open_gpus", lambda env: (opened.append(env) or [One()], []))
    sampler = Sampler({"CUDA_VISIBLE_DEVICES": "0"})
    sampler.sample()
    assert sampler.sample()["system/gpu.0.percent"] == 50.0
    assert opened == [{"CUDA_VISIBLE_DEVICES": "0"}]
