"""Time per stage and memory of a process: only what was measured, with its scope in its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_STATUS = Path("/proc/self/status")
_SMAPS = Path("/proc/self/smaps_rollup")
_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class StageTime:
    """Time that a stage took per frame, in milliseconds."""

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    max_ms: float


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

    ``start()`` begins a frame, ``lap(stage)`` books the time since the previous lap, ``stop()`` closes the frame.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._frames: list[dict[str, int]] = []
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

    def stop(self) -> None:
        """Close the frame."""
        self._frames.append(self._current)

    @property
    def booked_ms(self) -> float:
        """Time booked in the current frame."""
        return sum(self._current.values()) / 1e6

    @property
    def frames(self) -> int:
        """Number of closed frames."""
        return len(self._frames)

    def seconds(self, *, without: tuple[str, ...] = ()) -> float:
        """Total time of all closed frames, some stages left out."""
        return sum(ns for frame in self._frames for stage, ns in frame.items() if stage not in without) / 1e9

    def frame_us(self, *, without: tuple[str, ...] = ()) -> tuple[int, ...]:
        """Microseconds of each closed frame, some stages left out."""
        return tuple(
            round(sum(ns for stage, ns in frame.items() if stage not in without) / 1000) for frame in self._frames
        )

    def stages(self) -> dict[str, StageTime]:
        """Time per stage, in the order of the fullest frame; ``total`` last. Frames without a stage count as 0."""
        names = list(dict.fromkeys(stage for frame in sorted(self._frames, key=len, reverse=True) for stage in frame))
        table = {name: stage_time([frame.get(name, 0) for frame in self._frames]) for name in names}
        return {**table, "total": stage_time([sum(frame.values()) for frame in self._frames])} if names else {}


def stage_time(ns: list[int]) -> StageTime:
    """Percentiles of times in nanoseconds."""
    ms = np.asarray(ns, np.float64) / 1e6
    p50, p90, p95, p99 = (float(p) for p in np.percentile(ms, [50, 90, 95, 99]))
    return StageTime(p50, p90, p95, p99, float(ms.mean()), float(ms.max()))


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
