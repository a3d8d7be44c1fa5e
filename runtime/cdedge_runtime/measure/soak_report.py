"""What the samples of a soak say: whether a figure grows over a long run, by its slope and the slope's interval.

The first half of the samples is warm-up (caches, allocator, lazily made buffers) and is left out. The second half is
cut into at most 20 blocks whose means are fitted by least squares. The interval is the wider of two: for noise around a
line, the residuals' variance times (1 + r) / (1 - r), r their correlation from block to block; for a figure that moves
in steps, as an allocator's pages do, the standard error of the mean step from block to block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.measure.conditions import Conditions, read_conditions
from cdedge_runtime.measure.soak import Sample, SoakRequest, watch

PER_FRAMES = 1000
SETTLING_BYTES = 262_144  # 64 pages: a fresh process still moves by some in its first thousands of frames
BLOCKS, FEWEST_BLOCKS = 20, 6
# Two-sided 95 % quantiles of Student's t for 4 to 18 degrees of freedom.
_T95 = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101)
_MOST_CORRELATION = 0.9
Verdict = Literal["steady", "leak", "unclear"]


@dataclass(frozen=True)
class Slope:
    """Change per 1000 frames and its 95 % interval."""

    per_1000: float
    low: float
    high: float


def slope(frames: Sequence[int], values: Sequence[float]) -> Slope | None:
    """Slope over the second half of the samples; None where these are too few to say."""
    half = len(frames) // 2
    x, y = (np.asarray(v[half:], np.float64) for v in (frames, values))
    blocks = min(BLOCKS, len(x))
    if blocks < FEWEST_BLOCKS:
        return None
    x, y = (np.array([part.mean() for part in np.array_split(v, blocks)]) for v in (x, y))
    distance = x - x.mean()
    spread = float(distance @ distance)
    per_frame = float(distance @ (y - y.mean())) / spread
    around, between = _error_around(y - y.mean() - per_frame * distance, spread), _error_between(x, y)
    error = max(around, between) * _T95[blocks - 2 - 4]
    return Slope(*(float(v * PER_FRAMES) for v in (per_frame, per_frame - error, per_frame + error)))


def _error_between(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Standard error of the slope if the figure is a walk of independent steps."""
    steps = np.diff(y) / np.diff(x)
    return float(steps.std(ddof=1) / np.sqrt(len(steps)))


def _error_around(residuals: NDArray[np.float64], spread: float) -> float:
    """Standard error of the slope if the figure is a line with noise."""
    total = float(residuals @ residuals)
    if total == 0:
        return 0.0
    correlation = min(max(float(residuals[1:] @ residuals[:-1]) / total, 0.0), _MOST_CORRELATION)
    variance = total / (len(residuals) - 2) / spread
    return float(np.sqrt(variance * (1 + correlation) / (1 - correlation)))


def verdict_of(found: Slope | None, allowed: float, *, over_frames: int) -> Verdict:
    """Leak: the whole interval lies above ``allowed``, and more came together in so many frames than settling explains.

    Steady: none of the interval lies above it.
    """
    if found is None:
        return "unclear"
    if found.low > allowed:
        return "leak" if found.low * over_frames / PER_FRAMES > SETTLING_BYTES else "unclear"
    return "steady" if found.high <= allowed else "unclear"


def counts_grow(counts: Sequence[int]) -> bool:
    """Whether a count (handles, threads) of the last quarter is always above all of the second quarter."""
    quarter = len(counts) // 4
    return quarter > 0 and min(counts[-quarter:]) > max(counts[quarter : 2 * quarter])


def drift(values: Sequence[float]) -> float | None:
    """Change of the median from the second quarter to the last one, as a share; None for fewer than 8 samples."""
    quarter = len(values) // 4
    if quarter < 2:
        return None
    before = float(np.median(values[quarter : 2 * quarter]))
    return float(np.median(values[-quarter:])) / before - 1 if before else None


ALLOWED_BYTES = 4096.0  # per 1000 frames: one page, 10 MB a day at 30 frames per second
MOST_SAMPLES = 2000


@dataclass(frozen=True)
class SoakReport:
    """Slopes are per 1000 frames over the second half (see `drift`); None: too few samples, or /proc does not tell.

    latency_drift: change of the median latency from the second quarter to the last, as a share.
    """

    model: str
    request: SoakRequest
    frames: int
    seconds: float
    fps: float
    verdict: Literal["steady", "leak", "unclear"]
    reason: str
    allowed_bytes: float
    rss_slope_bytes: Slope | None
    pss_slope_bytes: Slope | None
    latency_drift: float | None
    handles: tuple[int, int] | None
    threads: tuple[int, int] | None
    conditions: Conditions
    samples: tuple[Sample, ...]
    interrupted: bool = False


def soak(
    request: SoakRequest, *, allowed_bytes: float = ALLOWED_BYTES, see: Callable[[Sample], None] | None = None
) -> SoakReport:
    """Run a soak; ``see`` is told each sample as it comes. Ctrl-C ends it early and reports what there is."""
    before, samples = read_conditions(), list[Sample]()

    def collect(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) > MOST_SAMPLES:
            del samples[::2]
        if see is not None:
            see(sample)

    interrupted = False
    try:
        watch(request, collect)
    except KeyboardInterrupt:
        if not samples:
            raise
        interrupted = True
    except BadEnvironment as error:
        raise BadEnvironment(f"{error}. {_last(samples)}") from error
    report = report_of(request, tuple(samples), before, allowed_bytes=allowed_bytes)
    return replace(report, interrupted=interrupted)


def _last(samples: list[Sample]) -> str:
    if not samples:
        return "It died before the first sample"
    last = samples[-1]
    held = "not readable" if last.rss_bytes is None else f"{last.rss_bytes / 1e6:.1f} MB"
    return f"Last sample: frame {last.frame}, resident memory {held}"


def report_of(
    request: SoakRequest, samples: tuple[Sample, ...], conditions: Conditions, *, allowed_bytes: float
) -> SoakReport:
    """The report of samples in order."""
    rss, pss = (_slope(samples, name) for name in ("rss_bytes", "pss_bytes"))
    handles, threads = (_counts(samples, name) for name in ("handles", "threads"))
    seen = samples[len(samples) // 2 :]
    verdict = verdict_of(rss, allowed_bytes, over_frames=seen[-1].frame - seen[0].frame if seen else 0)
    reason = _because(rss, allowed_bytes, verdict, samples[-1].frame if samples else 0)
    for name, counts in (("handles", handles), ("threads", threads)):
        if counts is not None and counts_grow(counts):
            verdict, reason = "leak", f"{name} grew from {counts[len(counts) // 4]} to {counts[-1]}"
    frames, seconds = (samples[-1].frame, samples[-1].seconds) if samples else (0, 0.0)
    return SoakReport(
        model=request.model,
        request=request,
        frames=frames,
        seconds=seconds,
        fps=frames / seconds if seconds else 0.0,
        verdict=verdict,
        reason=reason,
        allowed_bytes=allowed_bytes,
        rss_slope_bytes=rss,
        pss_slope_bytes=pss,
        latency_drift=drift([sample.latency_ms for sample in samples]),
        handles=None if handles is None else (min(handles), max(handles)),
        threads=None if threads is None else (min(threads), max(threads)),
        conditions=conditions,
        samples=samples,
    )


def _slope(samples: tuple[Sample, ...], name: str) -> Slope | None:
    values = [getattr(sample, name) for sample in samples]
    return None if None in values else slope([sample.frame for sample in samples], values)


def _counts(samples: tuple[Sample, ...], name: str) -> list[int] | None:
    values = [getattr(sample, name) for sample in samples]
    return None if None in values or not values else values


def _because(rss: Slope | None, allowed_bytes: float, verdict: Verdict, frames: int) -> str:
    if rss is None:
        return "too few samples, or /proc does not tell memory: run longer, or on the host"
    text = (
        f"resident memory changes by {rss.per_1000:.0f} bytes per 1000 frames, 95 % interval "
        f"{rss.low:.0f} to {rss.high:.0f}, allowed {allowed_bytes:.0f}"
    )
    if verdict != "unclear":
        return text
    return f"too short: {text}; about {_enough(rss, allowed_bytes, frames)} frames would tell"


def _enough(rss: Slope, allowed_bytes: float, frames: int) -> int:
    """Frames that would tell, to two digits: their interval is as narrow as the limit, or a leak exceeds settling.

    The error of a slope falls with the number of samples to the power of 3/2, the samples' own spread being the same.
    """
    half_width = max((rss.high - rss.low) / 2, allowed_bytes)
    longer = math.pow(half_width / allowed_bytes, 2 / 3)
    if rss.low > allowed_bytes:
        longer = SETTLING_BYTES / (rss.low * frames / 2 / PER_FRAMES)
    enough = frames * max(longer, 1.5)
    digits = 10 ** max(0, math.floor(math.log10(enough)) - 1)
    return int(math.ceil(enough / digits) * digits)
