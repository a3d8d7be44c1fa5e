"""Rows of numbers in text files, as benchmarks, trackers and spreadsheets write them: one reader for every door.

UTF-8 or UTF-16; comma, semicolon, tab or space between the numbers; a header that names the columns. Between
semicolons or tabs a comma inside a number is a decimal comma, as spreadsheets of many countries write it.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import StrPath, as_path

Row = tuple[float, ...]

_NUMBER = re.compile(r"[+-]?\d+(,\d+)?|nan", re.IGNORECASE)
_POINTS = re.compile(r"-?\d+,\d+( +-?\d+,\d+){3}")
_COLUMNS = (("x", "left"), ("y", "top"), ("w", "width"), ("h", "height"))
_POLYGON = tuple(f"{axis}{corner}" for corner in range(1, 5) for axis in "xy")


def read_rows(path: StrPath) -> list[Row]:
    """Rows of a box file, without its header and its ``#`` comments; an empty tuple where a line is no row of numbers.

    A blank line between rows is a row without numbers: the rows behind it stay those of their frames.

    Raises `BadInput` where the file cannot be read, holds nothing, or can be read in two ways.
    """
    lines = _single_spaced(_trimmed([line for line in _text(path) if not line.startswith("#")]))
    try:
        columns = _named_columns(lines[0]) if lines else None
        rows = [_parse(line) for line in _trimmed(lines if columns is None else lines[1:])]
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    if not rows:
        raise BadInput(f"{path}: holds no row, expected x,y,w,h per frame")
    return rows if not columns else [_picked(row, columns) for row in rows]


def read_values(path: StrPath) -> list[float]:
    """All numbers of a file in reading order, whether one a line or all on one line."""
    values = [value for row in read_rows(path) for value in row]
    if not values:
        raise BadInput(f"{path}: holds no numbers")
    return values


def read_lines(path: StrPath) -> list[str]:
    """Lines of a text file that are not blank; raises `BadInput` where there are none."""
    return [line for line in _text(path) if line]


def split_line(line: str) -> list[str]:
    """Words of a line; decimal commas have become points. Raises `BadInput` where a comma may be either."""
    if _POINTS.fullmatch(line):
        raise BadInput(f"{line!r} is four points or four numbers with decimal commas: write numbers with points")
    for words in (line.strip("; \t").split(";"), line.strip().split("\t"), line.split()):
        numbers = [word.strip() for word in words]
        if len(numbers) >= 4 and "," in line and all(map(_NUMBER.fullmatch, numbers)):
            return [number.replace(",", ".") for number in numbers]
    return re.split(r"\s*[,;]\s*|\s+", line.strip(",; \t"))


def parse_row(words: Iterable[str]) -> Row:
    """Numbers of one row; empty where one of the words is no number."""
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        return ()


def row_box(row: Row, origin: int) -> Box | None:
    """A row ``x,y,w,h`` or a polygon of 8 numbers, in a convention with this origin; None where it gives no box."""
    if len(row) not in (4, 8) or not all(map(math.isfinite, row)):
        return None
    if len(row) == 8:
        return _polygon_box(row, origin)
    x, y, width, height = row
    return Box(x - origin, y - origin, width, height) if width > 0 and height > 0 else None


def _text(path: StrPath) -> list[str]:
    """All lines of a text file, those at its ends that are blank left out."""
    try:
        lines = [line.strip() for line in _decoded(as_path(path).read_bytes()).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text: {error}") from error
    kept = _trimmed(lines)
    if not kept:
        raise BadInput(f"{path}: the file is empty, expected a row x,y,w,h per frame")
    return kept


def _trimmed(lines: list[str]) -> list[str]:
    """Without the blank lines before the first and behind the last that is none."""
    there = [index for index, line in enumerate(lines) if line]
    return lines[there[0] : there[-1] + 1] if there else []


def _single_spaced(lines: list[str]) -> list[str]:
    """Without blank lines where every second one is blank: they are no rows then, else a frame without a box each."""
    return lines if any(lines[1::2]) else lines[::2]


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    if b"\0" in data[:2]:  # the first character of a box file is ASCII
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le")
    return data.decode("utf-8-sig")


def _parse(line: str) -> Row:
    return parse_row(split_line(line))


def _named_columns(line: str) -> list[int] | None:
    """Where a header has x, y, w and h; empty for a polygon's; None where the line is no header."""
    words = [word.strip("\"' ").lower() for word in split_line(line)]
    if any(map(_is_number, words)):
        return None
    if tuple(words) == _POLYGON:
        return []
    found = [next((words.index(name) for name in names if name in words), None) for names in _COLUMNS]
    columns = [place for place in found if place is not None]
    if len(columns) != len(_COLUMNS):
        raise BadInput(f"the header {line[:60]!r} does not name the columns x,y,w,h (or left,top,width,height)")
    return columns


def _is_number(word: str) -> bool:
    return bool(parse_row([word]))


def _picked(row: Row, columns: list[int]) -> Row:
    return tuple(row[place] for place in columns) if max(columns) < len(row) else ()


def _polygon_box(row: Row, origin: int) -> Box | None:
    try:
        box = Box.from_polygon(row)
    except BadInput:
        return None
    return Box(box.x - origin, box.y - origin, box.width, box.height)
