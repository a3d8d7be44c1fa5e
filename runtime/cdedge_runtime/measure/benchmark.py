"""A benchmark: one request measured in several fresh processes, its spread, and when a change is more than noise."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from cdedge_runtime.errors import BadValue
from cdedge_runtime.files import file_sha256
from cdedge_runtime.measure.conditions import Conditions, read_conditions
from cdedge_runtime.measure.probe import MemoryReport, ProbeReport, Request, measure
from cdedge_runtime.stopwatch import StageTime

Verdict = Literal["worse", "same", "better"]
_KNOWN_FROM = 5


MOST_REPEATS = 1000


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


_FASTER_IS_BETTER = ("fps", "fps_without_read")
_TIME, _MEMORY = Limits(at_least=0.05, unknown=0.15), Limits(at_least=0.02, unknown=0.02)
_SAME = ("machine", "cpu", "usable_cpus", "cgroup_cpus", "governor", "power_mode", "blas_threads", "versions")


@dataclass(frozen=True)
class BenchReport:
    """Medians over the runs; ``spread`` holds lowest and highest too. ``runs`` are what was measured, in order.

    ``conditions`` were read before the first run, ``conditions_after`` after the last.
    """

    model: str
    model_sha256: str
    request: Request
    source: str
    frames: int
    provider: str
    threads: int
    fps: float
    fps_without_read: float
    load_ms: float
    warm_up_ms: float
    init_ms: float
    outside_session_share: float
    stages: dict[str, StageTime]
    memory: MemoryReport
    nodes: dict[str, int] | None
    spread: dict[str, Spread]
    conditions: Conditions
    conditions_after: Conditions
    runs: tuple[ProbeReport, ...]


def benchmark(request: Request, *, repeat: int = 1, step: Callable[..., None] | None = None) -> BenchReport:
    """Measure a request ``repeat`` times, each in a fresh process; ``step`` is called after each."""
    if type(repeat) is not int or not 1 <= repeat <= MOST_REPEATS:
        raise BadValue(f"repeat: expected a whole number from 1 to {MOST_REPEATS}, got {repeat!r:.40}", field="repeat")
    before, digest, runs = read_conditions(), file_sha256(Path(request.model)), []
    for _ in range(repeat):
        runs.append(measure(request))
        if step is not None:
            step()
    return summary(request, tuple(runs), before, read_conditions(), model_sha256=digest)


def summary(
    request: Request, runs: tuple[ProbeReport, ...], before: Conditions, after: Conditions, *, model_sha256: str
) -> BenchReport:
    """The report of runs of one request."""
    figures = {name: spread(values) for name, values in _figures(runs).items()}
    first = runs[0]
    return BenchReport(
        model=request.model,
        model_sha256=model_sha256,
        request=request,
        source=first.source,
        frames=first.frames,
        provider=first.provider,
        threads=first.threads,
        fps=figures["fps"].median,
        fps_without_read=figures["fps_without_read"].median,
        load_ms=figures["load_ms"].median,
        warm_up_ms=figures["warm_up_ms"].median,
        init_ms=figures["init_ms"].median,
        outside_session_share=statistics.median(run.outside_session_share for run in runs),
        stages={name: _median_stage([run.stages[name] for run in runs]) for name in first.stages},
        memory=_median_memory([run.memory for run in runs]),
        nodes=first.nodes,
        spread=figures,
        conditions=before,
        conditions_after=after,
        runs=runs,
    )


def compare(old: BenchReport, new: BenchReport) -> tuple[Change, ...]:
    """Every figure that both have; see `noise.change` for the rule (times and memory have limits of their own)."""
    return tuple(
        change(
            name,
            old.spread[name],
            figure,
            more_is_better=name in _FASTER_IS_BETTER,
            limits=_MEMORY if name.endswith("_bytes") else _TIME,
        )
        for name, figure in new.spread.items()
        if name in old.spread
    )


def differences(old: BenchReport, new: BenchReport) -> tuple[str, ...]:
    """What was not alike when the two were measured, one text each."""
    pairs = [(name, getattr(old.conditions, name), getattr(new.conditions, name)) for name in _SAME]
    pairs += [
        (name, getattr(old, name), getattr(new, name))
        for name in ("model_sha256", "source", "frames", "provider", "threads")
    ]
    return tuple(f"{name}: was {before}, is {after}" for name, before, after in pairs if before != after)


def _figures(runs: tuple[ProbeReport, ...]) -> dict[str, list[float]]:
    figures = {
        "fps": [run.fps for run in runs],
        "fps_without_read": [run.fps_without_read for run in runs],
        "total_p50_ms": [run.stages["total"].p50_ms for run in runs],
        "load_ms": [run.load_ms for run in runs],
        "warm_up_ms": [run.warm_up_ms for run in runs],
        "init_ms": [run.init_ms for run in runs],
    }
    for name in ("peak_bytes", "over_floor_bytes"):
        values = [getattr(run.memory, name) for run in runs]
        if None not in values:
            figures[name] = [float(value) for value in values]
    return figures


def _median_stage(times: list[StageTime]) -> StageTime:
    return StageTime(**{f.name: statistics.median(getattr(t, f.name) for t in times) for f in fields(StageTime)})


def _median_memory(reports: list[MemoryReport]) -> MemoryReport:
    middle: dict[str, Any] = {f.name: _middle([getattr(r, f.name) for r in reports]) for f in fields(MemoryReport)}
    return MemoryReport(**middle)


def _middle(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return int(statistics.median(known)) if len(known) == len(values) else None
