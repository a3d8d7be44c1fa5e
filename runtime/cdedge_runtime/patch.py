"""From a frame to the search window: one warp with replicated border."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from .box import Box

Image = NDArray[np.uint8]
Sides = tuple[float, float]

_LEAST_ON_PIXELS = 128  # side of a window in the frame, of which half a pixel is little


def window_side_px(size: tuple[float, float], padding: float) -> float:
    """Side of the square search window in frame pixels: ``padding * sqrt(width * height)`` (as in ECO)."""
    return padding * math.sqrt(size[0] * size[1])


def context_side_px(size: tuple[float, float], padding: float) -> float:
    """Side of a window with context as Siamese trackers are trained with it: ``padding`` / 2 times
    sqrt((w + p) (h + p)), p = (w + h) / 2 (Bertinetto et al. 2016); ``padding`` times the side of a square target.
    """  # noqa: D205 - one formula
    more = sum(size) / 2
    return padding / 2 * math.sqrt((size[0] + more) * (size[1] + more))


def cut(frame: Image, center: tuple[float, float], side_px: float | Sides, *, out: Image) -> Image:
    """Fill ``out`` (h, w, 3) uint8 with the window around ``center``, stretched to fit; the border repeats.

    ``side_px`` is a square's side or (height, width). ``center`` is (x, y) in continuous coordinates, so pixel centres
    lie at +0.5.
    """
    height, width = out.shape[:2]
    sides = side_px if isinstance(side_px, tuple) else (side_px, side_px)
    frame, center, sides = _shrunk(
        frame, center, sides, factors=(_power_of_two(sides[0] / height), _power_of_two(sides[1] / width))
    )
    return sampled(frame, center, sides, out=out)


def cut_on_pixels(frame: Image, center: tuple[float, float], side_px: float, *, out: Image) -> Image:
    """As `cut`, of a square of whole pixels of the frame, in a third of the time: its sides lie up to a pixel off.

    Where that would show, in a small window, and in one that is shrunk much or leaves the frame, it is `cut`.
    """
    height, width = out.shape[:2]
    side = round(side_px)
    left, top = round(center[0] - side / 2), round(center[1] - side / 2)
    inside = min(left, top) >= 0 and left + side <= frame.shape[1] and top + side <= frame.shape[0]
    if not inside or not _LEAST_ON_PIXELS <= side < 2 * min(height, width):
        return cut(frame, center, side_px, out=out)
    window = frame[top : top + side, left : left + side]
    cv2.resize(window, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
    return out


def sampled(
    frame: Image, center: tuple[float, float], sides: Sides, *, out: Image, outside: int | None = None
) -> Image:
    """As `cut`, bilinear only; the border repeats, or everything outside the frame has the value ``outside``."""
    height, width = out.shape[:2]
    sy, sx = sides[0] / height, sides[1] / width
    left, top = center[0] - sides[1] / 2, center[1] - sides[0] / 2
    matrix = np.array([[sx, 0, left + sx / 2 - 0.5], [0, sy, top + sy / 2 - 0.5]])
    cv2.warpAffine(
        frame,
        matrix,
        (width, height),
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
        borderValue=(outside or 0,) * 3,
    )
    return out


def _shrunk(
    frame: Image, center: tuple[float, float], sides: Sides, *, factors: tuple[int, int]
) -> tuple[Image, tuple[float, float], Sides]:
    """The window's part of the frame, averaged by powers of two, so that bilinear sampling does not alias."""
    fy, fx = factors
    if fy == fx == 1:
        return frame, center, sides
    x, columns = _span(center[0], sides[1], frame.shape[1], fx)
    y, rows = _span(center[1], sides[0], frame.shape[0], fy)
    if columns < 2 or rows < 2:  # the window lies almost outside the frame: nothing to average
        return frame, center, sides
    part = frame[y : y + rows * fy, x : x + columns * fx]
    while part.shape[:2] != (rows, columns):  # OpenCV averages 2 x 2 pixels in vector code, other blocks one by one
        half = [n if n == end else n // 2 for n, end in zip(part.shape, (rows, columns), strict=False)]
        part = np.asarray(cv2.resize(part, half[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return part, ((center[0] - x) / fx, (center[1] - y) / fy), (sides[0] / fy, sides[1] / fx)


def _power_of_two(ratio: float) -> int:
    """The highest power of two that is at most ``ratio``, at least 1."""
    return 1 << max(0, int(ratio).bit_length() - 1)


def _span(center: float, side_px: float, limit: int, factor: int) -> tuple[int, int]:
    """First pixel and number of whole blocks of the window's part of an axis, one block of margin on each side."""
    start = max(0, math.floor(center - side_px / 2) - factor)
    stop = min(limit, math.ceil(center + side_px / 2) + factor)
    return start, (stop - start) // factor


def limit_center(center: tuple[float, float], frame_shape: tuple[int, ...]) -> tuple[float, float]:
    """The nearest point inside a frame of shape (H, W, ...)."""
    return min(max(center[0], 0.0), float(frame_shape[1])), min(max(center[1], 0.0), float(frame_shape[0]))


def scale_limits(
    box: Box, frame_shape: tuple[int, ...], *, smallest_px: float = 5.0, widest: float = 10.0
) -> tuple[float, float]:
    """How far the target may shrink and grow: to ``smallest_px``, to the frame's size, at most ``widest`` times."""
    low = max(1 / widest, smallest_px / min(box.size))
    high = min(widest, frame_shape[0] / box.height, frame_shape[1] / box.width)
    return min(1.0, low), max(1.0, high)
