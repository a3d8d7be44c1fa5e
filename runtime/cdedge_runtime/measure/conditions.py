"""Under which conditions something was measured: the machine's clocks, heat, limits and versions.

Read from /proc, /sys, the kernel's control groups, ``nvpmodel`` and ``tegrastats`` (which alone tells a Jetson's GPU
load and clock and its power; its fields are those of the L4T developer guides, releases 32 to 36, and differ between
boards). What they do not tell is None and has to be shown as such.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import selectors
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cdedge_runtime.board import Ask, board_and_l4t, read_text, run_tool
from cdedge_runtime.model.threads import usable_cpus

_NO_LIMIT_BYTES = 2**62  # version 1 writes "no limit" as the largest page-aligned number


def cpu_limit(root: Path = Path("/")) -> float | None:
    """Processors' worth of time this process may use; None: no limit, or not readable."""
    limits = [_cpu_v2(folder) for folder in _folders(root, "")] + [_cpu_v1(folder) for folder in _folders(root, "cpu")]
    return min((limit for limit in limits if limit is not None), default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes this process and its group may hold; None: no limit, or not readable."""
    files = [folder / "memory.max" for folder in _folders(root, "")]
    files += [folder / "memory.limit_in_bytes" for folder in _folders(root, "memory")]
    limits = (_whole(read_text(file)) for file in files)
    return min((limit for limit in limits if limit is not None and limit < _NO_LIMIT_BYTES), default=None)


def address_limit() -> int | None:
    """Bytes of address space this process may map (``ulimit -v``); None: no limit, or this system has none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _folders(root: Path, controller: str) -> list[Path]:
    """This process's group and those above it, which bind as well; ``controller`` "" is version 2."""
    lines = (line.split(":", 2) for line in (read_text(root / "proc/self/cgroup") or "").splitlines())
    groups = [fields[2] for fields in lines if len(fields) == 3 and controller in fields[1].split(",")]
    mounts = [root / "sys/fs/cgroup" / controller]
    if not controller:
        mounts.append(root / "sys/fs/cgroup/unified")
    paths = [Path(group.lstrip("/")) for group in groups] or [Path()]
    return [mount / part for mount in mounts for path in paths for part in (path, *path.parents)]


def _cpu_v2(folder: Path) -> float | None:
    words = (read_text(folder / "cpu.max") or "max").split()
    quota, period = _whole(words[0]), _whole(words[-1])
    return quota / period if quota and period else None


def _cpu_v1(folder: Path) -> float | None:
    quota, period = (_whole(read_text(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


_COMMAND = ("tegrastats", "--interval", "100")
_TIMEOUT_S = 3.0
_NOT_A_PLACE = "PMIC"  # a constant on most boards
_OFF_C = -100.0  # a sensor that is switched off reads -256


@dataclass(frozen=True)
class Tegra:
    """What one line said; None or empty: this board's line has no such field.

    gpu_share: load of the GPU, 0..1. temperatures_c and power_mw: by the names of sensors and power rails.
    """

    gpu_share: float | None
    gpu_clock_hz: float | None
    memory_clock_hz: float | None
    temperatures_c: dict[str, float]
    power_mw: dict[str, float]


def read_tegra() -> Tegra | None:
    """One reading; None where there is no ``tegrastats``, or it says nothing."""
    line = first_line(_COMMAND, timeout_s=_TIMEOUT_S)
    return parse_tegra(line) if line else None


def first_line(command: tuple[str, ...], *, timeout_s: float) -> str | None:
    """The first line of a command that runs on; it is ended then. None where it is not there, or silent so long."""
    if shutil.which(command[0]) is None:
        return None
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None
    with process:
        try:
            with selectors.DefaultSelector() as ready:
                ready.register(process.stdout or 0, selectors.EVENT_READ)
                return process.stdout.readline().strip() if process.stdout and ready.select(timeout_s) else None
        finally:
            process.kill()


def parse_tegra(line: str) -> Tegra:
    """The fields of a line."""
    gpu = re.search(r"\bGR3D_FREQ (\d+)%(?:@\[?(\d+))?", line)
    memory = re.search(r"\bEMC_FREQ \d+%@(\d+)", line)
    heat = {name: float(value) for name, value in re.findall(r"\b(\w+)@(-?\d+(?:\.\d+)?)C\b", line)}
    rails = re.findall(r"\b([A-Z][A-Z0-9_]*) (\d+)(?:mW)?/\d+(?:mW)?(?=\s|$)", line)
    return Tegra(
        gpu_share=int(gpu[1]) / 100 if gpu else None,
        gpu_clock_hz=int(gpu[2]) * 1e6 if gpu and gpu[2] else None,
        memory_clock_hz=int(memory[1]) * 1e6 if memory else None,
        temperatures_c={name: value for name, value in heat.items() if name != _NOT_A_PLACE and value > _OFF_C},
        power_mw={name: float(value) for name, value in rails},
    )


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

    @property
    def busy(self) -> bool:
        """Whether other programs run so much that times measured now do not count."""
        return self.load is not None and self.load > self.usable_cpus * BUSY_SHARE


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
