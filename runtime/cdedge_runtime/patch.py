"""From a frame to the search window: one warp with replicated border."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from .box import Box


def window_side_px(box: Box, padding: float) -> float:
    """Side of the square search window in frame pixels: ``padding * sqrt(target area)`` (as in ECO)."""
    return padding * math.sqrt(box.area)


def cut(frame: NDArray[np.uint8], center: tuple[float, float], side_px: float, out_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The square window of ``side_px`` around ``center`` as (out_h, out_w, 3) uint8; outside, the border repeats.

    ``center`` is (x, y) in continuous coordinates, so pixel centres lie at +0.5.
    """
    height, width = out_px
    sx, sy = side_px / width, side_px / height
    left, top = center[0] - side_px / 2, center[1] - side_px / 2
    matrix = np.array([[sx, 0, left + sx / 2 - 0.5], [0, sy, top + sy / 2 - 0.5]])
    return np.asarray(
        cv2.warpAffine(
            frame, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )
