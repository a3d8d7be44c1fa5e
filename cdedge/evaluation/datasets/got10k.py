"""GOT-10k (Huang et al. 2019): NAME/00000001.jpg and NAME/groundtruth.txt, read as 0-based.

The test split's annotation is one row by design: its sequences can be tracked, but only the benchmark's
server scores them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import Usage
from cdedge_runtime.sources.annotations import sequence_images
from cdedge_runtime.sources.rows import Row, read_lines, read_rows, read_values

from .assemble import Entry, assemble, mark_absent

LAYOUT = "a split (train, val or test) with list.txt, NAME/00000001.jpg and NAME/groundtruth.txt"
_SPLITS = ("train", "val", "test")
_NO_BOX: Row = (float("nan"),) * 4


def entries(root: Path) -> list[Entry]:
    """List the sequences of a split; ``root`` is the split's folder, or holds just one."""
    split = _split(root)
    listed = split / "list.txt"
    if not listed.is_file():
        return []
    return [Entry(name, partial(_load, split / name)) for name in read_lines(listed)]


def _split(root: Path) -> Path:
    if (root / "list.txt").is_file():
        return root
    there = [root / name for name in _SPLITS if (root / name / "list.txt").is_file()]
    if len(there) > 1:
        raise Usage(f"{root} holds several splits of GOT-10k, give one: {', '.join(map(str, there))}")
    return there[0] if there else root


def _load(folder: Path) -> Sequence:
    images = sequence_images(folder, (".",))
    rows = read_rows(folder / "groundtruth.txt")
    if len(rows) == 1:
        rows = rows + [_NO_BOX] * (len(images) - 1)
    sequence = assemble(folder.name, images, rows, origin=0)
    absence = folder / "absence.label"
    return mark_absent(sequence, read_values(absence), absence.name) if absence.is_file() else sequence
