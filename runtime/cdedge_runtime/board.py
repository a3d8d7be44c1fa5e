"""What the board is, read from small files and asked from its tools; what they do not tell is None."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Ask = Callable[[list[str]], "str | None"]


def board_and_l4t(root: Path = Path("/")) -> tuple[str | None, str | None]:
    """The board's name and, on a Jetson, its L4T release (``r36.4.3``); ``root`` holds /proc and /etc."""
    tegra = read_text(root / "etc/nv_tegra_release")
    return read_text(root / "proc/device-tree/model"), None if tegra is None else l4t_release(tegra)


def l4t_release(text: str) -> str:
    """``r36.4.3`` of the first line of /etc/nv_tegra_release; the line itself where it looks otherwise."""
    found = re.search(r"R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)", text)
    return f"r{found[1]}.{found[2]}" if found else text.splitlines()[0]


def run_tool(command: list[str]) -> str | None:
    """What a command printed; None where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def read_text(path: Path) -> str | None:
    """A small file's text without surrounding space and NUL; None where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip().strip("\0")
    except OSError:
        return None
