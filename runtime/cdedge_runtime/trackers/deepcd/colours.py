"""Where the target's colours are: a second opinion on the place beside the filter's response.

A filter knows where each part of the target lies, and goes astray when the parts move against each other; colours do
not ask where they lie, and go astray on others of the same. Histograms of both, and their joining, as in Staple
(Bertinetto et al. 2016).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.dft import Real
from cdedge_runtime.filter.fourier import wrapped
from cdedge_runtime.patch import Image, Sides

from .settings import COLOURS

Point = tuple[float, float]
Indices = NDArray[np.uint16]

_INNER, _OUTER = 0.8, 1.2  # of the box: what is in the one is the target, what is outside the other is not
_RARE = 1e-4  # a share of the pixels below which a colour says little
_RATE = 0.04  # weight of one frame


class Colours:
    """The colours of the target and of the rest of a search window; images are (H, W, 3) uint8 BGR.

    Starts with the first frame's window, in the middle of which is a box of ``sides`` (height, width) pixels.
    ``rest``: where on the fine ``grid`` a target that has not moved is answered.
    """

    def __init__(self, image: Image, sides: Sides, grid: tuple[int, int], rest: Point) -> None:
        height, width = image.shape[:2]
        self._down = box_means(height, sides[0], grid[0], rest[0])
        self._across = box_means(width, sides[1], grid[1], rest[1])
        self._target, self._other = _parted(image, (width / 2, height / 2), sides)
        self._likely = self._compared()

    @property
    def nbytes(self) -> int:
        """Bytes of the histograms and of what sums over boxes."""
        return 3 * self._likely.nbytes + self._down.nbytes + self._across.nbytes

    def response(self, image: Image) -> Real:
        """The mean probability of the target's colours in a box at each place of the grid: (Gh, Gw), 0..1."""
        return np.asarray(self._down @ self._likely[colours(image)] @ self._across.T)

    def learn(self, image: Image, center: Point, sides: Sides, frames: int) -> None:
        """Take in a window with the target's box around ``center`` (x, y), in place of so many frames."""
        rate = np.float32(1 - (1 - _RATE) ** frames)
        for known, seen in zip((self._target, self._other), _parted(image, center, sides), strict=True):
            known += rate * (seen - known)
        self._likely = self._compared()

    def _compared(self) -> Real:
        """The probability of each colour's being the target's, were the target half of the window."""
        rare = np.float32(_RARE)
        return np.asarray((self._target + rare / 2) / (self._target + self._other + rare))


def box_means(pixels: int, side: float, cells: int, rest: float) -> Real:
    """Matrix (cells, pixels) that takes the mean of a box of ``side`` pixels, about where each cell says the target is.

    Along one axis; parts of pixels count as such, and what is outside the image as 0.
    """
    middle = np.array([pixels / 2 + wrapped(cell - rest, cells) * pixels / cells for cell in range(cells)])[:, None]
    left = np.arange(pixels)
    shared = np.minimum(left + 1, middle + side / 2) - np.maximum(left, middle - side / 2)
    return np.asarray(shared.clip(0, 1) / side, np.float32)


def colours(image: Image) -> Indices:
    """Number (H, W) of each pixel's colour, below `COLOURS`: the upper four bits of each channel."""
    blue, green, red = cv2.split(image)
    high = np.uint8(0xF0)
    return np.asarray((blue & high).astype(np.uint16) << 4 | green & high | red >> 4, np.uint16)


def _parted(image: Image, center: Point, sides: Sides) -> tuple[Real, Real]:
    """Histograms of the target and of what is around it; each sums to 1, or to 0 where there is no pixel of it."""
    seen = colours(image)
    inner, near = (_counted(_box(seen, center, sides, factor)) for factor in (_INNER, _OUTER))
    return _normed(inner), _normed(_counted(seen) - near)


def _counted(seen: Indices) -> NDArray[np.intp]:
    return np.bincount(seen.ravel(), minlength=COLOURS)


def _box(seen: Indices, center: Point, sides: Sides, factor: float) -> Indices:
    """The pixels of a box, one at least."""
    rows, columns = (
        _span(at, side * factor, end) for at, side, end in zip(center[::-1], sides, seen.shape, strict=True)
    )
    return seen[rows, columns]


def _span(middle: float, length: float, end: int) -> slice:
    first = min(max(round(middle - length / 2), 0), end - 1)
    return slice(first, min(max(round(middle + length / 2), first + 1), end))


def _normed(counts: NDArray[np.intp]) -> Real:
    return np.asarray(counts / max(counts.sum(), 1), np.float32)
