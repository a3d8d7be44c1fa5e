"""A pass over a source for the page: what the tracker says of every frame, and pictures of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdedge.choosing.asked import box_in
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.run import starting_box, track
from cdedge_runtime.sources.frames import Source, open_source

from .first_frame import LeftOut
from .tracking import Tracking, shown_frames


@dataclass(frozen=True)
class Pass:
    """What to follow: the arguments of ``cdedge track``."""

    model: Path
    source: str | None
    box: str | None
    frames: int | None
    provider: str
    threads: int | None


def followed_or_reason(asked: Pass, observe: Callable[..., None]) -> tuple[Tracking | None, LeftOut]:
    """The tracking, or why there is none; ``observe`` is called after each frame."""
    try:
        return _followed(asked, open_source(asked.source), observe), ()
    except CdedgeError as error:
        return None, (("the tracking", str(error)),)


def _followed(asked: Pass, source: Source, observe: Callable[..., None]) -> Tracking:
    if source.live:
        raise BadInput(f"{source.name} is live: its frames are gone; give a recording as SOURCE")
    tracker = open_tracker(asked.model, provider=asked.provider, threads=asked.threads)

    def begin(frame: Frame) -> Box:
        given = None if asked.box is None else box_in(asked.box, frame.shape, source.origin)
        return starting_box(source, tracker.spec, given)(frame)

    estimates: list[Estimate] = []

    def keep(index: int, frame: Frame, estimate: Estimate) -> None:
        estimates.append(estimate)
        observe(index, frame, estimate)

    report = track(tracker, source, begin, limit=asked.frames, observe=keep)
    if report.error is not None:
        raise report.error
    if report.interrupted:
        raise KeyboardInterrupt
    return Tracking(tuple(estimates), _frames_at(source, shown_frames(estimates)))


def _frames_at(source: Source, wanted: Sequence[int]) -> dict[int, Frame]:
    """These frames, read anew."""
    found = {}
    for index, frame in enumerate(source.frames()):
        if index in wanted:
            found[index] = frame
        if index == wanted[-1]:
            break
    return found
