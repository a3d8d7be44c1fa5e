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
    if (meant := of_corners(box, frame_shape)) is not None:
        found.append(f"it leaves the frame; if these are corners x1,y1,x2,y2, the box is {box_text(meant)}")
    elif box.intersection(whole) < box.area / 2:
        found.append("more than half of it lies outside the frame")
    if box.intersection(whole) > _LARGEST_SHARE * whole.area:
        found.append("it covers more than half of the frame")
    if min(box.size) < _SMALLEST_PX:
        found.append(f"it is less than {_SMALLEST_PX:g} px {'wide' if box.width <= box.height else 'high'}")
    return tuple(found)


def of_corners(box: Box, frame_shape: tuple[int, ...]) -> Box | None:
    """The box that the numbers mean as corners x1,y1,x2,y2; None where they make one inside the frame as they are.

    Also None where they are no two corners in the frame.
    """
    height, width = frame_shape[:2]
    leaves = box.x + box.width > width or box.y + box.height > height
    inside = 0 <= box.x < box.width <= width and 0 <= box.y < box.height <= height
    return Box(box.x, box.y, box.width - box.x, box.height - box.y) if leaves and inside else None


def numbered(box: Box, origin: int = 0) -> tuple[float, float, float, float]:
    """``x, y, width, height`` to a hundredth of a pixel, in a convention with this origin."""
    x, y, width, height = (round(v, 2) for v in (box.x + origin, box.y + origin, box.width, box.height))
    return x, y, width, height


def box_text(box: Box, origin: int = 0) -> str:
    """`numbered`, as ``--box`` takes it."""
    return ",".join(f"{number:g}" for number in numbered(box, origin))
