"""Boxes in continuous pixel coordinates: the top left pixel covers [0, 1) x [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import BadInput


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left edge ``x``, top edge ``y``, ``width``, ``height``; 0-based, no "-1" rule.

    A 1-based annotation ``x,y,w,h`` is ``Box(x - 1, y - 1, w, h)``.
    """

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def from_center(cls, center: tuple[float, float], size: tuple[float, float]) -> Box:
        """Box of ``size`` (width, height) around ``center`` (x, y)."""
        return cls(center[0] - size[0] / 2, center[1] - size[1] / 2, size[0], size[1])

    @classmethod
    def from_polygon(cls, corners: Sequence[float]) -> Box:
        """Axis-aligned box of the area of a VOT polygon ``x1,y1,..,x4,y4``.

        ECO's conversion (Danelljan et al. 2017): the bounding box shrunk about the mean corner until its area
        is that of the polygon taken as a parallelogram.
        """
        xs, ys = corners[0::2], corners[1::2]
        side1 = math.hypot(xs[0] - xs[1], ys[0] - ys[1])
        side2 = math.hypot(xs[1] - xs[2], ys[1] - ys[2])
        bound_w, bound_h = max(xs) - min(xs), max(ys) - min(ys)
        if bound_w <= 0 or bound_h <= 0:
            raise BadInput(f"a polygon must span an area, got {','.join(map(str, corners))}")
        shrink = math.sqrt(side1 * side2 / (bound_w * bound_h))
        center = (sum(xs) / len(xs), sum(ys) / len(ys))
        return cls.from_center(center, (shrink * bound_w + 1, shrink * bound_h + 1))

    @property
    def center(self) -> tuple[float, float]:
        """Center (x, y) in continuous coordinates."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def size(self) -> tuple[float, float]:
        """(width, height)."""
        return self.width, self.height

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    def intersection(self, other: Box) -> float:
        """Area shared with ``other``, in square pixels."""
        w = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        h = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(w, 0.0) * max(h, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def scaled(self, factor: float) -> Box:
        """The box grown by ``factor`` about its center."""
        return Box.from_center(self.center, (self.width * factor, self.height * factor))


def check_target(box: Box, frame_shape: tuple[int, ...]) -> None:
    """Raise `BadInput` unless ``box`` can be tracked in a frame of shape (H, W, ...).

    It must be finite, at least 1 px wide and high, and overlap the frame.
    """
    values = (box.x, box.y, box.width, box.height)
    if not all(math.isfinite(v) for v in values):
        raise BadInput(f"the target box must be four finite numbers x,y,w,h, got {_text(box)}")
    if box.width < 1 or box.height < 1:
        raise BadInput(f"the target box must be at least 1 px wide and high, got {_text(box)}")
    height, width = frame_shape[:2]
    if box.intersection(Box(0, 0, width, height)) <= 0:
        raise BadInput(f"the target box {_text(box)} lies outside the {width}x{height} frame")


def _text(box: Box) -> str:
    return f"{box.x:g},{box.y:g},{box.width:g},{box.height:g}"
