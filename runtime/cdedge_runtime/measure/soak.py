"""A long run in a fresh process that reports its own memory, handles, threads and latency as it goes.

The measured process keeps no sample: it tells each one, and this side collects them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.estimate import ModelTracker
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.memory import memory_now
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import decode, encode
from cdedge_runtime.run import starting_box
from cdedge_runtime.sources.frames import Source, open_source

from . import child

KEPT_FRAMES_BYTES = 160_000_000
_SILENCE_S = 600.0  # between two samples
_HANDLES = Path("/proc/self/fd")
_THREADS = Path("/proc/self/task")


@dataclass(frozen=True)
class SoakRequest:
    """What to run, as in `probe.Request`; it ends after ``frames`` or ``seconds``, whichever comes first."""

    model: str
    source: str | None
    box: tuple[float, float, float, float] | None
    frames: int | None
    seconds: float | None
    every: int
    provider: str
    threads: int | None


@dataclass(frozen=True)
class Sample:
    """After so many frames: memory, open handles, threads (None: /proc does not tell), and the latest latency.

    latency_ms: median time per frame, without reading it, since the last sample.
    """

    frame: int
    seconds: float
    rss_bytes: int | None
    pss_bytes: int | None
    handles: int | None
    threads: int | None
    latency_ms: float


def watch(request: SoakRequest, see: Callable[[Sample], None]) -> None:
    """Run the request in a fresh process and hand on its samples; raises what it met, or that it died."""
    task, model = "cdedge_runtime.measure.soak:answer", Path(request.model)
    told = encode(request)
    child.ask(task, told, model, see=lambda sample: see(decode(Sample, sample)), silence_s=_SILENCE_S)


def answer(request: Any, see: Callable[[Any], None]) -> Any:
    """`watch`'s work in the fresh process (see `child.Child`)."""
    asked = decode(SoakRequest, request)
    cv2.setNumThreads(asked.threads or 0)
    tracker = open_tracker(Path(asked.model), provider=asked.provider, threads=asked.threads)
    run(tracker, open_source(asked.source), asked, lambda sample: see(encode(sample)))


def run(tracker: ModelTracker, source: Source, request: SoakRequest, see: Callable[[Sample], None]) -> None:
    """Track through the source again and again; every ``request.every`` frames, ``see`` a sample."""
    given = Box(*request.box) if request.box else None
    find = starting_box(source, tracker.spec, given)
    taken_ms = np.zeros(request.every)
    begin = time.perf_counter()
    for done, (first, frame) in enumerate(_endless(source), 1):
        start = time.perf_counter()
        if first:
            tracker.init(frame, find(frame))
        else:
            tracker.update(frame)
        now = time.perf_counter()
        taken_ms[done % request.every] = (now - start) * 1e3
        if done % request.every == 0:
            see(_sample(done, now - begin, float(np.median(taken_ms))))
        if done == request.frames or (request.seconds is not None and now - begin >= request.seconds):
            return


def _endless(source: Source) -> Iterator[tuple[bool, Frame]]:
    """(is the first of a lap, frame) over and over; a live source runs once."""
    kept = _kept(source)
    while True:
        empty = True
        for index, frame in enumerate(source.frames() if kept is None else kept):
            empty = False
            yield index == 0, frame
        if source.live:
            return
        if empty:
            raise BadInput(f"{source.name}: it has no frames to run in a loop")


def _kept(source: Source) -> list[Frame] | None:
    """All frames, where they are known to be small enough; else they are read again in every lap."""
    if source.live or source.count is None:
        return None
    first = next(source.frames(), None)
    if first is None or first.nbytes * source.count > KEPT_FRAMES_BYTES:
        return None
    most = KEPT_FRAMES_BYTES // first.nbytes  # a count is an estimate
    frames = list(islice(source.frames(), most + 1))
    return frames if len(frames) <= most else None


def _sample(frame: int, seconds: float, latency_ms: float) -> Sample:
    memory = memory_now()
    return Sample(
        frame, seconds, memory.rss_bytes, memory.pss_bytes, _entries(_HANDLES), _entries(_THREADS), latency_ms
    )


def _entries(folder: Path) -> int | None:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return None
