"""Where to look for a lost target: places over the whole frame, one per frame, so that it costs nothing extra."""

from __future__ import annotations

import math
from itertools import product

Point = tuple[float, float]


def place(frame_shape: tuple[int, ...], side_px: float, near: Point, visit: int) -> Point:
    """The ``visit``-th place (x, y), counted from 0 and over and over, nearest to ``near`` first.

    Places lie half a search window of ``side_px`` apart and cover a frame of shape (H, W, ...).
    """
    columns, rows = (_stops(n, side_px / 2) for n in frame_shape[1::-1])
    places = sorted(product(columns, rows), key=lambda p: math.dist(p, near))
    return places[visit % len(places)]


def _stops(length: int, step: float) -> list[float]:
    """Points from 0 to ``length``, at most ``step`` apart."""
    count = max(1, math.ceil(length / step))
    return [length * i / count for i in range(count + 1)]
