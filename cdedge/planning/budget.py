"""Which of the options fit a budget, which are worth looking at, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_AS_GOOD = 0.02  # margins this close, as a share, count as equal: the faster one is taken


@dataclass(frozen=True)
class Candidate:
    """What can be exported; ``channels`` as in ``cdedge export``: ``all``, ``auto``, a count or a share."""

    layers: str
    channels: str
    mode: str
    input_px: int
    precision: str

    @property
    def name(self) -> str:
        """A short name for tables and plots."""
        words = [self.layers, self.channels, f"{self.input_px} px"]
        words += [self.mode] * ("+" in self.layers and self.channels != "all")
        return " ".join(words + [self.precision] * (self.precision != "fp32"))


@dataclass(frozen=True)
class Option:
    """A candidate and its figures.

    memory: over the floor. fps: without reading; None where it cannot be told. margin: the quality proxy.
    measured: False where memory and fps are predicted.
    """

    candidate: Candidate
    kept: int
    memory_bytes: int
    fps: float | None
    margin: float
    measured: bool


@dataclass(frozen=True)
class Budget:
    """At most so much memory over the floor, at least so many frames per second; None: no bound."""

    max_memory_bytes: int | None
    min_fps: float | None


def excess(option: Option, budget: Budget) -> float:
    """By what share the worse of the two bounds is missed; 0 for an option that fits."""
    memory = fps = 0.0
    if budget.max_memory_bytes is not None:
        memory = option.memory_bytes / budget.max_memory_bytes - 1
    if budget.min_fps is not None and option.fps is not None:
        fps = budget.min_fps / option.fps - 1
    return max(0.0, memory, fps)


def best(options: Sequence[Option], budget: Budget) -> Option | None:
    """Of those that fit the one of the largest margin; of margins within 2 % the fastest, then the smallest."""
    fitting = [option for option in options if excess(option, budget) == 0]
    if not fitting:
        return None
    top = max(option.margin for option in fitting)
    good = [option for option in fitting if option.margin >= top - _AS_GOOD * abs(top)]
    return max(good, key=lambda option: (option.fps or 0.0, -option.memory_bytes))


def nearest(options: Sequence[Option], budget: Budget) -> Option | None:
    """The option that misses the budget by the least share; None of no options."""
    return min(options, key=lambda option: excess(option, budget), default=None)


def front(options: Sequence[Option]) -> tuple[Option, ...]:
    """The Pareto front: options that no other one beats in memory, rate and margin at once; the smallest first."""
    kept = [option for option in options if not any(_beats(other, option) for other in options)]
    return tuple(sorted(kept, key=lambda option: option.memory_bytes))


def _beats(one: Option, other: Option) -> bool:
    a, b = _figures(one), _figures(other)
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def _figures(option: Option) -> tuple[float, float, float]:
    return -option.memory_bytes, option.fps or 0.0, option.margin
