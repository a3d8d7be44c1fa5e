"""What is handed to the process that tracks one pass, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .configuration import TrackerOptions
from .protocols import Pass


@dataclass(frozen=True)
class Job:
    """One pass to track: image files, the first box (0-based), the tracker and its threads."""

    name: str
    frame_paths: tuple[str, ...]
    box: tuple[float, float, float, float]
    origin: int
    tracker: TrackerOptions
    threads: int


@dataclass(frozen=True)
class Failure:
    """Why a pass did not end well.

    kind: ``data``, an image that cannot be used, so that there is nothing to score; ``tracker``, an error of
    the tracker or of its distillation; ``process``, a process that died.
    frame: index of the frame it broke at; None where that is not known.
    """

    kind: Literal["data", "tracker", "process"]
    reason: str
    frame: int | None


@dataclass(frozen=True)
class PassMemory:
    """Memory of the process that tracked this one pass, in bytes; None where /proc does not tell.

    floor: Python, numpy, OpenCV, onnxruntime and cdedge, before any frame or model. peak: VmHWM while
    tracking, decoded frames included. over_floor: peak - floor.
    """

    floor_bytes: int | None
    peak_bytes: int | None
    over_floor_bytes: int | None


@dataclass(frozen=True)
class Outcome:
    """What a tracker said, up to the frame it broke at.

    boxes: ``x, y, w, h``, 0-based, one per frame. times_s: seconds in ``init`` and each ``update``, without
    reading the image. scores: the tracker's own confidence, 1 for a first frame that is given.
    """

    boxes: tuple[tuple[float, float, float, float], ...]
    times_s: tuple[float, ...]
    scores: tuple[float, ...]
    lost: tuple[bool, ...]
    failure: Failure | None
    memory: PassMemory | None


def job_of(item: Pass, tracker: TrackerOptions, threads: int) -> Job:
    """Make the job of one pass."""
    box = (item.start.x, item.start.y, item.start.width, item.start.height)
    paths = tuple(str(path) for path in item.sequence.frame_paths)
    return Job(item.sequence.name, paths, box, item.sequence.origin, tracker, threads)


def broken(kind: Literal["data", "tracker", "process"], reason: str) -> Outcome:
    """Make an outcome without a single box."""
    return Outcome((), (), (), (), Failure(kind, reason, None), None)
