"""How much the target grew since the last frame, by optical flow: before a window is cut, so that it is cut right.

A filter sees that another scale is better once the target has grown by some percent, one step a frame. Points on the
target that move apart say so at once, and say how much; but their errors add up, and what passes in front of the target
moves too. So the filter still looks at other scales (`Scales`). After MedianFlow (Kalal et al. 2010), its scale only.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.patch import Image

from .settings import GROWTH_PX

_AROUND, _INNER, _ACROSS = 2.0, 0.8, 5  # window over box; share of the box in which so many by so many points lie
_LEAST_PX = 10.0  # side of a target
_APART = 0.25  # of the box: points nearer to each other than this say too little
_FEWEST = 28  # pairs: those of eight points
_MOST, _LEAST_RATIO = 0.15, 0.1  # the logarithm of a growth that is not believed, and what no pair shrinks to
_BRIGHTNESS, _CONTRAST = 128.0, 50.0  # of the window that is followed: mean and standard deviation
_LOOK, _STOP = (8, 8), (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)


def _points() -> Real:
    half = GROWTH_PX / _AROUND * _INNER / 2
    line = np.linspace(GROWTH_PX / 2 - half, GROWTH_PX / 2 + half, _ACROSS, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 1, 2)


def _pairs(points: Real) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of points that lie apart enough."""
    one, other = np.triu_indices(len(points), 1)
    apart = np.hypot(*(points[one, 0] - points[other, 0]).T) > GROWTH_PX / _AROUND * _APART
    return one[apart], other[apart]


_POINTS = _points()
_ONE, _OTHER = _pairs(_POINTS)


def _distances(points: Real) -> Real:
    """Of each pair of points (N, 1, 2), pixels."""
    places = points.view(np.complex64).ravel()
    return np.asarray(np.abs(places[_ONE] - places[_OTHER]))


_BEFORE = _distances(_POINTS)
Grey = NDArray[np.uint8]


class Growth:
    """Remembers what the target and its surroundings looked like in a frame (H, W, 3) uint8 BGR, around its box."""

    def __init__(self, image: Image, box: Box) -> None:
        self._window = np.empty((GROWTH_PX, GROWTH_PX, 3), np.uint8)
        self.remember(image, box)

    @property
    def nbytes(self) -> int:
        """Bytes of what is remembered, and of the window that is cut."""
        return self._window.nbytes + self._before.nbytes

    def remember(self, image: Image, box: Box) -> None:
        """Take the target's look from the frame in which it was found."""
        self._box = box
        self._before = self._seen(image)

    def since(self, image: Image) -> float:
        """How many times as large the target is in the next frame; 1 where too few points say so alike.

        1 of a target of a few pixels too: it has no points.
        """
        if math.sqrt(self._box.area) < _LEAST_PX:
            return 1.0
        moved, found, _ = cv2.calcOpticalFlowPyrLK(
            self._before, self._seen(image), _POINTS, None, winSize=_LOOK, maxLevel=1, criteria=_STOP
        )
        growths = _distances(moved) / _BEFORE
        if not found.all():
            followed = found[:, 0] > 0
            growths = growths[followed[_ONE] & followed[_OTHER]]
        return agreed(growths)

    def _seen(self, image: Image) -> Grey:
        sides = _AROUND * self._box.height, _AROUND * self._box.width
        window = patch.cut(image, self._box.center, sides, out=self._window)
        return evened(np.asarray(cv2.cvtColor(window, cv2.COLOR_BGR2GRAY), np.uint8))


def evened(grey: Grey) -> Grey:
    """The same at a fixed brightness and contrast: what flow follows are grey values as they are."""
    mean, spread = (float(of[0, 0]) for of in cv2.meanStdDev(grey))
    gain = _CONTRAST / max(spread, 1.0)
    return np.asarray(cv2.addWeighted(grey, gain, grey, 0, _BRIGHTNESS - gain * mean), np.uint8)


def agreed(ratios: Real) -> float:
    """The growth from what pairs of points say, the less of it the more they differ: 1 where they are few.

    Its logarithm is the median m of theirs times m^2 / (m^2 + d^2), with d the median of how far they are from it.
    """
    if len(ratios) < _FEWEST:
        return 1.0
    logarithms = np.log(np.maximum(ratios, _LEAST_RATIO))
    growth = _median(logarithms)
    spread = _median(np.abs(logarithms - np.float32(growth)))
    if growth == 0 or abs(growth) > _MOST:
        return 1.0
    return math.exp(growth / (1 + (spread / growth) ** 2))


def _median(values: Real) -> float:
    """The upper one of two in the middle; numpy's own takes five times as long for a few hundred values."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])
