"""What a session tells of itself: on the page, and to scripts as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cdedge.doubts import numbered
from cdedge_runtime.estimate import Estimate

STATE_SCHEMA = "cdedge.state/1"
Status = Literal["waiting", "running", "paused", "ended", "failed"]


@dataclass(frozen=True)
class TargetState:
    """One target: its number, its box ``x, y, width, height`` in pixels from 0, its score; None where there is none."""

    id: int
    box: tuple[float, float, float, float]
    score: float | None
    lost: bool


@dataclass(frozen=True)
class State:
    """A session at one moment.

    view: counts what was shown, frames and changes of state. frame: number in the source, from 0.
    fps: frames of the last two seconds, per second; latency_ms: from a frame read to its boxes, median of the last 30.
    memory_bytes: resident now. viewers: browsers that look on. skipped_frames: of a live source, those that came while
    another was worked on. link, reconnects: of a camera or stream, how it is doing, and how often it was lost and came
    back. error: what ended a source or a tracker.
    """

    view: int
    source: str
    model: str | None
    status: Status
    live: bool
    frame: int
    width_px: int
    height_px: int
    targets: tuple[TargetState, ...]
    fps: float | None
    latency_ms: float | None
    memory_bytes: int | None
    skipped_frames: int
    viewers: int
    link: Literal["waiting", "running", "lost"] | None
    reconnects: int | None
    error: str | None


def target_state(number: int, seen: Estimate) -> TargetState:
    """A target's state; a box that nothing tracks has an infinite score, shown as none."""
    return TargetState(number, numbered(seen.box), seen.score if math.isfinite(seen.score) else None, seen.lost)
