"""Several targets in one run: behind the face of one tracker, so that the loop need not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cdedge.choosing.asked import Finder
from cdedge_runtime.box import BoxLike
from cdedge_runtime.estimate import Estimate, Features, Lap, no_lap
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.targets import Targets


class Several:
    """Follows a target from the box that `init` gets, and others from those that ``others`` find in the first frame.

    ``seen`` are the estimates of all in the last frame, by number from 1; ``lost_frames`` counts the frames in which
    each was lost. What `init` and `update` return is the first target's, but for ``lost``: whether any is.
    """

    def __init__(self, features: Features, others: Sequence[Finder]) -> None:
        self.spec: ModelSpec = features.spec
        self._targets, self._others = Targets(features), others
        self.seen: dict[int, Estimate] = {}
        self.lost_frames: dict[int, int] = {}

    def init(self, frame: Any, box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Start all; raises `BadInput` for a box that cannot be tracked."""
        boxes = [box, *(found for find in self._others if (found := find(frame)) is not None)]
        self.seen = {number: self._targets.start(number, frame, each) for number, each in enumerate(boxes, 1)}
        lap("targets")
        return self._said()

    def update(self, frame: Any, lap: Lap = no_lap) -> Estimate:
        """Find all in the next frame."""
        self.seen = self._targets.update(frame)
        lap("targets")
        return self._said()

    def _said(self) -> Estimate:
        for number, each in self.seen.items():
            self.lost_frames[number] = self.lost_frames.get(number, 0) + each.lost
        return replace(self.seen[1], lost=any(each.lost for each in self.seen.values()))
