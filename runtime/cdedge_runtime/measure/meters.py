"""Time per stage and memory of a process: only what was measured, with its scope in its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .sketch import Sketch, StageTime

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


class Stopwatch:
    """Books the time between laps to stages, frame by frame.

    However many there are, it takes the same memory.
    ``start()`` begins a frame, ``lap(stage)`` books the time since the previous lap, ``stop()`` closes the frame.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._stages: dict[str, Sketch] = {}
        self._total = Sketch()
        self._fullest: tuple[str, ...] = ()
        self._current: dict[str, int] = {}
        self._last = clock()

    def start(self) -> None:
        """Begin timing from now: nothing before it is booked."""
        self._current = {}
        self._last = self._clock()

    def lap(self, stage: str) -> None:
        """Book the time since the previous lap to ``stage``."""
        now = self._clock()
        self._current[stage] = self._current.get(stage, 0) + now - self._last
        self._last = now

    def stop(self) -> dict[str, int]:
        """Close the frame; return its stages' times in nanoseconds."""
        for stage, ns in self._current.items():
            self._stages.setdefault(stage, Sketch()).add(ns)
        self._total.add(sum(self._current.values()))
        if len(self._current) > len(self._fullest):
            self._fullest = tuple(self._current)
        return self._current

    @property
    def booked_ms(self) -> float:
        """Time booked in the current frame."""
        return sum(self._current.values()) / 1e6

    @property
    def frames(self) -> int:
        """Number of closed frames."""
        return self._total.count

    def seconds(self, *, without: tuple[str, ...] = ()) -> float:
        """Total time of all closed frames, some stages left out."""
        return sum(sketch.total_ns for stage, sketch in self._stages.items() if stage not in without) / 1e9

    def stages(self) -> dict[str, StageTime]:
        """Time per stage, in the order of the fullest frame; ``total`` last. Frames without a stage count as 0."""
        if not self.frames:
            return {}
        names = dict.fromkeys((*self._fullest, *self._stages))
        table = {name: self._stages[name].stage_time(self.frames) for name in names}
        return {**table, "total": self._total.stage_time()}


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
