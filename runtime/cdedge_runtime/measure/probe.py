"""Memory and time of a tracker in a fresh process, where no earlier work can be counted in.

``measure`` starts ``python -m cdedge_runtime.measure.probe`` with a request on stdin; the child answers on stdout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadValue
from cdedge_runtime.estimate import Sizes
from cdedge_runtime.measure.memory import MemoryNow, memory_now, reset_peak
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.model.threads import check_threads
from cdedge_runtime.opening import open_features, tracker_with
from cdedge_runtime.record import check_record, decode, encode
from cdedge_runtime.run import starting_box, track
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.stopwatch import StageTime

from . import child


@dataclass(frozen=True)
class Request:
    """What to run: ``source`` None is the demo clip, ``box`` None the source's or the model's own."""

    model: str
    source: str | None
    box: tuple[float, float, float, float] | None
    frames: int | None
    provider: str
    threads: int | None

    def __post_init__(self) -> None:
        check_record(self)
        check_threads(self.threads)
        if self.frames is not None and self.frames < 1:
            raise BadValue(f"frames: expected 1 or more, or None, got {self.frames}", field="frames")


@dataclass(frozen=True)
class MemoryReport:
    """Resident memory of a fresh process in bytes (None: /proc does not tell), and what shapes say.

    floor: interpreter, numpy, OpenCV, onnxruntime and this package, before any model or frame.
    source: growth by opening the source and reading its first frame.
    peak: highest resident size while tracking. over_floor: peak - floor. tracker: over_floor - source.
    code: the part of over_floor that are pages of library files, which the kernel can take back at any time.
    weights, activations, filter_state, buffers: computed from shapes, not measured.
    """

    floor_bytes: int | None
    source_bytes: int | None
    peak_bytes: int | None
    over_floor_bytes: int | None
    tracker_bytes: int | None
    code_bytes: int | None
    pss_bytes: int | None
    private_bytes: int | None
    weights_bytes: int
    activations_bytes: int
    filter_state_bytes: int
    buffers_bytes: int


@dataclass(frozen=True)
class ProbeReport:
    """One measured run in a fresh process.

    load_ms: opening the file and its session. warm_up_ms: the network's first run, on an empty window. init_ms: the
    tracker's first frame. Rates and stages are of all later frames; frame_us are microseconds of each of these, without
    reading it. nodes: graph nodes per execution provider, None where this onnxruntime (or a model without a network)
    does not tell.
    """

    source: str
    frames: int
    load_ms: float
    warm_up_ms: float
    init_ms: float
    fps: float
    fps_without_read: float
    outside_session_share: float
    stages: dict[str, StageTime]
    frame_us: tuple[int, ...]
    memory: MemoryReport
    provider: str
    threads: int
    nodes: dict[str, int] | None
    versions: dict[str, str]


def measure(request: Request, *, tick: child.Tick | None = None) -> ProbeReport:
    """Run the request in a fresh interpreter; raises what the child met, or `BadEnvironment` if it died."""
    silence_s = None if request.provider == "tensorrt" else child.SILENCE_S  # an engine takes minutes to build
    task = "cdedge_runtime.measure.probe:answer"
    return decode(ProbeReport, child.ask(task, encode(request), Path(request.model), tick, silence_s=silence_s))


def answer(request: Any, see: Callable[[Any], None]) -> Any:
    """`measure`'s work in the fresh process (see `child.Child`)."""
    return encode(_probed(decode(Request, request), child.beat(see)))


def _probed(request: Request, beat: child.Beat) -> ProbeReport:
    cv2.setNumThreads(request.threads or 0)
    floor = memory_now()
    source = open_source(request.source)
    next(source.frames())
    with_source = memory_now()
    reset_peak()
    begin = time.perf_counter()
    features = open_features(Path(request.model), provider=request.provider, threads=request.threads)
    loaded = time.perf_counter()
    features(np.zeros((*features.spec.input_px, 3), np.uint8))
    warm = time.perf_counter()
    tracker = tracker_with(features)
    given = Box(*request.box) if request.box else None
    frame_us: list[int] = []

    def book(laps: dict[str, int]) -> None:
        frame_us.append(round((sum(laps.values()) - laps["read"]) / 1000))
        beat(len(frame_us))

    begin_box = starting_box(source, tracker.spec, given)
    report = track(tracker, source, begin_box, limit=request.frames, booked=book)
    if report.error is not None:
        raise report.error
    peak = memory_now()
    stages = report.stages
    total, inside = stages["total"].mean_ms - stages["read"].mean_ms, stages["features"].mean_ms
    return ProbeReport(
        report.source,
        report.frames,
        (loaded - begin) * 1e3,
        (warm - loaded) * 1e3,
        report.init_ms,
        report.fps,
        report.fps_without_read,
        1 - inside / total,
        stages,
        tuple(frame_us),
        _memory(floor, with_source, peak, tracker.sizes()),
        features.provider,
        features.threads,
        features.nodes() if isinstance(features, Extractor) else None,
        {
            "python": sys.version.split()[0],
            "numpy": np.__version__,
            "onnxruntime": ort.__version__,
            "opencv": cv2.__version__,
        },
    )


def _memory(floor: MemoryNow, with_source: MemoryNow, peak: MemoryNow, sizes: Sizes) -> MemoryReport:
    return MemoryReport(
        floor.rss_bytes,
        _less(with_source.rss_bytes, floor.rss_bytes),
        peak.peak_bytes,
        _less(peak.peak_bytes, floor.rss_bytes),
        _less(peak.peak_bytes, with_source.rss_bytes),
        _less(peak.files_bytes, floor.files_bytes),
        peak.pss_bytes,
        peak.private_bytes,
        sizes.weights_bytes,
        sizes.activations_bytes,
        sizes.filter_state_bytes,
        sizes.buffers_bytes,
    )


def _less(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b
