"""Memory of this process: only what /proc tells, with its scope in its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_SMAPS = Path("/proc/self/smaps_rollup")
_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class MemoryNow:
    """Memory of this process in bytes; None where /proc does not tell.

    rss: resident now. peak: highest resident so far (VmHWM). pss: shared pages divided. private: own pages.
    files: the part of rss that are pages of files, which is library code.
    """

    rss_bytes: int | None
    peak_bytes: int | None
    pss_bytes: int | None
    private_bytes: int | None
    files_bytes: int | None


def memory_now() -> MemoryNow:
    """This process's memory, from /proc."""
    status, smaps = _fields(_STATUS), _fields(_SMAPS)
    private = [smaps[key] for key in ("Private_Clean", "Private_Dirty") if key in smaps]
    return MemoryNow(
        status.get("VmRSS"),
        status.get("VmHWM"),
        smaps.get("Pss"),
        sum(private) if private else None,
        status.get("RssFile"),
    )


def resident_bytes() -> int | None:
    """What of this process is resident now; quick, for loops. None where /proc does not tell."""
    return _fields(_STATUS).get("VmRSS")


def reset_peak() -> bool:
    """Make VmHWM start again from the present RSS; False where the kernel does not allow it."""
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def _fields(path: Path) -> dict[str, int]:
    """The ``Name:  123 kB`` lines of a /proc file, in bytes; empty where it cannot be read."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    words = (line.split() for line in lines)
    return {w[0].rstrip(":"): int(w[1]) * 1024 for w in words if len(w) == 3 and w[2] == "kB"}
