"""Any folder of images with a file of boxes ``x,y,w,h`` or polygons, 0-based; or a folder of such folders."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import annotated_images, sequence_images, visible
from cdedge_runtime.sources.rows import read_rows

from .assemble import Entry, assemble

LAYOUT = (
    "images in a folder or its img/ or color/, and one file of boxes beside them: groundtruth_rect.txt, "
    "groundtruth.txt, NAME_gt.txt or boxes.txt"
)
_PATTERNS = ("groundtruth_rect.txt", "groundtruth.txt", "*_gt.txt", "boxes.txt")


def entries(root: Path) -> list[Entry]:
    """List the root itself where it is a sequence, else its subfolders that are, by name."""
    folders = [root] if _box_files(root) else sorted(p for p in root.iterdir() if p.is_dir() and _box_files(p))
    return [Entry(folder.resolve().name, partial(_load, folder)) for folder in folders]


def _box_files(folder: Path) -> list[Path]:
    return [p for pattern in _PATTERNS for p in visible(folder, pattern)]


def _load(folder: Path) -> Sequence:
    files = _box_files(folder)
    if len(files) > 1:
        raise BadInput(f"{folder}: expected one file of boxes, got {', '.join(p.name for p in files)}")
    rows = read_rows(files[0])
    images = annotated_images(files[0], sequence_images(folder), len(rows))
    return assemble(folder.resolve().name, images, rows, origin=0)
