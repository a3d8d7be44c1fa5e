"""OTB (Wu et al., Object Tracking Benchmark, 2015): NAME/img/0001.jpg, NAME/groundtruth_rect.txt, 1-based.

Tiger1 is evaluated from its first annotated frame: frame 1 where there are 354 rows (as the benchmark's site
and got10k do), frame 6 where there are 349 (pytracking's choice).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from cdedge.evaluation.names import name_key
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import annotated_images, sequence_images, visible
from cdedge_runtime.sources.rows import read_lines, read_rows

from .assemble import Entry, assemble
from .otb_attributes import OTB_ATTRIBUTES

LAYOUT = "NAME/img/0001.jpg and NAME/groundtruth_rect.txt"
_LISTS = ("tb_100.txt", "tb_50.txt", "cvpr13.txt")
_ONLY_SECOND_TARGET = "Human4"


def entries(root: Path) -> list[Entry]:
    """Targets under ``root``, by name."""
    attributes = _attributes(root)
    found = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        for path in _box_files(folder):
            name = _target_name(path)
            labels = _own_attributes(folder) or attributes.get(name_key(name), ())
            found.append(Entry(name, partial(_load, name, path, labels)))
    return found


def _box_files(folder: Path) -> list[Path]:
    files = visible(folder, "groundtruth_rect*.txt")
    if folder.name == _ONLY_SECOND_TARGET:
        files = [p for p in files if p.name.endswith(".2.txt")] or files
    numbered = [p for p in files if re.search(r"\.\d\.txt$", p.name)]
    return numbered or files


def _target_name(path: Path) -> str:
    target = re.search(r"\.(\d)\.txt$", path.name)
    return f"{path.parent.name}-{target[1]}" if target else path.parent.name


def _load(name: str, path: Path, attributes: tuple[str, ...]) -> Sequence:
    rows = read_rows(path)
    images = annotated_images(path, sequence_images(path.parent), len(rows))
    return replace(assemble(name, images, rows, origin=1), attributes=attributes)


def _own_attributes(folder: Path) -> tuple[str, ...]:
    path = folder / "attrs.txt"
    return _labels(read_lines(path)[0]) if path.is_file() else ()


def _attributes(root: Path) -> dict[str, tuple[str, ...]]:
    """Attributes by name key: the benchmark's table, overruled by a list file in the root."""
    table = {name_key(name): _labels(text) for name, text in OTB_ATTRIBUTES.items()}
    for path in (root / name for name in reversed(_LISTS)):
        if path.is_file():
            table.update(_listed(path))
    return table


def _listed(path: Path) -> dict[str, tuple[str, ...]]:
    pairs = (line.split(None, 1) for line in read_lines(path))
    return {name_key(pair[0]): _labels(pair[1]) for pair in pairs if len(pair) == 2}


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(re.findall(r"[A-Z]+", text))
    if not labels:
        raise BadInput(f"expected attributes such as 'IV, OCC', got {text!r}")
    return labels
