"""What follows the targets of a session."""

from __future__ import annotations

from typing import Protocol

from cdedge_runtime.box import Box, check_target
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame


class Targets(Protocol):
    """Targets by number, all followed in the same frames; used from one thread."""

    def start(self, number: int, frame: Frame, box: Box) -> Estimate:
        """Follow a target from this frame on, or start it again; raises `BadInput` for a box that cannot be tracked."""

    def update(self, frame: Frame) -> dict[int, Estimate]:
        """Find every target in the next frame."""

    def stop(self, number: int) -> None:
        """Follow a target no longer."""


class Untracked:
    """Boxes that stay where they were drawn: for choosing, where there is no model yet."""

    def __init__(self) -> None:
        self._boxes: dict[int, Estimate] = {}

    def start(self, number: int, frame: Frame, box: Box) -> Estimate:
        check_target(box, frame.shape)
        self._boxes[number] = Estimate(box, float("inf"), lost=False)
        return self._boxes[number]

    def update(self, frame: Frame) -> dict[int, Estimate]:  # noqa: ARG002 - nothing is looked for
        return dict(self._boxes)

    def stop(self, number: int) -> None:
        del self._boxes[number]

    def first(self) -> Box | None:
        """The box of the lowest number; None where there is none."""
        return self._boxes[min(self._boxes)].box if self._boxes else None
