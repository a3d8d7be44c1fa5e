"""Temple Color 128 (Liang et al. 2015), 1-based; NAME_frames.txt says which images are annotated."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.sources.annotations import annotated_images, sequence_images, visible
from cdedge_runtime.sources.rows import read_rows

from .assemble import Entry, assemble

LAYOUT = "NAME/img/0001.jpg, NAME/NAME_gt.txt and NAME/NAME_frames.txt ('first,last')"


def entries(root: Path) -> list[Entry]:
    """List the sequences under ``root``, by name."""
    return [Entry(p.parent.name, partial(_load, p)) for p in visible(root, "*/*_gt.txt")]


def _load(path: Path) -> Sequence:
    rows = read_rows(path)
    images = annotated_images(path, sequence_images(path.parent), len(rows))
    return assemble(path.parent.name, images, rows, origin=1)
