"""VOT's regions as boxes: rectangles as they are, polygons by ECO's rule (`Box.from_polygon`)."""

from __future__ import annotations

from collections.abc import Sequence

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput


def box_of_rectangle(values: Sequence[float]) -> Box:
    """Take ``x, y, width, height`` as they are."""
    return Box(*(float(v) for v in values))


def box_of_polygon(points: Sequence[Sequence[float]]) -> Box:
    """Convert four corners (x, y); raises `BadInput` for another number of corners."""
    if len(points) != 4:
        raise BadInput(f"a polygon of {len(points)} corners has no box here, 4 are expected: {_REMEDY}")
    return Box.from_polygon([float(v) for point in points for v in point])


def box_of_wire(region: object) -> Box:
    """Convert a region of the ``python`` protocol: a tuple (x, y, w, h), or a list of corners (x, y)."""
    if isinstance(region, tuple) and len(region) == 4:
        return box_of_rectangle(region)
    if isinstance(region, list):
        return box_of_polygon(region)
    raise BadInput(f"a region must be a rectangle or a polygon, got {type(region).__name__}: {_REMEDY}")


_REMEDY = "put 'convert = rectangle' into the tracker's entry of trackers.ini"
