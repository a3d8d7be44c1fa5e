"""Time per stage of a frame, in constant memory."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

_GROWTH = 1.01
_PER_LOG = 1 / math.log(_GROWTH)
_BUCKETS = 3000  # up to 2.5 hours


@dataclass(frozen=True)
class StageTime:
    """Time that a stage took per frame, in milliseconds; the percentiles to half a percent (see `Sketch`)."""

    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    max_ms: float


class Sketch:
    """Percentiles, mean and maximum of times in nanoseconds, however many: counts in buckets that grow by 1 %.

    A percentile is wrong by at most .5 % of itself: DDSketch (Masson et al., VLDB 2019, section 2.1). Mean and maximum
    are exact.
    """

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * _BUCKETS))
        self.count, self.total_ns, self._most, self._least = 0, 0, 0, 0

    def add(self, ns: int) -> None:
        """Count one time, 0 or more."""
        bucket = min(math.ceil(math.log(ns) * _PER_LOG), _BUCKETS - 1) if ns > 1 else ns
        self._counts[bucket] += 1
        self._least = min(self._least, ns) if self.count else ns
        self._most = max(self._most, ns)
        self.count += 1
        self.total_ns += ns

    def stage_time(self, frames: int | None = None) -> StageTime:
        """What was counted, over so many frames: those without a time took none. At least one is needed."""
        nothing = 0 if frames is None else frames - self.count
        ranks = list(accumulate([self._counts[0] + nothing, *self._counts[1:]]))
        p50, p90, p95, p99 = (self._percentile(ranks, share) / 1e6 for share in (0.5, 0.9, 0.95, 0.99))
        return StageTime(p50, p90, p95, p99, self.total_ns / ranks[-1] / 1e6, self._most / 1e6)

    def _percentile(self, ranks: list[int], share: float) -> float:
        """Between the two times beside it, as numpy does it."""
        place = share * (ranks[-1] - 1)
        low, high = (self._value(ranks, rank) for rank in (math.floor(place), math.ceil(place)))
        return low + (high - low) * (place % 1)

    def _value(self, ranks: list[int], rank: int) -> float:
        bucket = next(i for i, reached in enumerate(ranks) if reached > rank)
        middle = bucket if bucket < 2 else 2 * _GROWTH**bucket / (_GROWTH + 1)
        least = self._least if ranks[-1] == self.count else 0
        return min(max(middle, least), self._most)


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
