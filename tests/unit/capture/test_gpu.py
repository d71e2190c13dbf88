"""Graphics processors, against recorded answers of the makers' libraries."""

from __future__ import annotations

import enum
import os
import platform
import sys
import types

import pytest

from notabene.capture import gpu as module
from notabene.capture.gpu import Absent, Amd, Apple, Nvidia, open_gpus, visible_devices

GIB = 1 << 30


class _Nvml(types.ModuleType):
    """pynvml on a machine with two H100, of which the second cannot tell its power."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """As the library's."""

    def __init__(self):
        super().__init__("pynvml")
        self.broken = False

    def nvmlInit(self):
        if self.broken:
            raise self.NVMLError("Driver/library version mismatch")

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return f"handle{index}"

    def nvmlDeviceGetUUID(self, handle):
        return f"GPU-{handle[-1]}0000000".encode()

    def nvmlDeviceGetName(self, handle):
        return "NVIDIA H100 80GB HBM3"

    def nvmlSystemGetDriverVersion(self):
        return b"550.54.15"

    def nvmlSystemGetCudaDriverVersion_v2(self):
        return 12040

    def nvmlDeviceGetCudaComputeCapability(self, handle):
        return (9, 0)

    def nvmlDeviceGetMemoryInfo(self, handle):
        return types.SimpleNamespace(total=80 * GIB, used=20 * GIB, free=60 * GIB)

    def nvmlDeviceGetUtilizationRates(self, handle):
        return types.SimpleNamespace(gpu=97, memory=40)

    def nvmlDeviceGetPowerUsage(self, handle):
        if handle == "handle1":
            raise self.NVMLError("Not Supported")
        return 693_500

    def nvmlDeviceGetTemperature(self, handle, sensor):
        return 61

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        if handle == "handle1":
            return []
        other = types.SimpleNamespace(pid=1, usedGpuMemory=5 * GIB)
        return [types.SimpleNamespace(pid=os.getpid(), usedGpuMemory=15 * GIB), other]


@pytest.fixture
def nvml(monkeypatch):
    """The fake in place of the library, and a driver that seems to be there."""
    fake = _Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(module, "NVIDIA_FILES", (os.devnull,))
    return fake


def test_nvidia_is_described(nvml):
    """Name, memory, driver, CUDA and capability are told, bytes or texts as they come."""
    first, second = Nvidia({}).describe()
    assert first == {
        "index": 0, "maker": "NVIDIA", "name": "NVIDIA H100 80GB HBM3", "uuid": "GPU-00000000",
        "memory": 80 * GIB, "driver": "550.54.15", "cuda": "12.4", "capability": "9.0", "of": 2,
    }  # fmt: skip
    assert second["index"] == 1


def test_nvidia_is_sampled(nvml):
    """Load, memory, power in watts and temperature are told; what cannot be read is left out."""
    assert Nvidia({}).sample() == {
        "gpu.0.percent": 97.0, "gpu.0.memory": 20.0 * GIB, "gpu.0.memory.percent": 25.0,
        "gpu.0.power": 693.5, "gpu.0.temperature": 61.0, "gpu.0.memory.process": 15.0 * GIB,
        "gpu.1.percent": 97.0, "gpu.1.memory": 20.0 * GIB, "gpu.1.memory.percent": 25.0,
        "gpu.1.temperature": 61.0,
    }  # fmt: skip


def test_only_visible_processors_are_sampled(nvml):
    """The neighbours' processors on a shared machine are none of ours, but are counted."""
    gpus = Nvidia({"CUDA_VISIBLE_DEVICES": "1"})
    assert {key.split(".")[1] for key in gpus.sample()} == {"1"}
    assert [g["of"] for g in gpus.describe()] == [2]


def test_a_driver_that_does_not_answer_is_noted(nvml):
    """A mismatch of driver and library is a note, not a failure."""
    nvml.broken = True
    found, notes = open_gpus({})
    assert found == []
    assert "version mismatch" in notes[0]


def test_a_driver_without_its_library_is_noted(monkeypatch):
    """Where the driver is there but nvidia-ml-py is not, the note says what to install."""
    monkeypatch.setattr(module, "NVIDIA_FILES", (os.devnull,))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "notabene[gpu]" in open_gpus({})[1][0]


def test_a_machine_without_processors_says_nothing(monkeypatch):
    """No driver: nothing is found, nothing is noted, and no library is loaded."""
    for name in ("NVIDIA_FILES", "AMD_FILES"):
        monkeypatch.setattr(module, name, ("/nowhere",))
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    assert open_gpus({}) == ([], [])
    assert "pynvml" not in sys.modules


class _Smi(types.ModuleType):
    """amdsmi on a machine with one MI300X."""

    class AmdSmiException(Exception):
        """As the library's."""

    class AmdSmiTemperatureType(enum.Enum):
        EDGE = 0
        HOTSPOT = 1

    class AmdSmiTemperatureMetric(enum.Enum):
        CURRENT = 0

    def amdsmi_init(self):
        return None

    def amdsmi_get_processor_handles(self):
        return ["h"]

    def amdsmi_get_gpu_device_uuid(self, handle):
        return "c4ff74b5-0000-1000-80ff-ffffffffffff"

    def amdsmi_get_gpu_asic_info(self, handle):
        return {"market_name": "AMD Instinct MI300X", "target_graphics_version": "gfx942"}

    def amdsmi_get_gpu_vram_usage(self, handle):
        return {"vram_total": 196_592, "vram_used": 49_148}

    def amdsmi_get_gpu_driver_info(self, handle):
        return {"driver_name": "amdgpu", "driver_version": "6.7.0"}

    def amdsmi_get_gpu_activity(self, handle):
        return {"gfx_activity": 88, "umc_activity": 10, "mm_activity": "N/A"}

    def amdsmi_get_power_info(self, handle):
        return {"current_socket_power": "N/A", "socket_power": 0, "average_socket_power": 512}

    def amdsmi_get_temp_metric(self, handle, kind, metric):
        if kind is self.AmdSmiTemperatureType.HOTSPOT:
            raise self.AmdSmiException("not supported")
        return 55


def test_amd_is_described_and_sampled(monkeypatch):
    """The same facts and values come from amdsmi, which says N/A for what it cannot read."""
    monkeypatch.setitem(sys.modules, "amdsmi", _Smi("amdsmi"))
    monkeypatch.setattr(module, "AMD_FILES", (os.devnull,))
    gpus = Amd({})
    assert gpus.describe() == [
        {"index": 0, "maker": "AMD", "name": "AMD Instinct MI300X", "driver": "6.7.0", "of": 1,
         "uuid": "c4ff74b5-0000-1000-80ff-ffffffffffff", "memory": 196_592 << 20,
         "capability": "gfx942"},
    ]  # fmt: skip
    assert gpus.sample() == {
        "gpu.0.percent": 88.0, "gpu.0.memory": float(49_148 << 20), "gpu.0.memory.percent": 25.0,
        "gpu.0.power": 512.0, "gpu.0.temperature": 55.0,
    }  # fmt: skip
    assert Amd({"HIP_VISIBLE_DEVICES": ""}).sample() == {}


def test_amd_without_its_library_is_noted(monkeypatch):
    """Where the driver is there but amdsmi is not, the note says what to install."""
    monkeypatch.setattr(module, "AMD_FILES", (os.devnull,))
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    with pytest.raises(Absent, match="pip install amdsmi"):
        Amd({})


def test_apples_power_is_a_mean_since_the_last_look(monkeypatch):
    """Energy in millijoules over the time since the last sample is watts."""

    class Monitor:
        windows = 0

        def begin_window(self, label, restart=False):
            self.windows += 1

        def end_window(self, label):
            return types.SimpleNamespace(gpu_mj=6000, cpu_total_mj=3000, ane_mj=None)

    fake = types.SimpleNamespace(AppleEnergyMonitor=Monitor)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", fake)
    gpus = Apple({})
    gpus._began = 10.0
    gpus._clock = lambda: 12.0
    assert gpus.sample() == {"gpu.0.power": 3.0, "cpu.power": 1.5}
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", None)
    with pytest.raises(Absent, match="zeus-apple-silicon"):
        Apple({})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2,0", [2, 0]),
        ("0,7,1", [0]),
        ("GPU-b", [1]),
        ("MIG-xyz", [0, 1, 2]),
        (" 1 , 2 ", [1, 2]),
    ],
)
def test_visible_devices_are_understood_as_cuda_does(given, expected):
    """Indices, beginnings of names, nothing, and an invalid index that hides the rest."""
    assert visible_devices(given, ["GPU-a1", "GPU-b1", "GPU-c1"]) == expected
