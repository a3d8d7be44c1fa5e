"""The records of a device profile; plain values, so that ``dataclasses.asdict`` is its JSON form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class BadProfile(ValueError):
    """A device profile that does not exist, cannot be read, or states something absurd."""


@dataclass(frozen=True)
class Fact(Generic[T]):
    """A value and where it is stated: ``source`` is a key of `DeviceProfile.sources`.

    ``derived`` holds the formula where the source states the parts of the value and not the value itself.
    """

    value: T
    source: str
    derived: str | None = None


@dataclass(frozen=True)
class Memory:
    """Sizes the device is sold with, and its peak bandwidth; None where no source was found."""

    variants_bytes: Fact[tuple[int, ...]]
    shared_with_gpu: Fact[bool]
    bandwidth_bytes_per_s: Fact[float] | None


@dataclass(frozen=True)
class Cpu:
    """Cores and clocks; ``fp32_flops_per_cycle`` is per core, a fused multiply-add counted as two."""

    name: Fact[str]
    architecture: Fact[str]
    cores: Fact[int]
    max_clock_hz: Fact[float]
    fp32_flops_per_cycle: Fact[int] | None


@dataclass(frozen=True)
class Gpu:
    """A GPU that onnxruntime can use; peaks are in operations per second at the maximum clock."""

    name: Fact[str]
    cuda_cores: Fact[int]
    max_clock_hz: Fact[float]
    compute_capability: Fact[str] | None
    fp32_flops: Fact[float] | None
    fp16_flops: Fact[float] | None


@dataclass(frozen=True)
class AiPeak:
    """The vendor's figure for the whole module, all accelerators together, in int8 operations per second."""

    int8_dense: Fact[float] | None
    int8_sparse: Fact[float] | None


@dataclass(frozen=True)
class PowerMode:
    """One setting of ``nvpmodel`` (or of the firmware): what it leaves switched on, and how fast."""

    name: str
    source: str
    cores: int
    cpu_clock_hz: float
    nvpmodel_id: int | None = None
    budget_w: float | None = None
    gpu_clock_hz: float | None = None
    bandwidth_bytes_per_s: float | None = None
    derived: str | None = None


HOW_TO_INSTALL = (
    "'cdedge bundle MODEL --for DEVICE -o FOLDER' at the desk makes a folder with install.sh for the device; by hand, "
    "WHEEL below is the file that 'pip wheel --no-deps -w dist .' in cdedge's checkout leaves in dist/, the same for "
    "all"
)


@dataclass(frozen=True)
class Software:
    """One combination of system, Python and provider, whether cdedge can run on it, and how to install it.

    ``install`` calls cdedge's wheel WHEEL; `HOW_TO_INSTALL` says where it comes from, as no index has it.

    ``python_version`` (of the system, like 3.11) and ``glibc`` (of its C library, like 2.36) choose a device's wheels.
    """

    system: str
    python: str
    provider: str
    works: bool
    install: str
    source: str
    onnxruntime: str | None = None
    python_version: str | None = None
    glibc: str | None = None


@dataclass(frozen=True)
class KnownBad:
    """A release that must not be installed on this device."""

    package: str
    version: str
    reason: str
    source: str


@dataclass(frozen=True)
class DeviceProfile:
    """What is stated about one device. Nothing in it was measured by cdedge."""

    id: str
    name: str
    family: str
    notes: str
    sources: dict[str, str]
    memory: Memory
    cpu: Cpu
    gpu: Gpu | None
    ai_peak: AiPeak | None
    power_modes: tuple[PowerMode, ...]
    default_power_mode: str
    software: tuple[Software, ...]
    known_bad: tuple[KnownBad, ...]

    def power_mode(self, name: str | None = None) -> PowerMode:
        """Return the mode of that name, or the default one; `BadProfile` names the modes there are."""
        wanted = name or self.default_power_mode
        for mode in self.power_modes:
            if mode.name == wanted:
                return mode
        known = ", ".join(mode.name for mode in self.power_modes)
        raise BadProfile(f"{self.id} has no power mode {wanted!r}; it has {known}")

    def cpu_peak_flops(self, power_mode: str | None = None) -> float | None:
        """Return the derived fp32 peak, cores x clock x flops per cycle; None where the last is not known.

        Examples
        --------
        >>> from cdedge_devices import load
        >>> load("jetson-nano").cpu_peak_flops("5W") / 1e9
        14.688
        """
        if self.cpu.fp32_flops_per_cycle is None:
            return None
        mode = self.power_mode(power_mode)
        return mode.cores * mode.cpu_clock_hz * self.cpu.fp32_flops_per_cycle.value
