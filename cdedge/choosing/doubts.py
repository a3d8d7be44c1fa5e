"""A box is looked at before it is used: what is likely to be a mistake is said, and used all the same."""

from __future__ import annotations

from cdedge_runtime.box import Box

_SMALLEST_PX = 6.0
_LARGEST_SHARE = 0.5  # of the frame's area


def doubts(box: Box, frame_shape: tuple[int, ...]) -> tuple[str, ...]:
    """What looks wrong with a box in a frame of shape (H, W, ...), a sentence each; empty for a usual one."""
    height, width = frame_shape[:2]
    whole = Box(0, 0, width, height)
    found = []
    if _as_corners(box, whole):
        fixed = Box(box.x, box.y, box.width - box.x, box.height - box.y)
        found.append(f"it leaves the frame; if these are corners x1,y1,x2,y2, the box is {box_text(fixed)}")
    elif box.intersection(whole) < box.area / 2:
        found.append("more than half of it lies outside the frame")
    if box.intersection(whole) > _LARGEST_SHARE * whole.area:
        found.append("it covers more than half of the frame")
    if min(box.size) < _SMALLEST_PX:
        found.append(f"it is less than {_SMALLEST_PX:g} px {'wide' if box.width <= box.height else 'high'}")
    return tuple(found)


def _as_corners(box: Box, whole: Box) -> bool:
    """Whether the numbers make no box inside the frame, but two corners of one."""
    leaves = box.x + box.width > whole.width or box.y + box.height > whole.height
    inside = 0 <= box.x < box.width <= whole.width and 0 <= box.y < box.height <= whole.height
    return leaves and inside


def numbered(box: Box, origin: int = 0) -> tuple[float, float, float, float]:
    """``x, y, width, height`` to a hundredth of a pixel, in a convention with this origin."""
    x, y, width, height = (round(v, 2) for v in (box.x + origin, box.y + origin, box.width, box.height))
    return x, y, width, height


def box_text(box: Box, origin: int = 0) -> str:
    """`numbered`, as ``--box`` takes it."""
    return ",".join(f"{number:g}" for number in numbered(box, origin))
