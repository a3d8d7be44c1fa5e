"""Time per stage and memory of a process; only what was measured."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class StageTime:
    """Time of one stage per frame, in milliseconds: median, 95th percentile, mean."""

    p50_ms: float
    p95_ms: float
    mean_ms: float


@dataclass
class Stopwatch:
    """Adds up the time between laps, per stage and frame.

    ``lap(stage)`` books the time since the previous lap; ``next_frame()`` closes a frame.
    """

    clock: object = time.perf_counter_ns
    _frames: list[dict[str, int]] = field(default_factory=list)
    _current: dict[str, int] = field(default_factory=dict)
    _last: int = 0

    def start(self) -> None:
        """Begin timing from now, so that nothing before it is booked."""
        self._last = self.clock()

    def lap(self, stage: str) -> None:
        """Book the time since the previous lap to ``stage``."""
        now = self.clock()
        self._current[stage] = self._current.get(stage, 0) + now - self._last
        self._last = now

    def next_frame(self) -> None:
        """Close the current frame."""
        self._frames.append(self._current)
        self._current = {}
