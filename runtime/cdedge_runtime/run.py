"""The frame loop: source -> tracker -> estimates, timed. The loop owns the clock, the tracker does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from .box import Box, BoxLike
from .errors import BadEnvironment, CdedgeError, Usage
from .estimate import Estimate, Lap
from .image import Frame, frame_sha256
from .model.contract import ModelSpec
from .sources.frames import Source
from .sources.latest import Latest
from .stopwatch import Sketch, StageTime, Stopwatch

Observer = Callable[[int, Frame, Estimate], None]


class Follower(Protocol):
    """What a run needs of a tracker: as `ModelTracker`'s."""

    def init(self, frame: Frame, box: BoxLike, lap: Lap = ...) -> Estimate: ...
    def update(self, frame: Frame, lap: Lap = ...) -> Estimate: ...


@dataclass(frozen=True)
class RunReport:
    """One pass over a source, in constant memory. ``fps`` counts reading the frames, ``fps_without_read`` does not.

    Neither counts the first frame, which has ``init_ms``.
    ``error`` is set when something broke in the middle, ``interrupted`` when the run was stopped (Ctrl-C, or whoever
    read its results went away).
    Where only the newest frames of a live source were taken, ``dropped`` counts the others, and ``latency`` is the time
    from a frame read to its box; else both are None.
    ``reconnects``: how often a camera or stream was lost and came back; None for other sources.
    """

    source: str
    origin: int
    frames: int
    lost_frames: int
    init_ms: float
    fps: float
    fps_without_read: float
    stages: dict[str, StageTime]
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
                f"box: {source.name} has no annotation and is not the video the model was exported with; give x,y,w,h "
                f"in its {frame.shape[1]}x{frame.shape[0]} frame",
                field="box",
            )
        return known

    return find


def track(
    tracker: Follower,
    source: Source,
    box: Callable[[Frame], Box],
    *,
    limit: int | None = None,
    observe: Observer | None = None,
    draw: Observer | None = None,
    booked: Callable[[dict[str, int]], None] | None = None,
    newest: bool = False,
) -> RunReport:
    """Track through a source; ``box`` gives the first box from the first frame.

    ``draw`` and ``observe`` see every frame with its estimate; drawing is a stage, but no rate counts it, observing
    is not timed. ``booked`` is told the nanoseconds of each stage of every frame after the first. ``newest`` skips the
    frames that came while one was worked on, for live sources.
    Raises only if not even the first frame can be used: whatever ends the run later is in the report.
    """
    watch, waited, count, lost = Stopwatch(), Sketch(), 0, 0
    error, interrupted, init_ms = None, False, 0.0
    frames = Latest(source.frames(), every=not newest) if newest or source.live else None
    try:
        with frames or nullcontext():
            for frame in _timed(frames or source.frames(), watch):
                if count == 0:
                    watch.start()
                    estimate = tracker.init(frame, box(frame), watch.lap)
                    init_ms = watch.booked_ms
                else:
                    estimate = tracker.update(frame, watch.lap)
                    if frames is not None and newest:
                        waited.add(time.perf_counter_ns() - frames.captured_ns)
                count, lost = count + 1, lost + estimate.lost
                _close(watch, (count - 1, frame, estimate), draw=draw, observe=observe, booked=booked)
                del frame  # or it would stay while the next one is read
                if count == limit:
                    break
    except (KeyboardInterrupt, BrokenPipeError):
        if not count:
            raise
        interrupted = True
    except Exception as problem:
        if not count:
            raise
        error = _ended_by(problem, source, count)
    return RunReport(
        source.name,
        source.origin,
        count,
        lost,
        init_ms,
        _rate(watch.frames, watch.seconds(without=("draw",))),
        _rate(watch.frames, watch.seconds(without=("read", "draw"))),
        watch.stages(),
        error,
        interrupted,
        frames.dropped if frames is not None and newest else None,
        waited.stage_time() if waited.count else None,
        None if source.link is None else source.link.reconnects,
    )


def _ended_by(problem: Exception, source: Source, count: int) -> CdedgeError:
    """What to raise, when the results are safe, for what ended the run."""
    if isinstance(problem, CdedgeError):
        return problem
    kind = BadEnvironment if isinstance(problem, (OSError, MemoryError)) else CdedgeError
    told = kind(f"{source.name}: broke off at frame {count}: {type(problem).__name__} {problem}".rstrip())
    told.__cause__ = problem
    return told


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
    watch: Stopwatch,
    seen: tuple[int, Frame, Estimate],
    *,
    draw: Observer | None,
    observe: Observer | None,
    booked: Callable[[dict[str, int]], None] | None,
) -> None:
    """Show a frame; the first is no frame of the stopwatch's."""
    if draw is not None:
        draw(*seen)
        watch.lap("draw")
    if seen[0] > 0:
        laps = watch.stop()
        if booked is not None:
            booked(laps)
    if observe is not None:
        observe(*seen)


def _rate(frames: int, seconds: float) -> float:
    return frames / seconds if seconds > 0 else 0.0


def box_line(box: Box, origin: int) -> str:
    """``x,y,w,h`` with three decimals, in a convention with this origin, and a newline."""
    return f"{box.x + origin:.3f},{box.y + origin:.3f},{box.width:.3f},{box.height:.3f}\n"
