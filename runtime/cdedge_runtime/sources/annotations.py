"""The box files of tracking benchmarks, read leniently, and where a sequence's images and first box are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})

# First and last image number where OTB's images go beyond its annotation (Wu et al. 2015, tracker_benchmark).
OTB_FRAME_RANGES = {
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
}


@dataclass(frozen=True)
class Annotation:
    """An annotated sequence folder: its images in order, the first target box, and the annotation's origin.

    ``origin`` is the number of the first pixel in the annotation's own convention, 0 or 1.
    """

    images: tuple[Path, ...]
    path: Path
    first_box: Box
    origin: int
    notes: tuple[str, ...]


def read_rows(path: Path) -> NDArray[np.float64]:
    """Numbers of a box file as (N, K); comma, tab, semicolon or space separated; NaN where a value is absent.

    Raises `BadInput` where a row has another number of values than the first, naming the row.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as a box file: {error}") from error
    rows = [_numbers(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise BadInput(f"{path}: the annotation is empty, expected a row x,y,w,h per frame")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise BadInput(f"{path}: row {number} has {len(row)} values, row 1 has {len(rows[0])}")
    return np.array(rows, dtype=np.float64)


def _numbers(line: str, path: Path, number: int) -> list[float]:
    try:
        return [float(word) for word in re.split(r"[,;\s]+", line.strip().strip(",;"))]
    except ValueError as error:
        raise BadInput(f"{path}: row {number} is not a list of numbers: {line.strip()[:60]!r}") from error


def row_to_box(row: NDArray[np.float64], origin: int) -> Box:
    """A row ``x,y,w,h`` or a polygon of 8 numbers, in a convention with the given origin, as a `Box`."""
    if len(row) == 8:
        polygon = Box.from_polygon([float(v) for v in row])
        return Box(polygon.x - origin, polygon.y - origin, polygon.width, polygon.height)
    if len(row) != 4:
        raise BadInput(f"a box has 4 numbers x,y,w,h or 8 of a polygon, got {len(row)}")
    x, y, w, h = (float(v) for v in row)
    return Box(x - origin, y - origin, w, h)


def list_images(folder: Path) -> tuple[Path, ...]:
    """The images of a folder, ordered by the numbers in their names, then by name."""
    images = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
    return tuple(sorted(images, key=_natural))


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts], path.name


def find_annotation(path: Path) -> Annotation | None:
    """The annotation of a benchmark's sequence folder (or of one box file in it); None where there is none."""
    if path.is_file():
        files, folder = [path], path.parent
    else:
        files, folder = _box_files(path), path
    if not files:
        return None
    images = _sequence_images(folder)
    rows = read_rows(files[0])
    origin = _origin(files[0], folder)
    return Annotation(images, files[0], row_to_box(rows[0], origin), origin, _several_targets(files))


def _box_files(folder: Path) -> list[Path]:
    """OTB's groundtruth_rect*.txt, VOT's, GOT-10k's and LaSOT's groundtruth.txt, UAV123's and TC128's NAME_gt.txt."""
    for pattern in ("groundtruth_rect*.txt", "groundtruth.txt", "*_gt.txt"):
        found = sorted(p for p in folder.glob(pattern) if p.stat().st_size > 0)
        if found:
            return found
    return []


def _several_targets(files: list[Path]) -> tuple[str, ...]:
    if len(files) < 2:
        return ()
    others = ", ".join(str(p) for p in files[1:])
    return (f"the folder has {len(files)} targets, this is {files[0].name}; for another give its file: {others}",)


def _sequence_images(folder: Path) -> tuple[Path, ...]:
    for sub in ("img", "color", "."):
        if (folder / sub).is_dir():
            images = list_images(folder / sub)
            if images:
                return _in_range(images, OTB_FRAME_RANGES.get(folder.resolve().name))
    raise BadInput(f"{folder}: an annotation but no images, expected them in img/, color/ or beside it")


def _in_range(images: tuple[Path, ...], limits: tuple[int, int] | None) -> tuple[Path, ...]:
    if limits is None:
        return images
    kept = tuple(p for p in images if p.stem.isdigit() and limits[0] <= int(p.stem) <= limits[1])
    return kept or images


def _origin(path: Path, folder: Path) -> int:
    """VOT and GOT-10k count pixels from 0; OTB, UAV123, TC128 and LaSOT (which marks occlusion in a file) from 1."""
    return 0 if path.name == "groundtruth.txt" and not (folder / "full_occlusion.txt").exists() else 1
