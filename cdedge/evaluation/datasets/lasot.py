"""LaSOT (Fan et al. 2019): CLASS/CLASS-1/img/00000001.jpg, groundtruth.txt, 1-based.

A frame is absent where full_occlusion.txt or out_of_view.txt (one line of flags) says so. Of a root with
testing_set.txt, the names in it are read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.sources.annotations import sequence_images, visible
from cdedge_runtime.sources.rows import read_lines, read_rows, read_values

from .assemble import Entry, assemble, mark_absent

LAYOUT = "CLASS/CLASS-1/img/00000001.jpg and CLASS/CLASS-1/groundtruth.txt"
_FLAGS = ("full_occlusion.txt", "out_of_view.txt")


def entries(root: Path) -> list[Entry]:
    """List the sequences under ``root``, in folders of classes or not, by name."""
    files = [*visible(root, "*/*/groundtruth.txt"), *visible(root, "*/groundtruth.txt")]
    folders = sorted((p.parent for p in files), key=lambda folder: folder.name)
    listed = root / "testing_set.txt"
    if listed.is_file():
        names = set(read_lines(listed))
        folders = [folder for folder in folders if folder.name in names]
    return [Entry(folder.name, partial(_load, folder)) for folder in folders]


def _load(folder: Path) -> Sequence:
    rows = read_rows(folder / "groundtruth.txt")
    sequence = assemble(folder.name, sequence_images(folder, ("img",)), rows, origin=1)
    for path in (folder / name for name in _FLAGS):
        if path.is_file():
            sequence = mark_absent(sequence, read_values(path), path.name)
    return sequence
