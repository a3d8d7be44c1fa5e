"""The frame loop: source -> tracker -> estimates, timed. The loop owns the clock, the tracker does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from .box import Box
from .errors import CdedgeError, Usage
from .estimate import Estimate, ModelTracker
from .files import write_whole
from .image import Frame, frame_sha256
from .measure.meters import StageTime, Stopwatch, stage_time
from .model.contract import ModelSpec
from .sources.frames import Source
from .sources.latest import Latest

Observer = Callable[[int, Frame, Estimate], None]


@dataclass(frozen=True)
class RunReport:
    """One pass over a source. ``fps`` counts reading the frames, ``fps_without_read`` does not; init is apart.

    ``frame_us``: microseconds of each frame after the first, without reading it.

    ``error`` is set when source or provider broke in the middle, ``interrupted`` when the user stopped the run; the
    estimates up to there are kept. Where only the newest frames of a live source were taken, ``dropped`` counts the
    others, and ``latency`` is the time from a frame read to its box; else both are None.
    ``reconnects``: how often a camera or stream was lost and came back; None for other sources.
    """

    source: str
    origin: int
    estimates: tuple[Estimate, ...]
    init_ms: float
    fps: float
    fps_without_read: float
    stages: dict[str, StageTime]
    frame_us: tuple[int, ...]
    error: CdedgeError | None
    interrupted: bool
    dropped: int | None
    latency: StageTime | None
    reconnects: int | None


def starting_box(source: Source, spec: ModelSpec, given: Box | None) -> Callable[[Frame], Box]:
    """How to find the first box: the given one, the annotation's, or the model's own if this is its video.

    The returned function takes the first frame and raises `Usage` where no box is known.
    """

    def find(frame: Frame) -> Box:
        known = given or source.first_box
        if known is None and frame_sha256(frame) == spec.source.sha256:
            known = Box(*spec.source.box)
        if known is None:
            raise Usage(
                f"box: {source.name} has no annotation and is not the video the model was distilled from; give x,y,w,h "
                f"in its {frame.shape[1]}x{frame.shape[0]} frame",
                field="box",
            )
        return known

    return find


def track(
    tracker: ModelTracker,
    source: Source,
    box: Callable[[Frame], Box],
    *,
    limit: int | None = None,
    observe: Observer | None = None,
    draw: Observer | None = None,
    newest: bool = False,
) -> RunReport:
    """Track through a source; ``box`` gives the first box from the first frame.

    ``draw`` and ``observe`` see every frame with its estimate; drawing is a stage, but no rate counts it, observing
    is not timed. ``newest`` skips the frames that came while one was worked on, for live sources.
    Raises only if not even the first frame can be used.
    """
    watch, estimates, latency_ns = Stopwatch(), list[Estimate](), list[int]()
    error, interrupted, init_ms = None, False, 0.0
    frames = Latest(source.frames()) if newest else None
    try:
        with frames or nullcontext():
            for frame in _timed(frames or source.frames(), watch):
                index = len(estimates)
                if index == 0:
                    watch.start()
                    estimates.append(tracker.init(frame, box(frame), watch.lap))
                    init_ms = watch.booked_ms
                else:
                    estimates.append(tracker.update(frame, watch.lap))
                if frames is not None:
                    latency_ns.append(time.perf_counter_ns() - frames.captured_ns)
                _close(watch, (index, frame, estimates[-1]), draw=draw, observe=observe)
                del frame  # or it would stay while the next one is read; so does what enumerate keeps
                if limit is not None and index + 1 >= limit:
                    break
    except CdedgeError as problem:
        if not estimates:
            raise
        error = problem
    except KeyboardInterrupt:
        if not estimates:
            raise
        interrupted = True
    return RunReport(
        source.name,
        source.origin,
        tuple(estimates),
        init_ms,
        _rate(watch.frames, watch.seconds(without=("draw",))),
        _rate(watch.frames, watch.seconds(without=("read", "draw"))),
        watch.stages(),
        watch.frame_us(without=("read",)),
        error,
        interrupted,
        None if frames is None else frames.dropped,
        stage_time(latency_ns[1:]) if len(latency_ns) > 1 else None,
        None if source.link is None else source.link.reconnects,
    )


def _timed(frames: Iterator[Frame], watch: Stopwatch) -> Iterator[Frame]:
    """The frames, with the time to read each booked to ``read``."""
    while True:
        watch.start()
        frame = next(frames, None)
        if frame is None:
            return
        watch.lap("read")
        yield frame
        del frame


def _close(
    watch: Stopwatch, seen: tuple[int, Frame, Estimate], *, draw: Observer | None, observe: Observer | None
) -> None:
    """Show a frame; the first is no frame of the stopwatch's."""
    if draw is not None:
        draw(*seen)
        watch.lap("draw")
    if seen[0] > 0:
        watch.stop()
    if observe is not None:
        observe(*seen)


def _rate(frames: int, seconds: float) -> float:
    return frames / seconds if seconds > 0 else 0.0


def save_boxes(path: Path, report: RunReport) -> None:
    """Write one line ``x,y,w,h`` per frame in the source's own convention, whole or not at all."""
    lines = (box_line(e.box, report.origin) for e in report.estimates)
    write_whole(path, "".join(lines).encode())


def box_line(box: Box, origin: int) -> str:
    """``x,y,w,h`` with three decimals, in a convention with this origin, and a newline."""
    return f"{box.x + origin:.3f},{box.y + origin:.3f},{box.width:.3f},{box.height:.3f}\n"
