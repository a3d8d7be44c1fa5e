"""What the samples of a soak say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from cdedge_runtime.errors import BadEnvironment

from .conditions import Conditions, read_conditions
from .drift import Slope, Verdict, counts_grow, drift, slope, verdict_of
from .soak import Sample, SoakRequest, watch

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
    reason = _because(rss, allowed_bytes, verdict)
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


def _because(rss: Slope | None, allowed_bytes: float, verdict: Verdict) -> str:
    if rss is None:
        return "too few samples, or /proc does not tell memory: run longer, or on the host"
    text = (
        f"resident memory changes by {rss.per_1000:.0f} bytes per 1000 frames, 95 % interval "
        f"{rss.low:.0f} to {rss.high:.0f}, allowed {allowed_bytes:.0f}"
    )
    settling = verdict == "unclear" and rss.low > allowed_bytes
    return f"{text}; too little in all to tell it from a process that settles: run longer" if settling else text
