"""One annotated sequence, and a data set of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box
from cdedge_runtime.image import Frame
from cdedge_runtime.sources.images import read_image as read_frame

__all__ = ["Boxes", "Dataset", "Frame", "Sequence", "read_frame"]

Boxes = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One target in one sequence of images; images are read only when asked for.

    name: the benchmark's own name (OTB: ``Jogging-1``).
    frame_paths: one image file per frame, in order.
    boxes: (N, 4) float64 ``x, y, w, h`` in continuous 0-based pixels; NaN rows where the target is absent.
    origin: number of the first pixel in the annotation's own convention, 0 or 1; result files add it back.
    attributes: the benchmark's labels, such as ``OCC``.
    notes: what a reader should know, such as malformed rows.
    """

    name: str
    frame_paths: tuple[Path, ...]
    boxes: Boxes
    origin: int
    attributes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame_paths)

    @property
    def first_box(self) -> Box:
        """The target in the first frame."""
        x, y, w, h = (float(v) for v in self.boxes[0])
        return Box(x, y, w, h)

    def frames(self) -> Iterator[Frame]:
        """Yield each image as (H, W, 3) uint8 BGR; raises `BadInput` naming a file that cannot be decoded."""
        return (read_frame(path) for path in self.frame_paths)


@dataclass(frozen=True)
class Dataset:
    """Sequences of one benchmark, and those left out as (name, reason)."""

    kind: str
    root: Path
    sequences: tuple[Sequence, ...]
    skipped: tuple[tuple[str, str], ...] = ()
