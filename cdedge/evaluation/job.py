"""What is handed to the process that tracks one pass, and what comes back.

Passes over a sequence are one (OPE), from shifted boxes (SRE), or from later frames (TRE): Wu et al., Online Object
Tracking: A Benchmark (2013), section 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cdedge.evaluation.configuration import TrackerOptions
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage

PROTOCOLS = ("ope", "sre", "tre")
_TRE = re.compile(r"tre([1-9][0-9]{0,2})?")
_TRE_SEGMENTS = 20
_MIN_TRE_FRAMES = 20
_SHIFT = 0.1
_DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))
_SCALES = (0.8, 0.9, 1.1, 1.2)


@dataclass(frozen=True, eq=False)
class Pass:
    """One run of a tracker: the frames and their ground truth, and the box it starts from.

    ``sequence`` has the pass's own name (``Deer``, ``Deer.sre03``), ``target`` that of the whole sequence.
    """

    target: str
    sequence: Sequence
    start: Box


def passes(sequence: Sequence, protocol: str) -> tuple[Pass, ...]:
    """All passes of a protocol over one sequence; ``tre5`` is TRE with 5 segments in the place of 20.

    Raises `Usage` for an unknown protocol.
    """
    if protocol == "ope":
        return (Pass(sequence.name, sequence, sequence.first_box),)
    if protocol == "sre":
        return tuple(
            Pass(sequence.name, _renamed(sequence, "sre", number), box)
            for number, box in enumerate(shifted_boxes(sequence.first_box), 1)
        )
    segments = [_from_frame(sequence, start) for start in segment_starts(sequence, _segments(protocol))]
    return tuple(
        Pass(sequence.name, _renamed(segment, "tre", number), segment.first_box)
        for number, segment in enumerate(segments, 1)
    )


def check_protocol(protocol: str) -> None:
    """Raise `Usage` for an unknown protocol."""
    if protocol not in PROTOCOLS:
        _segments(protocol)


def _segments(protocol: str) -> int:
    """How many segments a protocol of that kind has; raises `Usage` for anything else."""
    found = _TRE.fullmatch(protocol)
    count = int(found[1] or _TRE_SEGMENTS) if found else 0
    if count < 2:
        raise Usage(f"unknown protocol {protocol!r:.40}, expected {', '.join(PROTOCOLS)}, or tre2 to tre999")
    return count


def shifted_boxes(box: Box) -> tuple[Box, ...]:
    """Make the 12 starting boxes of SRE: 8 shifts by 10 % of the size, then 4 scales about the center."""
    moved = [
        Box(box.x + dx * _SHIFT * box.width, box.y + dy * _SHIFT * box.height, box.width, box.height)
        for dx, dy in _DIRECTIONS
    ]
    return (*moved, *(box.scaled(scale) for scale in _SCALES))


def segment_starts(sequence: Sequence, segments: int = _TRE_SEGMENTS) -> tuple[int, ...]:
    """First frames (from 0) of TRE's segments, spread over the annotated frames with 20 frames to come.

    A short sequence has fewer: none starts twice, and each has a frame to score after its first.
    """
    annotated = _annotated(sequence)
    candidates = annotated[:-1] if len(annotated) > 1 else annotated
    late = candidates[len(sequence) - candidates >= _MIN_TRE_FRAMES]
    usable = late if late.size else candidates[:1]
    count = len(usable)
    picks = {k * count // (segments - 1) for k in range(segments - 1)} | {count - 1}
    return tuple(int(usable[i]) for i in sorted(picks))


def _annotated(sequence: Sequence) -> NDArray[np.int64]:
    return np.flatnonzero(~np.isnan(sequence.boxes).any(axis=1))


def _from_frame(sequence: Sequence, start: int) -> Sequence:
    return replace(sequence, frame_paths=sequence.frame_paths[start:], boxes=sequence.boxes[start:])


def _renamed(sequence: Sequence, protocol: str, number: int) -> Sequence:
    return replace(sequence, name=f"{sequence.name}.{protocol}{number:02d}")


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
