"""How the tracked box looks: its colours, how they differ from those around it, and its pattern.

All is compared with the first frame, the only one in which the box is known to be right: what a filter has learned
since may be something else. It costs one small warp and two histograms, whatever the tracker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.patch import Image, Sides

Real = NDArray[np.float32]

_SIDE_PX = 40  # of the crop, which covers the box and as much again around it
_INNER = slice(12, 28)  # 0.8 of the box: its corners are seldom the target
_CHANNELS, _BINS, _RANGES = (0, 1, 2), (16, 16, 16), (0, 256) * 3
_AROUND = np.full((_SIDE_PX, _SIDE_PX), 255, np.uint8)
_AROUND[8:32, 8:32] = 0  # what is outside 1.2 times the box
_INNER_PX, _AROUND_PX = (_INNER.stop - _INNER.start) ** 2, int(np.count_nonzero(_AROUND))
_ONES = np.ones(_INNER_PX * 3, np.float32)  # a sum in BLAS is faster than numpy's


@dataclass(frozen=True)
class Likeness:
    """A box now against the first frame's.

    colour: Bhattacharyya coefficient of the two boxes' colour histograms, 0..1. contrast: 1 less the coefficient of
    the box now and what is around it, 0..1. pattern: normalised correlation of the two boxes' pixels, -1..1.
    """

    colour: float
    contrast: float
    pattern: float


class Appearance:
    """The look of a box of the first frame; images are (H, W, 3) uint8 BGR, beyond the border the border repeats."""

    def __init__(self, image: Image, center: tuple[float, float], sides: Sides) -> None:
        self._crop = np.empty((_SIDE_PX, _SIDE_PX, 3), np.uint8)
        pixels = self._cut(image, center, sides)
        self._colours = _roots(pixels)
        values = _flat(pixels)
        self._pattern = values - values.mean()
        self._pattern /= np.float32(max(math.sqrt(np.vdot(self._pattern, self._pattern)), 1e-6))

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return int(self._crop.nbytes + self._colours.nbytes + self._pattern.nbytes)

    def likeness(self, image: Image, center: tuple[float, float], sides: Sides) -> Likeness:
        """Compare the box around ``center`` (x, y) with ``sides`` (height, width), in pixels of ``image``."""
        pixels = self._cut(image, center, sides)
        colours, around = _roots(pixels), _roots(self._crop, _AROUND)
        colour = float(np.vdot(self._colours, colours)) / _INNER_PX
        alike = float(np.vdot(around, colours)) / math.sqrt(_INNER_PX * _AROUND_PX)
        return Likeness(colour, 1 - alike, self._correlation(_flat(pixels)))

    def _correlation(self, values: Real) -> float:
        """Normalised correlation with the first pattern, whose mean is 0, so that of the values drops out."""
        spread = float(np.vdot(values, values)) - float(np.vdot(values, _ONES)) ** 2 / values.size
        return float(np.vdot(self._pattern, values)) / math.sqrt(spread) if spread > 1 else 0.0

    def _cut(self, image: Image, center: tuple[float, float], sides: Sides) -> Image:
        patch.cut(image, center, (2 * sides[0], 2 * sides[1]), out=self._crop)
        return self._crop[_INNER, _INNER]


def _flat(pixels: Image) -> Real:
    return np.asarray(pixels.astype(np.float32).ravel())


def _roots(pixels: Image, mask: Image | None = None) -> Real:
    """Square roots of a colour histogram's counts, made once where they are compared twice.

    Bhattacharyya's coefficient is the dot product of two, over the root of the product of their counts' sums.
    """
    return np.asarray(cv2.sqrt(cv2.calcHist([pixels], _CHANNELS, mask, _BINS, _RANGES)), np.float32).ravel()
