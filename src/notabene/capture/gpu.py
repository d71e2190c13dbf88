"""Graphics processors: what they are and how busy, where the maker's library is installed.

NVIDIA through NVML (``nvidia-ml-py``), AMD through ``amdsmi``, Apple's power draw through
``zeus-apple-silicon``. None of them is a dependency; each is loaded when first asked.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

from notabene._lazy import load
from notabene.capture.part import FAILURES, without_empty
from notabene.settings import environment

MIB = 1 << 20
NVIDIA_FILES = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg", "/dev/nvhost-ctrl")
"""What a system other than Windows has where there is an NVIDIA driver."""
AMD_FILES = ("/dev/kfd",)


class Gpus(Protocol):
    """The processors of one maker, as far as this process may see them."""

    def describe(self) -> list[dict[str, Any]]:
        """One mapping each: index, name, maker, memory in bytes, driver ..."""

    def sample(self) -> dict[str, float]:
        """Values now, keys ``gpu.<index>.<what>``: ``percent``, ``memory`` (bytes),
        ``memory.percent``, ``power`` (W), ``temperature`` (°C), ``memory.process`` (bytes)."""


class Absent(Exception):
    """There are no processors of this maker here, or its library cannot say; with the reason."""


def open_gpus(environ: Mapping[str, str] | None = None) -> tuple[list[Gpus], list[str]]:
    """All makers' processors that are here, and why others that may be here are not seen."""
    env = environment() if environ is None else environ
    found: list[Gpus] = []
    notes: list[str] = []
    for maker in (Nvidia, Amd, Apple):
        try:
            found.append(maker(env))
        except Absent as absent:
            if str(absent):
                notes.append(str(absent))
    return found, notes


class Nvidia:
    """NVIDIA's, through NVML.

    Raises:
        Absent: No driver, no processor, or no library for Python.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        if sys.platform != "win32" and not any(map(os.path.exists, NVIDIA_FILES)):
            raise Absent  # without having loaded the library: 60 ms
        try:
            load("pynvml")
            import pynvml
        except ImportError:
            raise Absent(
                "there is an NVIDIA driver, but no nvidia-ml-py to ask it: "
                "pip install 'notabene[gpu]'"
            ) from None
        self._nvml = pynvml
        self._errors: tuple[type[Exception], ...] = (pynvml.NVMLError, *FAILURES)
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
        except self._errors as error:
            raise Absent(f"NVML does not answer: {error}") from None
        uuids = [_text(self._ask("nvmlDeviceGetUUID", h)) for h in handles]
        visible = visible_devices(environ.get("CUDA_VISIBLE_DEVICES"), uuids)
        self._devices = {i: handles[i] for i in visible}
        self._count = count
        self._uuids = uuids

    def _ask(self, name: str, *args: Any) -> Any:
        try:
            return getattr(self._nvml, name)(*args)
        except self._errors:
            return None

    def describe(self) -> list[dict[str, Any]]:
        """See :class:`Gpus`; with the driver's version and the CUDA version it supports."""
        driver = _text(self._ask("nvmlSystemGetDriverVersion"))
        cuda = self._ask("nvmlSystemGetCudaDriverVersion_v2")
        found = []
        for index, handle in self._devices.items():
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
            capability = self._ask("nvmlDeviceGetCudaComputeCapability", handle)
            found.append(
                without_empty(
                    {
                        "index": index,
                        "maker": "NVIDIA",
                        "name": _text(self._ask("nvmlDeviceGetName", handle)),
                        "uuid": self._uuids[index],
                        "memory": getattr(memory, "total", None),
                        "driver": driver,
                        "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
                        "capability": ".".join(map(str, capability or ())),
                        "of": self._count,
                    }
                )
            )
        return found

    def sample(self) -> dict[str, float]:
        """See :class:`Gpus`."""
        sensor = getattr(self._nvml, "NVML_TEMPERATURE_GPU", 0)
        found: dict[str, float | None] = {}
        for index, handle in self._devices.items():
            use = self._ask("nvmlDeviceGetUtilizationRates", handle)
            memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
            power = self._ask("nvmlDeviceGetPowerUsage", handle)
            found |= _sample(
                index,
                percent=getattr(use, "gpu", None),
                memory=getattr(memory, "used", None),
                total=getattr(memory, "total", None),
                power=None if power is None else power / 1000,
                temperature=self._ask("nvmlDeviceGetTemperature", handle, sensor),
            )
            found[f"gpu.{index}.memory.process"] = self._own_memory(handle)
        return _finite(found)

    def _own_memory(self, handle: Any) -> float | None:
        running = self._ask("nvmlDeviceGetComputeRunningProcesses", handle) or ()
        own = [p.usedGpuMemory for p in running if p.pid == os.getpid()]
        return float(sum(own)) if own and None not in own else None


class Amd:
    """AMD's, through amdsmi.

    Raises:
        Absent: No driver, no processor, or no library for Python.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        if not any(map(os.path.exists, AMD_FILES)):
            raise Absent
        try:
            load("amdsmi")
            self._smi = import_module("amdsmi")
        except (ImportError, OSError, KeyError, AttributeError):  # it loads ROCm as it is imported
            raise Absent(
                "there is an AMD driver, but no amdsmi to ask it: pip install amdsmi"
            ) from None
        self._errors: tuple[type[Exception], ...] = (self._smi.AmdSmiException, *FAILURES)
        try:
            self._smi.amdsmi_init()
            handles = self._smi.amdsmi_get_processor_handles()
        except self._errors as error:
            raise Absent(f"amdsmi does not answer: {error}") from None
        self._uuids = [_text(self._ask("amdsmi_get_gpu_device_uuid", h)) for h in handles]
        given = environ.get("HIP_VISIBLE_DEVICES", environ.get("ROCR_VISIBLE_DEVICES"))
        self._devices = {i: handles[i] for i in visible_devices(given, self._uuids)}

    def _ask(self, name: str, *args: Any) -> Any:
        try:
            return getattr(self._smi, name)(*args)
        except self._errors:
            return None

    def describe(self) -> list[dict[str, Any]]:
        """See :class:`Gpus`; with the driver's version."""
        found = []
        for index, handle in self._devices.items():
            chip = self._ask("amdsmi_get_gpu_asic_info", handle) or {}
            memory = self._ask("amdsmi_get_gpu_vram_usage", handle) or {}
            driver = self._ask("amdsmi_get_gpu_driver_info", handle) or {}
            found.append(
                without_empty(
                    {
                        "index": index,
                        "maker": "AMD",
                        "name": chip.get("market_name"),
                        "uuid": self._uuids[index],
                        "memory": memory.get("vram_total", 0) * MIB or None,
                        "driver": driver.get("driver_version"),
                        "capability": chip.get("target_graphics_version"),
                        "of": len(self._uuids),
                    }
                )
            )
        return found

    def sample(self) -> dict[str, float]:
        """See :class:`Gpus`."""
        found: dict[str, float | None] = {}
        for index, handle in self._devices.items():
            use = self._ask("amdsmi_get_gpu_activity", handle) or {}
            memory = self._ask("amdsmi_get_gpu_vram_usage", handle) or {}
            power = self._ask("amdsmi_get_power_info", handle) or {}
            watts = (_number(power.get(k)) for k in ("current_socket_power", "socket_power"))
            found |= _sample(
                index,
                percent=_number(use.get("gfx_activity")),
                memory=memory.get("vram_used", 0) * MIB if memory else None,
                total=memory.get("vram_total", 0) * MIB if memory else None,
                power=next((w for w in watts if w), _number(power.get("average_socket_power"))),
                temperature=self._temperature(handle),
            )
        return _finite(found)

    def _temperature(self, handle: Any) -> float | None:
        kinds = getattr(self._smi, "AmdSmiTemperatureType", None)
        now = getattr(getattr(self._smi, "AmdSmiTemperatureMetric", None), "CURRENT", None)
        for kind in ("HOTSPOT", "EDGE"):
            value = _number(
                self._ask("amdsmi_get_temp_metric", handle, getattr(kinds, kind, None), now)
            )
            if value is not None:
                return value
        return None


class Apple:
    """Apple's, whose power alone can be read without administrator's rights.

    Raises:
        Absent: This is no Apple silicon, or the library is not installed.
    """

    _WINDOW = "notabene"

    def __init__(self, environ: Mapping[str, str]) -> None:
        del environ
        import platform

        if platform.system() != "Darwin" or platform.machine() != "arm64":
            raise Absent
        try:
            load("zeus_apple_silicon")
            self._monitor = import_module("zeus_apple_silicon").AppleEnergyMonitor()
            self._monitor.begin_window(self._WINDOW, restart=True)
        except FAILURES:
            raise Absent(
                "the power of Apple's processor is read with zeus-apple-silicon, "
                "which is not installed"
            ) from None
        self._clock: Callable[[], float] = time.monotonic
        self._began = self._clock()

    def describe(self) -> list[dict[str, Any]]:
        """See :class:`Gpus`; the memory is the machine's."""
        return [{"index": 0, "maker": "Apple", "name": "Apple GPU"}]

    def sample(self) -> dict[str, float]:
        """Mean power since the last call: ``gpu.0.power``, ``cpu.power``, ``ane.power`` (W)."""
        try:
            used = self._monitor.end_window(self._WINDOW)
            self._monitor.begin_window(self._WINDOW, restart=True)
        except FAILURES:
            return {}
        now = self._clock()
        seconds, self._began = max(now - self._began, 1e-3), now
        energy = {"gpu.0": used.gpu_mj, "cpu": used.cpu_total_mj, "ane": used.ane_mj}
        return _finite(
            {f"{k}.power": None if v is None else v / 1000 / seconds for k, v in energy.items()}
        )


def visible_devices(given: str | None, uuids: list[str]) -> list[int]:
    """Indices of the devices that a variable such as ``CUDA_VISIBLE_DEVICES`` leaves visible.

    Names of parts of a device (``MIG-…``) do not say of which; then all are visible.
    """
    everything = list(range(len(uuids)))
    if given is None:
        return everything
    found: list[int] = []
    for word in filter(None, (w.strip() for w in given.split(","))):
        if word.lstrip("-").isdigit():
            if not 0 <= int(word) < len(uuids):
                break  # as CUDA does: what comes after an invalid one is not visible
            found.append(int(word))
        elif word.startswith("MIG-"):
            return everything
        else:
            found += [i for i, uuid in enumerate(uuids) if uuid.startswith(word)]
    return found


def _sample(
    index: int,
    *,
    percent: float | None,
    memory: float | None,
    total: float | None,
    power: float | None,
    temperature: float | None,
) -> dict[str, float | None]:
    share = 100 * memory / total if memory is not None and total else None
    return {
        f"gpu.{index}.percent": percent,
        f"gpu.{index}.memory": memory,
        f"gpu.{index}.memory.percent": share,
        f"gpu.{index}.power": power,
        f"gpu.{index}.temperature": temperature,
    }


def _finite(found: Mapping[str, float | None]) -> dict[str, float]:
    return {key: float(value) for key, value in found.items() if value is not None}


def _number(value: Any) -> float | None:
    """A number, where amdsmi says ``N/A`` for what it cannot read."""
    return float(value) if isinstance(value, int | float) else None


def _text(value: Any) -> str:
    """Older libraries answer in bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
