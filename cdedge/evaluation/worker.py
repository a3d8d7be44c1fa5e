"""A pass in a process of its own: what `launch` has its children do.

Tracking in processes of their own keeps the memory of one pass apart from the next and from PyTorch, and a crash costs
one pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.measure.child import Beat, beat
from cdedge_runtime.measure.memory import MemoryNow, memory_now, reset_peak
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import decode, encode
from cdedge_runtime.sources.frames import Source, image_source

from .job import Failure, Job, Outcome, PassMemory, broken
from .peers import AnyTracker, Peer


def track_job(job: Job, going_on: Beat) -> Outcome:
    """Track one pass; only ``init`` and ``update`` are timed. ``going_on`` is told how many frames are done.

    Raises the errors that every other pass would meet too: of the model file, the options and the machine.
    """
    cv2.setNumThreads(job.threads)
    floor = memory_now()
    reset_peak()
    try:
        tracker = _open(job)
    except BadInput as error:
        return broken("tracker", str(error))
    estimates, times, failure = _loop(tracker, job, going_on)
    return Outcome(
        boxes=tuple((e.box.x, e.box.y, e.box.width, e.box.height) for e in estimates),
        times_s=tuple(times),
        scores=tuple(e.score for e in estimates),
        lost=tuple(e.lost for e in estimates),
        failure=failure,
        memory=_memory(floor, memory_now()),
    )


def export_job(job: Job, out: Path) -> Outcome:
    """Distil and export the model of one pass from its first two frames; only ``failure`` is filled."""
    from cdedge_export.pipeline import export as run_export

    try:
        frames = list(islice(_images(job).frames(), 2))
    except BadInput as error:
        return broken("data", str(error))
    source = Source(job.name, lambda: iter(frames), Box(*job.box), job.origin, len(frames))
    try:
        run_export(source, Box(*job.box), out, options=job.tracker.made, timed=False)
    except BadInput as error:
        return broken("tracker", f"distillation: {error}")
    return Outcome((), (), (), (), None, None)


def _open(job: Job) -> AnyTracker:
    if job.tracker.tracker.startswith("opencv:"):
        return Peer(job.tracker.tracker.removeprefix("opencv:"), job.tracker.peer_model)
    if job.tracker.model is None:
        raise BadInput(f"{job.name}: no model to track with")
    return open_tracker(Path(job.tracker.model), threads=job.threads)


def _loop(tracker: AnyTracker, job: Job, going_on: Beat) -> tuple[list[Estimate], list[float], Failure | None]:
    estimates: list[Estimate] = []
    times: list[float] = []
    frames = _images(job).frames()
    for index in range(len(job.frame_paths)):
        try:
            frame = next(frames)
        except BadInput as error:
            return estimates, times, Failure("data", str(error), index)
        begin = time.perf_counter()
        try:
            estimate = tracker.update(frame) if index else tracker.init(frame, Box(*job.box))
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises is a failure of this sequence
            return estimates, times, Failure("tracker", f"{type(error).__name__}: {error}".strip(), index)
        times.append(time.perf_counter() - begin)
        estimates.append(estimate)
        going_on(index + 1)
    return estimates, times, None


def _images(job: Job) -> Source:
    return image_source(job.name, tuple(Path(path) for path in job.frame_paths))


def _memory(floor: MemoryNow, peak: MemoryNow) -> PassMemory:
    known = floor.rss_bytes is not None and peak.peak_bytes is not None
    over = peak.peak_bytes - floor.rss_bytes if known else None  # type: ignore[operator]
    return PassMemory(floor.rss_bytes, peak.peak_bytes, over)


def track(request: Any, see: Callable[[Any], None]) -> Any:
    """`track_job` as a child's work (see `child.Child`)."""
    return encode(track_job(decode(Job, request["job"]), beat(see)))


def export(request: Any, _see: Callable[[Any], None]) -> Any:
    """`export_job` as a child's work (see `child.Child`)."""
    return encode(export_job(decode(Job, request["job"]), Path(request["out"])))
