"""VOT up to 2019 (Kristan et al.): NAME/groundtruth.txt of polygons or rectangles, read as 0-based.

A polygon becomes a box by ECO's rule (`Box.from_polygon`), so OPE figures here are not VOT's own measures.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import sequence_images, visible
from cdedge_runtime.sources.rows import read_lines, read_rows, read_values

from .assemble import Entry, assemble

LAYOUT = "list.txt, NAME/color/00000001.jpg (or NAME/img/, or NAME/) and NAME/groundtruth.txt"


def entries(root: Path) -> list[Entry]:
    """List the sequences of ``list.txt``, else every annotated folder, of ``root`` or its ``sequences/``."""
    base = root / "sequences" if (root / "sequences").is_dir() else root
    listed = base / "list.txt"
    names = read_lines(listed) if listed.is_file() else [p.parent.name for p in visible(base, "*/groundtruth.txt")]
    return [Entry(name, partial(_load, base / name)) for name in names]


def _load(folder: Path) -> Sequence:
    path = folder / "groundtruth.txt"
    if read_lines(path)[0].startswith("m"):
        raise BadInput(f"{path}: holds masks (VOT2020 and later); polygons and rectangles are read here")
    sequence = assemble(folder.name, sequence_images(folder), read_rows(path), origin=0)
    return replace(sequence, attributes=_tags(folder))


def _tags(folder: Path) -> tuple[str, ...]:
    """Names of the per-frame tags that are set in any frame."""
    files = [p for p in visible(folder, "*.tag") if p.stat().st_size > 0]
    return tuple(p.stem for p in files if any(read_values(p)))
