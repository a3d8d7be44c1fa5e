"""A benchmark's sequence folder: its box file, its images, and which images the rows belong to."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import StrPath, as_path

from .rows import Row, read_rows, read_values, row_box

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".gif", ".jp2"})

# First and last annotated image where a folder of OTB holds more (Wu et al. 2015, tracker_benchmark). Tiger1 has 354
# rows in some releases, and 349 from image 6 on in others.
OTB_FRAME_RANGES = {
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Tiger1": (6, 354),
}


@dataclass(frozen=True)
class Annotation:
    """An annotated sequence folder: its images in order, the first target box, and the annotation's origin.

    ``origin`` is the number of the first pixel in the annotation's own convention, 0 or 1.
    """

    images: tuple[Path, ...]
    path: Path
    rows: tuple[Row, ...]
    first_box: Box
    origin: int
    notes: tuple[str, ...]

    def box_at(self, index: int) -> Box | None:
        """The target in an image, where it is annotated there."""
        return row_box(self.rows[index], self.origin) if index < len(self.rows) else None


def find_annotation(place: StrPath) -> Annotation | None:
    """The annotation of a benchmark's sequence folder (or of one box file in it); None where there is none."""
    path = as_path(place)
    if path.is_file():
        files, folder = [path], path.parent
    else:
        files, folder = _box_files(path), path
    if not files:
        return None
    rows, origin = read_rows(files[0]), _origin(files[0], folder)
    images = annotated_images(files[0], sequence_images(folder), len(rows))
    if not images:
        raise BadInput(f"{folder}: none of the images that {files[0].name} belongs to are there")
    notes = (*_several_targets(files), *_other_count(images, rows))
    return Annotation(images, files[0], tuple(rows), _first_box(files[0], rows[0], origin), origin, notes)


def annotated_images(box_file: Path, images: tuple[Path, ...], rows: int) -> tuple[Path, ...]:
    """The images that the rows of a box file belong to, where a benchmark annotates only some of a folder's."""
    frames_file = box_file.with_name(box_file.name.replace("_gt.txt", "_frames.txt"))
    if frames_file != box_file and frames_file.is_file():
        return in_range(images, *_first_last(frames_file))
    limits = OTB_FRAME_RANGES.get(box_file.resolve().parent.name)
    return images if limits is None or len(images) == rows else in_range(images, *limits)


def sequence_images(folder: Path, subfolders: tuple[str, ...] = ("img", "color", ".")) -> tuple[Path, ...]:
    """Images of the first subfolder that has any; raises `BadInput` where none has."""
    for sub in subfolders:
        if (folder / sub).is_dir():
            images = list_images(folder / sub)
            if images:
                return images
    kinds = ", ".join(sorted(IMAGE_SUFFIXES))
    raise BadInput(f"{folder}: no images, expected them in {' or '.join(subfolders)} ({kinds})")


def list_images(place: StrPath) -> tuple[Path, ...]:
    """The images of a folder, ordered by the numbers in their names, then by name; hidden files are none."""
    folder = as_path(place)
    with os.scandir(folder) as entries:  # knows files without asking for each
        names = [e.name for e in entries if not e.name.startswith(".") and e.is_file()]
    images = [path for path in map(Path, names) if path.suffix.lower() in IMAGE_SUFFIXES]
    return tuple(folder / path for path in sorted(images, key=_natural))


def visible(folder: Path, pattern: str) -> list[Path]:
    """Files that a pattern finds, by name; without hidden ones, such as those a Mac leaves beside its own (``._a``)."""
    found = sorted(p for p in folder.glob(pattern) if p.is_file())
    return [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]


def frame_number(path: Path) -> int:
    """Last number in an image's name; raises `BadInput` where it has none."""
    found = re.findall(r"\d+", path.stem)
    if not found:
        raise BadInput(f"{path}: a frame's name must hold its number, such as 0001.jpg")
    return int(found[-1])


def in_range(images: tuple[Path, ...], first: int, last: int) -> tuple[Path, ...]:
    """Images numbered ``first`` to ``last``, both included."""
    return tuple(p for p in images if first <= frame_number(p) <= last)


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], path.name


def _first_last(path: Path) -> tuple[int, int]:
    """TC128's NAME_frames.txt: number of the first and the last annotated image."""
    values = read_values(path)
    if len(values) != 2 or not all(map(math.isfinite, values)):
        raise BadInput(f"{path}: expected 'first,last' frame number, got {','.join(f'{v:g}' for v in values):.40}")
    return int(values[0]), int(values[1])


def _first_box(path: Path, row: Row, origin: int) -> Box:
    box = row_box(row, origin)
    if box is None:
        said = ",".join(f"{value:g}" for value in row) or "not numbers"
        raise BadInput(f"{path}: row 1 gives no box, expected 4 numbers x,y,w,h or 8 of a polygon, got {said}")
    return box


def _box_files(folder: Path) -> list[Path]:
    """OTB's groundtruth_rect*.txt, VOT's, GOT-10k's and LaSOT's groundtruth.txt, UAV123's and TC128's NAME_gt.txt."""
    for pattern in ("groundtruth_rect*.txt", "groundtruth.txt", "*_gt.txt"):
        found = [p for p in visible(folder, pattern) if p.stat().st_size > 0]
        if found:
            return found
    return []


def _several_targets(files: list[Path]) -> tuple[str, ...]:
    if len(files) < 2:
        return ()
    others = ", ".join(str(p) for p in files[1:])
    return (f"the folder has {len(files)} targets, this is {files[0].name}; for another give its file: {others}",)


def _other_count(images: tuple[Path, ...], rows: list[Row]) -> tuple[str, ...]:
    """A box file of one row says where to start; one of another length than the images may belong to others."""
    if len(rows) in (1, len(images)):
        return ()
    return (f"{len(images)} images but {len(rows)} annotation rows: the first row is taken for {images[0].name}",)


def _origin(path: Path, folder: Path) -> int:
    """VOT and GOT-10k count pixels from 0; OTB, UAV123, TC128 and LaSOT (which marks occlusion in a file) from 1."""
    return 0 if path.name == "groundtruth.txt" and not (folder / "full_occlusion.txt").exists() else 1
