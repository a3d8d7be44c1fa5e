"""UAV123 and UAV20L (Mueller et al. 2016), full rate or 10 fps, 1-based; NaN rows where the target is absent.

Either the benchmark's own tree (data_seq/UAV123/FOLDER/000001.jpg, anno/UAV123/NAME.txt), where several names are
segments of one folder (``bird1_2`` is bird1's second), or one folder a name (NAME/img/000001.jpg, NAME/NAME_gt.txt).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cdedge.evaluation.datasets.assemble import Entry, assemble
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.sources.annotations import in_range, sequence_images, visible
from cdedge_runtime.sources.rows import read_rows

SEGMENTS: dict[str, tuple[tuple[int, int], ...]] = {
    "bird1": ((1, 253), (775, 1477), (1573, 2437)),
    "car1": ((1, 751), (751, 1627), (1627, 2629)),
    "car6": ((1, 487), (487, 1807), (1807, 2953), (2953, 3925), (3925, 4861)),
    "car8": ((1, 1357), (1357, 2575)),
    "car16": ((1, 415), (415, 1993)),
    "group1": ((1, 1333), (1333, 2515), (2515, 3925), (3925, 4873)),
    "group2": ((1, 907), (907, 1771), (1771, 2683)),
    "group3": ((1, 1567), (1567, 2827), (2827, 4369), (4369, 5527)),
    "person2": ((1, 1189), (1189, 2623)),
    "person4": ((1, 1501), (1501, 2743)),
    "person5": ((1, 877), (877, 2101)),
    "person7": ((1, 1249), (1249, 2065)),
    "person8": ((1, 1075), (1075, 1525)),
    "person12": ((1, 601), (601, 1621)),
    "person14": ((1, 847), (847, 1813), (1813, 2923)),
    "person17": ((1, 1501), (1501, 2347)),
    "person19": ((1, 1243), (1243, 2791), (2791, 4357)),
    "truck4": ((1, 577), (577, 1261)),
    "uav1": ((1, 1555), (1555, 2377), (2473, 3469)),
}
LAYOUT = "data_seq/UAV123/FOLDER/000001.jpg and anno/UAV123/NAME.txt, or NAME/img/000001.jpg and NAME/NAME_gt.txt"
LONG_LAYOUT = "data_seq/UAV123/FOLDER/000001.jpg and anno/UAV20L/NAME.txt"
_TEN_FPS = "UAV123_10fps"


def entries(root: Path) -> list[Entry]:
    """List UAV123's sequences under ``root``, at the rate that lies there."""
    for version in ("UAV123", _TEN_FPS):
        found = _annotated(root, version, root / "data_seq" / version)
        if found:
            return found
    return [Entry(p.parent.name, partial(_load_flat, p)) for p in visible(root, "*/*_gt.txt")]


def long_entries(root: Path) -> list[Entry]:
    """List UAV20L's sequences under ``root``; each is a whole folder of UAV123."""
    return _annotated(root, "UAV20L", root / "data_seq" / "UAV123")


def _annotated(root: Path, version: str, data: Path) -> list[Entry]:
    files = visible(root / "anno" / version, "*.txt")
    return [Entry(p.stem, partial(_load, p, data, version)) for p in files]


def _load(path: Path, data: Path, version: str) -> Sequence:
    folder, limits = _segment(path.stem, version)
    images = sequence_images(data / folder, (".",))
    if limits:
        images = in_range(images, *limits)
    return assemble(path.stem, images, read_rows(path), origin=1)


def _segment(name: str, version: str) -> tuple[str, tuple[int, int] | None]:
    """Folder of a sequence, and its first and last frame where it is only a part of it."""
    folder, _, number = name.rpartition("_")
    if version == "UAV20L" or folder not in SEGMENTS or not number.isdigit():
        return name, None
    parts = SEGMENTS[folder]
    if not 1 <= int(number) <= len(parts):
        return name, None
    first, last = parts[int(number) - 1]
    if version == _TEN_FPS:  # every third frame, numbered anew
        return folder, ((first - 1) // 3 + 1, (last - 1) // 3 + 1)
    return folder, (first, last)


def _load_flat(path: Path) -> Sequence:
    return assemble(path.parent.name, sequence_images(path.parent), read_rows(path), origin=1)
