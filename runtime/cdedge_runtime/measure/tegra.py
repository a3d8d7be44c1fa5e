"""One line of NVIDIA's ``tegrastats``, which alone tells a Jetson's GPU load and clock and its power.

The line's fields are those of the L4T developer guides (releases 32 to 36); they differ between boards.
"""

from __future__ import annotations

import re
import selectors
import shutil
import subprocess
from dataclasses import dataclass

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
