"""Crops around boxes for MDNet's network, and their features, a few crops at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.estimate import CropFeatures, Lap
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.image import Frame

from .candidates import Boxes

BATCH = 8  # crops in the network at once: more take more memory and no less time
_CONTEXT = 107 / 75  # side of a crop over the box's: 16 px of the network's 107 on each side (Nam and Han 2016)
_OUTSIDE = 128  # the mean that the network subtracts, so that it sees nothing there


def crop(image: Frame, box: NDArray[np.float64], *, out: Frame) -> Frame:
    """Fill ``out`` (H, W, 3) uint8 with the box (4,) and its context, stretched to fit."""
    center = float(box[0] + box[2] / 2), float(box[1] + box[3] / 2)
    return patch.sampled(image, center, crop_sides((float(box[2]), float(box[3]))), out=out, outside=_OUTSIDE)


def crop_sides(size: tuple[float, float]) -> patch.Sides:
    """(height, width) in frame pixels of the crop around a box of ``size`` (width, height)."""
    return size[1] * _CONTEXT, size[0] * _CONTEXT


class CropNetwork:
    """Features (N, D) float32 of boxes (N, 4) in a frame."""

    def __init__(self, features: CropFeatures) -> None:
        self._features = features
        self._crops = np.empty((BATCH, *features.spec.input_px, 3), np.uint8)

    def __call__(self, image: Frame, boxes: Boxes, lap: Lap) -> Real:
        """Each of the crops is seen as if it were alone."""
        found = np.empty((len(boxes), self._features.spec.channels, *self._features.spec.grid), np.float32)
        for start in range(0, len(boxes), BATCH):
            some = boxes[start : start + BATCH]
            for box, out in zip(some, self._crops, strict=False):
                crop(image, box, out=out)
            lap("patch")
            found[start : start + BATCH] = self._features.batch(self._crops[: len(some)])
            lap("features")
        return found.reshape(len(boxes), -1)

    @property
    def nbytes(self) -> int:
        """Bytes of the crops."""
        return self._crops.nbytes
