"""The training data in memory: photographs, and videos whose target is boxed in every frame."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cdedge_runtime.errors import BadInput

Image = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Video:
    """Frames (BGR) and one 0-based box ``x, y, w, h`` a frame; frames without a box are left out."""

    name: str
    frames: tuple[Image, ...]
    boxes: Boxes


@dataclass(frozen=True)
class Footage:
    """All that is learned from; ``objects`` holds the boxes (N, 4; 0-based ``x, y, w, h``) of some photographs."""

    photographs: tuple[Image, ...]
    videos: tuple[Video, ...]
    objects: Mapping[int, Boxes] = field(default_factory=dict)


def load(folder: Path, *, leave_out: tuple[str, ...] = ()) -> Footage:
    """Read ``folder/images/*``, ``folder/videos/NAME/{img,groundtruth_rect*.txt}`` and, if there, ``folder/boxes.csv``.

    ``boxes.csv`` has a head and rows ``image,x,y,w,h,class``; a video may have several targets, a file each. Raises
    `BadInput`.
    """
    paths = sorted((folder / "images").glob("*.jpg"))
    rects = sorted((folder / "videos").glob("*/groundtruth_rect*.txt"))
    videos = tuple(_read_video(path) for path in rects if path.parent.name not in leave_out)
    if len(paths) < 2:
        raise BadInput(f"{folder}: expected images/*.jpg (at least 2) and videos/NAME/img, found no photographs")
    return Footage(tuple(_read(path) for path in paths), videos, _read_objects(folder / "boxes.csv", paths))


def join(parts: Sequence[Footage]) -> Footage:
    """Give all ``parts`` as one."""
    starts = np.cumsum([0, *(len(part.photographs) for part in parts)])
    return Footage(
        tuple(photograph for part in parts for photograph in part.photographs),
        tuple(video for part in parts for video in part.videos),
        {
            int(start) + i: boxes
            for start, part in zip(starts, parts, strict=False)
            for i, boxes in part.objects.items()
        },
    )


def textured_box(image: Image, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Extent (w, h) and center of the most contrasted of a few random boxes."""
    height, width = image.shape[:2]
    best, found = -1.0, (np.ones(2), np.ones(2))
    for _ in range(3):
        side, aspect = np.exp(rng.uniform(np.log(16), np.log(110))), np.exp(rng.normal(0, 0.4))
        extent = np.minimum(side * np.array([np.sqrt(aspect), 1 / np.sqrt(aspect)]), [width - 2, height - 2])
        center = rng.uniform(extent / 2, np.array([width, height]) - extent / 2)
        x, y = (center - extent / 2).astype(int)
        contrast = float(image[y : y + int(extent[1]) + 1, x : x + int(extent[0]) + 1].std())
        if contrast > best:
            best, found = contrast, (extent, center)
    return found


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise BadInput(f"{path}: not an image that OpenCV can read")
    return image  # type: ignore[no-any-return]


def _read_objects(path: Path, images: Sequence[Path]) -> dict[int, Boxes]:
    if not path.exists():
        return {}
    numbers = {image.name: number for number, image in enumerate(images)}
    found: dict[int, list[list[float]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["image"] in numbers:
                found.setdefault(numbers[row["image"]], []).append([float(row[side]) for side in "xywh"])
    return {number: np.array(boxes) for number, boxes in found.items()}


def _read_video(rects: Path) -> Video:
    folder = rects.parent
    paths = sorted((folder / "img").iterdir())
    boxes = np.loadtxt(rects, delimiter=",", ndmin=2)
    if len(paths) != len(boxes):
        raise BadInput(f"{folder}: {len(paths)} frames, but {len(boxes)} boxes")
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:].min(axis=1) >= 4)
    kept = np.flatnonzero(usable)
    name = folder.name + rects.stem.removeprefix("groundtruth_rect")
    return Video(name, tuple(_read(paths[i]) for i in kept), boxes[kept])
