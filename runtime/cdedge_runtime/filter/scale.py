"""Scale by a one-dimensional correlation filter over 33 scales (Danelljan et al. 2014), with CF2's settings."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.filter.fhog import fhog
from cdedge_runtime.image import Frame
from cdedge_runtime.patch import Sides

_SCALES, _STEP = 33, 1.02
_RIDGE = _LEARNING_RATE = 0.01
_MODEL_AREA_PX, _SMALLEST_PX, _MARGIN_PX = 512, 8, 8

Complex = NDArray[np.complex128]


class ScaleFilter:
    """Follows the target's size; ``factor`` is its present ratio to the first frame's."""

    def __init__(self, image: Frame, box: Box, window_px: Sides) -> None:
        self.factor = 1.0
        self._limits = _limits(box, window_px, image.shape)
        self._app_px = (math.floor(box.height) + _MARGIN_PX, math.floor(box.width) + _MARGIN_PX)
        shrink = min(1.0, math.sqrt(_MODEL_AREA_PX / (self._app_px[0] * self._app_px[1])))
        model_px = [max(_SMALLEST_PX, math.floor(side * shrink)) for side in self._app_px]
        self._patch = np.empty((*model_px, 3), np.uint8)
        steps = np.arange(_SCALES) - _SCALES // 2
        self._factors = _STEP ** -steps.astype(float)
        sigma = math.sqrt(_SCALES) / 4
        self._label: Complex = np.fft.fft(np.exp(-0.5 * (steps / sigma) ** 2))
        self._window = np.hanning(_SCALES)
        self._numerator, self._denominator = self._trained(image, box.center)

    def update(self, image: Frame, center: tuple[float, float]) -> None:
        """Find the size at ``center`` and learn it."""
        seen = self._spectrum(image, center)
        response = np.fft.ifft((self._numerator * seen).sum(axis=0) / (self._denominator + _RIDGE)).real
        low, high = self._limits
        self.factor = min(max(self.factor * float(self._factors[int(response.argmax())]), low), high)
        numerator, denominator = self._trained(image, center)
        self._numerator = (1 - _LEARNING_RATE) * self._numerator + _LEARNING_RATE * numerator
        self._denominator = (1 - _LEARNING_RATE) * self._denominator + _LEARNING_RATE * denominator

    def _trained(self, image: Frame, center: tuple[float, float]) -> tuple[Complex, NDArray[np.float64]]:
        seen = self._spectrum(image, center)
        return self._label * seen.conj(), (np.abs(seen) ** 2).sum(axis=0)

    def _spectrum(self, image: Frame, center: tuple[float, float]) -> Complex:
        """HOG of the target at every scale, transformed along the scales: (d, 33)."""
        columns = []
        for factor in self._factors * self.factor:
            sides = (max(1.0, math.floor(self._app_px[0] * factor)), max(1.0, math.floor(self._app_px[1] * factor)))
            window = patch.cut(image, center, sides, out=self._patch)
            columns.append(fhog(np.asarray(cv2.cvtColor(window, cv2.COLOR_BGR2GRAY), np.float32)).ravel())
        return np.asarray(np.fft.fft(np.stack(columns, axis=1) * self._window, axis=1))


def _limits(box: Box, window_px: Sides, frame_shape: tuple[int, ...]) -> tuple[float, float]:
    """From a window of 5 px to a target as large as the frame, in whole steps."""
    low = max(5 / side for side in window_px)
    high = min(frame_shape[0] / box.height, frame_shape[1] / box.width)
    return _STEP ** math.ceil(math.log(low, _STEP)), _STEP ** math.floor(math.log(high, _STEP))
