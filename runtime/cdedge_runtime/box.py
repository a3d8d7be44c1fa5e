"""Boxes in continuous pixel coordinates: the top left pixel covers [0, 1) x [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import BadInput

if TYPE_CHECKING:  # boxes are read where numpy is not loaded
    import numpy as np
    from numpy.typing import NDArray

LARGEST_TARGET_PX = 1_000_000  # nothing has so many, and sums of their squares are exact
_NAMES = ("x", "y", "width", "height")
_UNORDERED = (str, bytes, bytearray, set, frozenset, dict)  # they unpack too, to no box


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left edge ``x``, top edge ``y``, ``width``, ``height``; 0-based, no "-1" rule.

    A 1-based annotation ``x,y,w,h`` is ``Box(x - 1, y - 1, w, h)``. Takes any real numbers, of numpy too, and unpacks
    to the four; `as_box` makes one of a tuple, a list or an array. Raises `BadInput` for anything but numbers.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        for name in _NAMES:
            value = getattr(self, name)
            if type(value) is not float:
                object.__setattr__(self, name, _number(value, name))

    def __iter__(self) -> Iterator[float]:
        return iter(self.xywh)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """(x, y, width, height)."""
        return self.x, self.y, self.width, self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom); right and bottom are the first coordinates outside."""
        return self.x, self.y, self.x + self.width, self.y + self.height

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

    def outside(self, frame_shape: tuple[int, ...]) -> float:
        """The share of the box that lies outside a frame of shape (H, W, ...), 0..1."""
        height, width = frame_shape[:2]
        left, top, right, bottom = self.xyxy
        if left >= 0 and top >= 0 and right <= width and bottom <= height:  # as most are, and each frame asks
            return 0.0
        return 1 - self.intersection(Box(0, 0, width, height)) / self.area

    def scaled(self, factor: float) -> Box:
        """The box grown by ``factor`` about its center."""
        return Box.from_center(self.center, (self.width * factor, self.height * factor))


BoxLike: TypeAlias = "Box | Sequence[float] | NDArray[np.generic]"


def as_box(value: BoxLike) -> Box:
    """The box that ``value`` is: a `Box`, or x, y, width, height as a tuple, list or array (4,) of any real type.

    Raises `BadInput` for anything else.
    """
    if isinstance(value, Box):
        return value
    try:
        x, y, width, height = () if isinstance(value, _UNORDERED) else value
    except (TypeError, ValueError):
        raise BadInput(
            f"box: expected a Box or four numbers x, y, width, height, got {_shown(value)}", field="box"
        ) from None
    return Box(x, y, width, height)


def _number(value: Any, name: str) -> float:
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise BadInput(f"box: {name} must be a number, got {_shown(value)}", field="box")


def _shown(value: object) -> str:
    text = type(value).__name__
    if isinstance(value, (str, int, float)):
        text += f" {value!r:.100}"
    if isinstance(value, (tuple, list)):
        text += f" of {len(value)}"
    shape = getattr(value, "shape", None)
    return text if shape is None else f"{text} of shape {shape}"


def check_target(box: Box, frame_shape: tuple[int, ...]) -> None:
    """Raise `BadInput` unless ``box`` can be tracked in a frame of shape (H, W, ...).

    It must be finite, 1 to `LARGEST_TARGET_PX` wide and high, and overlap the frame.
    """
    if not all(map(math.isfinite, box)):
        raise BadInput(f"the target box must be four finite numbers x,y,w,h, got {_text(box)}", field="box")
    if max(box.size) > LARGEST_TARGET_PX:
        raise BadInput(
            f"the target box must be at most {LARGEST_TARGET_PX} px wide and high, got {_text(box)}", field="box"
        )
    if box.width < 1 or box.height < 1:
        raise BadInput(f"the target box must be at least 1 px wide and high, got {_text(box)}", field="box")
    height, width = frame_shape[:2]
    if box.intersection(Box(0, 0, width, height)) <= 0:
        raise BadInput(f"the target box {_text(box)} lies outside the {width}x{height} frame", field="box")


def _text(box: Box) -> str:
    return f"{box.x:g},{box.y:g},{box.width:g},{box.height:g}"
