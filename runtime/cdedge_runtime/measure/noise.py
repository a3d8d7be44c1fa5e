"""Repeated measurements of one figure: their middle, their spread, and when a change is more than noise."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["worse", "same", "better"]

_KNOWN_FROM = 5


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of repeated runs."""

    median: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class Limits:
    """When a change counts, as shares: never below ``at_least``; ``unknown`` is the half range assumed of few runs."""

    at_least: float
    unknown: float


@dataclass(frozen=True)
class Change:
    """One figure before and after. ``worse``: change for the worse, as a share of the old median."""

    figure: str
    old: float
    new: float
    worse: float
    allowed: float
    verdict: Verdict


def spread(values: list[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def half_range(figure: Spread, limits: Limits) -> float:
    """Half the range as a share of the median; of fewer than five runs at least ``limits.unknown``."""
    share = (figure.high - figure.low) / 2 / abs(figure.median) if figure.median else 0.0
    return share if figure.runs >= _KNOWN_FROM else max(share, limits.unknown)


def change(figure: str, old: Spread, new: Spread, *, more_is_better: bool, limits: Limits) -> Change:
    """Compare two measurements: a change counts beyond ``limits.at_least`` and beyond both half ranges added up."""
    step = (new.median - old.median) / abs(old.median) if old.median else 0.0
    worse = -step if more_is_better else step
    allowed = max(limits.at_least, half_range(old, limits) + half_range(new, limits))
    return Change(figure, old.median, new.median, worse, allowed, _verdict(worse, allowed))


def _verdict(worse: float, allowed: float) -> Verdict:
    if worse > allowed:
        return "worse"
    return "better" if -worse > allowed else "same"
