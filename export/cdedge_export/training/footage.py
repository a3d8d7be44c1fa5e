"""The training data in memory: photographs, and videos whose target is boxed in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cdedge_runtime.errors import BadInput

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Video:
    """Frames (BGR) and one 0-based box ``x, y, w, h`` a frame; frames without a box are left out."""

    name: str
    frames: tuple[Image, ...]
    boxes: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Footage:
    """All that is learned from."""

    photographs: tuple[Image, ...]
    videos: tuple[Video, ...]


def load(folder: Path, *, leave_out: tuple[str, ...] = ()) -> Footage:
    """Read ``folder/images/*`` and ``folder/videos/NAME/{img,groundtruth_rect.txt}``; raises `BadInput`."""
    photographs = tuple(_read(path) for path in sorted((folder / "images").glob("*.jpg")))
    names = sorted(path.parent for path in (folder / "videos").glob("*/groundtruth_rect.txt"))
    videos = tuple(_read_video(path) for path in names if path.name not in leave_out)
    if len(photographs) < 2:
        raise BadInput(f"{folder}: expected images/*.jpg (at least 2) and videos/NAME/img, found no photographs")
    return Footage(photographs, videos)


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


def _read_video(folder: Path) -> Video:
    paths = sorted((folder / "img").iterdir())
    boxes = np.loadtxt(folder / "groundtruth_rect.txt", delimiter=",", ndmin=2)
    if len(paths) != len(boxes):
        raise BadInput(f"{folder}: {len(paths)} frames, but {len(boxes)} boxes")
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:].min(axis=1) >= 4)
    kept = np.flatnonzero(usable)
    return Video(folder.name, tuple(_read(paths[i]) for i in kept), boxes[kept])
