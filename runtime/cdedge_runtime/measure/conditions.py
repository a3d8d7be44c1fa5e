"""Under which conditions something was measured: the machine's clocks, heat, limits and versions.

Read from /proc, /sys, ``nvpmodel`` and ``tegrastats``; what they do not tell is None and has to be shown as such.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cdedge_runtime.board import Ask, board_and_l4t, read_text, run_tool
from cdedge_runtime.model.threads import usable_cpus

from .cgroup import address_limit, cpu_limit, memory_limit
from .tegra import Tegra, read_tegra

PACKAGES = (
    "cdedge",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
BUSY_SHARE = 0.5  # of the processors: a load above it disturbs what is measured
_CPU_COOLERS = ("cpufreq", "processor", "thermal-cpufreq", "cpu-")
_PI_THROTTLED = 0b110  # bits of get_throttled: 1 capped clock, 2 throttled now


@dataclass(frozen=True)
class Conditions:
    """One reading; None: this machine does not tell.

    cpus are all of the machine, usable_cpus those this process may run on, cgroup_cpus the processors' worth of time
    its control group allows (None: no limit). address_space_bytes: ``ulimit -v`` (None: no limit). clock_hz: highest
    present clock of a core. temperature_c: hottest zone. throttling: what says that clocks are held down; empty:
    nothing does. tegra: a Jetson's GPU and power. load: runnable tasks, mean of the last minute.
    """

    time: str
    machine: str
    system: str
    board: str | None
    l4t: str | None
    cpu: str | None
    cpus: int
    usable_cpus: int
    cgroup_cpus: float | None
    memory_bytes: int | None
    available_bytes: int | None
    cgroup_bytes: int | None
    address_space_bytes: int | None
    governor: str | None
    clock_hz: float | None
    max_clock_hz: float | None
    temperature_c: float | None
    throttling: tuple[str, ...] | None
    power_mode: str | None
    tegra: Tegra | None
    load: float | None
    blas_threads: dict[str, str]
    versions: dict[str, str]


def read_conditions(root: Path = Path("/"), ask: Ask | None = None) -> Conditions:
    """The conditions now. ``root`` holds /proc and /sys; ``ask`` runs a command and gives what it printed."""
    memory, cpus = _meminfo(root), os.cpu_count() or 1
    frequency = root / "sys/devices/system/cpu/cpu0/cpufreq"
    board, l4t = board_and_l4t(root)
    return Conditions(
        time=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        machine=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        board=board,
        l4t=l4t,
        cpu=_cpu_name(root),
        cpus=cpus,
        usable_cpus=usable_cpus(),
        cgroup_cpus=cpu_limit(root),
        memory_bytes=memory.get("MemTotal"),
        available_bytes=memory.get("MemAvailable"),
        cgroup_bytes=memory_limit(root),
        address_space_bytes=address_limit(),
        governor=read_text(frequency / "scaling_governor"),
        clock_hz=_highest(root, "sys/devices/system/cpu", "cpu[0-9]*/cpufreq/scaling_cur_freq", 1e3),
        max_clock_hz=_highest(root, "sys/devices/system/cpu", "cpu[0-9]*/cpufreq/cpuinfo_max_freq", 1e3),
        temperature_c=_highest(root, "sys/class/thermal", "thermal_zone*/temp", 1e-3),
        throttling=_throttling(root),
        power_mode=_power_mode((ask or run_tool)(["nvpmodel", "-q"])),
        tegra=read_tegra(),
        load=_load(root),
        blas_threads={name: os.environ[name] for name in BLAS_VARIABLES if name in os.environ},
        versions={"python": platform.python_version(), **installed(PACKAGES)},
    )


def installed(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of those of the distributions that are installed here."""
    found = {name: _version(name) for name in packages}
    return {name: version for name, version in found.items() if version is not None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _power_mode(answer: str | None) -> str | None:
    found = re.search(r"NV Power Mode:\s*(\S+)", answer or "")
    return found[1] if found else None


def _meminfo(root: Path) -> dict[str, int]:
    words = (line.split() for line in (read_text(root / "proc/meminfo") or "").splitlines())
    return {w[0].rstrip(":"): int(w[1]) * 1024 for w in words if len(w) == 3 and w[2] == "kB"}


def _cpu_name(root: Path) -> str | None:
    found = re.search(
        r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", read_text(root / "proc/cpuinfo") or "", re.MULTILINE
    )
    return found[1] if found else None


def _load(root: Path) -> float | None:
    text = read_text(root / "proc/loadavg")
    return float(text.split()[0]) if text else None


def _highest(root: Path, folder: str, pattern: str, factor: float) -> float | None:
    texts = (read_text(path) for path in (root / folder).glob(pattern))
    return max((float(text) * factor for text in texts if text and text.lstrip("-").isdigit()), default=None)


def _throttling(root: Path) -> tuple[str, ...] | None:
    """Active cooling by the CPU's clock, and the Raspberry Pi firmware's word; None where neither is told."""
    coolers = {path: read_text(path / "type") for path in sorted((root / "sys/class/thermal").glob("cooling_device*"))}
    cpu = {p: kind for p, kind in coolers.items() if kind is not None and kind.lower().startswith(_CPU_COOLERS)}
    firmware = read_text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if not cpu and firmware is None:
        return None
    reasons = [f"{kind} ({path.name}) is active" for path, kind in cpu.items() if _level(path) > 0]
    if firmware is not None and _hexadecimal(firmware) & _PI_THROTTLED:
        reasons.append(f"the firmware reports {firmware}")
    return tuple(reasons)


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _level(cooler: Path) -> int:
    text = read_text(cooler / "cur_state")
    return int(text) if text and text.isdigit() else 0
