"""Need for Speed (Galoogahi et al. 2017) at 30 fps: NAME/30/NAME/00001.jpg, NAME/30/NAME.txt, 0-based.

A row is ``id xmin ymin xmax ymax ...``. The 30 fps images are every eighth of the 240 fps video; where the
annotation still has all rows, every eighth counts, and one row or image too many at the end is left out, as
got10k does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.sources.annotations import sequence_images, visible
from cdedge_runtime.sources.rows import Row, parse_row, read_lines, split_line

from .assemble import Entry, assemble

LAYOUT = "NAME/30/NAME/00001.jpg and NAME/30/NAME.txt"
_EVERY = 8


def entries(root: Path) -> list[Entry]:
    """List the sequences under ``root``, by name."""
    return [Entry(p.stem, partial(_load, p)) for p in visible(root, "*/30/*.txt")]


def _load(path: Path) -> Sequence:
    images = sequence_images(path.with_suffix(""), (".",))
    rows = [_corners_to_size(parse_row(split_line(line)[1:5])) for line in read_lines(path)]
    if abs(len(rows) / len(images) - _EVERY) < 1:
        rows = rows[::_EVERY]
    extra = abs(len(images) - len(rows))
    if extra != 1:
        return assemble(path.stem, images, rows, origin=0)
    count = min(len(images), len(rows))
    note = f"{len(images)} frames and {len(rows)} rows: the last one is left out"
    return replace(assemble(path.stem, images[:count], rows[:count], origin=0), notes=(note,))


def _corners_to_size(row: Row) -> Row:
    if len(row) != 4:
        return ()
    left, top, right, bottom = row
    return left, top, right - left, bottom - top
