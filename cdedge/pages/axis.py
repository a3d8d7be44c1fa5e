"""Axes of plots: which range, which ticks, and where a value lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LOG_FROM_RATIO = 8
_ROOM = 0.14  # of an axis, for the number of a tick
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A labelled axis from its first to its last tick."""

    label: str
    ticks: tuple[float, ...]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Where ``value`` lies, 0 at the first and 1 at the last tick."""
        scale = math.log if self.is_log else float
        low, high = scale(self.ticks[0]), scale(self.ticks[-1])
        return (scale(value) - low) / (high - low)


def axis_around(label: str, values: Sequence[float], *, from_zero: bool = False) -> Axis:
    """Linear axis with about five round ticks around ``values``."""
    low, high = (0.0 if from_zero else min(values)), max(values)
    rough = (high - low or abs(high) or 1.0) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(label, tuple(round(n * step, 10) for n in range(first, max(last, first + 1) + 1)))


def positive_axis(label: str, values: Sequence[float]) -> Axis:
    """Axis for quantities above 0: logarithmic where they span much, else linear from 0."""
    low, high = min(values), max(values)
    if high < low * _LOG_FROM_RATIO:
        return axis_around(label, values, from_zero=True)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in decades for step in (1, 2, 5)]
    inside = [t for t in ticks if t >= low * 0.999 and t <= high * 1.001]
    below = [t for t in ticks if t < low * 0.999][-1:]
    above = [t for t in ticks if t > high * 1.001][:1]
    kept = below + inside + above
    return Axis(label, tuple(kept if len(kept) <= 8 else _thinned(kept)), is_log=True)


def tick_text(value: float) -> str:
    """Write a tick's number without trailing zeros."""
    return f"{value:,.10g}"


def _thinned(ticks: list[float]) -> list[float]:
    """Only decades between the ends, and none whose number would run into an end's."""
    low, high = math.log10(ticks[0]), math.log10(ticks[-1])
    apart = _ROOM * (high - low)
    middle = [t for t in ticks[1:-1] if math.isclose(math.log10(t), round(math.log10(t)))]
    return [ticks[0], *(t for t in middle if low + apart < math.log10(t) < high - apart), ticks[-1]]
