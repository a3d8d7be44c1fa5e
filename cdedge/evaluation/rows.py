"""Rows of a box file as the arrays that are scored."""

from __future__ import annotations

import numpy as np

from cdedge_runtime.sources.rows import Row, row_box

from .sequence import Boxes


def boxes_from_rows(rows: list[Row], origin: int) -> Boxes:
    """(N, 4) boxes of rectangle and polygon rows in 0-based pixels; NaN where a row gives no box."""
    boxes = [row_box(row, origin) for row in rows]
    numbers = [(np.nan,) * 4 if b is None else (b.x, b.y, b.width, b.height) for b in boxes]
    return np.array(numbers, dtype=np.float64).reshape(-1, 4)


def malformed(rows: list[Row]) -> list[int]:
    """1-based numbers of the rows that are neither ``x,y,w,h`` nor a polygon of 8 numbers."""
    return [number for number, row in enumerate(rows, 1) if len(row) not in (4, 8)]
