"""Box files read leniently: a line that is no row of numbers becomes an empty row, and is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput

from .sequence import Boxes

Row = tuple[float, ...]
_ABSENT = (float("nan"),) * 4


def read_lines(path: Path) -> list[str]:
    """Lines of a text file that are not blank; raises `BadInput` where there are none."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text: {error}") from error
    kept = [line for line in lines if line]
    if not kept:
        raise BadInput(f"{path}: the file is empty, expected a row x,y,w,h per frame")
    return kept


def split_line(line: str) -> list[str]:
    """Words of a line separated by commas, semicolons, tabs or spaces."""
    return re.split(r"\s*[,;]\s*|\s+", line.strip(",; \t"))


def parse_row(words: Iterable[str]) -> Row:
    """Numbers of one row; empty where one of the words is no number."""
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        return ()


def read_rows(path: Path) -> list[Row]:
    """Rows of a box file; an empty tuple where a line is no row of numbers."""
    return [parse_row(split_line(line)) for line in read_lines(path)]


def read_values(path: Path) -> list[float]:
    """All numbers of a file in reading order, whether one a line or all on one line."""
    values = [value for row in read_rows(path) for value in row]
    if not values:
        raise BadInput(f"{path}: holds no numbers")
    return values


def boxes_from_rows(rows: list[Row], origin: int) -> Boxes:
    """(N, 4) boxes of rectangle and polygon rows in 0-based pixels; NaN where a row gives no box."""
    return np.array([_box(row, origin) for row in rows], dtype=np.float64).reshape(-1, 4)


def malformed(rows: list[Row]) -> list[int]:
    """1-based numbers of the rows that are neither ``x,y,w,h`` nor a polygon of 8 numbers."""
    return [number for number, row in enumerate(rows, 1) if len(row) not in (4, 8)]


def _box(row: Row, origin: int) -> Row:
    if len(row) == 8 and np.isfinite(row).all():
        return _polygon(row, origin)
    if len(row) != 4 or not np.isfinite(row).all() or row[2] <= 0 or row[3] <= 0:
        return _ABSENT
    return row[0] - origin, row[1] - origin, row[2], row[3]


def _polygon(row: Row, origin: int) -> Row:
    try:
        box = Box.from_polygon(row)
    except BadInput:
        return _ABSENT
    return box.x - origin, box.y - origin, box.width, box.height
