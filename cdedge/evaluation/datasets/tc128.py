"""Temple Color 128 (Liang et al. 2015), 1-based; NAME_frames.txt says which images are annotated."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.rows import read_rows, read_values
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput

from .assemble import Entry, assemble, images_of, in_range

LAYOUT = "NAME/img/0001.jpg, NAME/NAME_gt.txt and NAME/NAME_frames.txt ('first,last')"


def entries(root: Path) -> list[Entry]:
    """List the sequences under ``root``, by name."""
    return [Entry(p.parent.name, partial(_load, p)) for p in sorted(root.glob("*/*_gt.txt"))]


def _load(path: Path) -> Sequence:
    images = images_of(path.parent)
    limits = path.with_name(path.name.replace("_gt.txt", "_frames.txt"))
    if limits.is_file():
        images = in_range(images, *_first_last(limits))
    return assemble(path.parent.name, images, read_rows(path), origin=1)


def _first_last(path: Path) -> tuple[int, int]:
    values = read_values(path)
    if len(values) != 2:
        raise BadInput(f"{path}: expected 'first,last' frame number, got {len(values)} numbers")
    return int(values[0]), int(values[1])
