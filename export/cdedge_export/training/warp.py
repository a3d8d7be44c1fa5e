"""Square search windows cut from images, and layers laid over them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .footage import Image
from .light import Window

Alpha = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pose:
    """How a target lies in its search window.

    shift: displacement (x, y) of the target from the window's center, as a share of the window's side.
    angle: turn in radians. stretch: width over height, relative to the image. mirror: left and right swapped.
    """

    shift: tuple[float, float]
    angle: float
    stretch: float
    mirror: bool


def cut(image: Image, center: tuple[float, float], side_px: float, pose: Pose, size: int) -> Window:
    """Window (size, size, 3) of ``image`` that shows ``side_px`` pixels, ``center`` at the pose's shift."""
    step = side_px / size
    turn = np.array([[np.cos(pose.angle), -np.sin(pose.angle)], [np.sin(pose.angle), np.cos(pose.angle)]])
    form = np.diag([np.sqrt(pose.stretch) * (-1 if pose.mirror else 1), 1 / np.sqrt(pose.stretch)])
    to_image = turn @ form * step
    at = target_px(pose, size) - 0.5  # OpenCV counts pixel centers as integers
    origin = np.array(center) - 0.5 - to_image @ at
    matrix = np.hstack([to_image, origin[:, None]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(window, np.float32)


def target_px(pose: Pose, size: int) -> npt.NDArray[np.float64]:
    """Where the target's center lies in the window: (x, y) in continuous pixels."""
    return size * (0.5 + np.array(pose.shift))


def blob(size: int, center: npt.NDArray[np.float64], extent: npt.NDArray[np.float64], power: float) -> Alpha:
    """Soft superellipse (size, size, 1), ``extent`` (width, height) px; power 2: ellipse, 8: nearly a box."""
    pixels = np.arange(size, dtype=np.float32) + 0.5
    across = (2 * np.abs(pixels - center[0]) / extent[0]) ** power
    down = (2 * np.abs(pixels - center[1]) / extent[1]) ** power
    radius = (across[None, :] + down[:, None]) ** (1 / power)
    edge = np.clip((1 - radius) * extent.min() / 4 + 0.5, 0, 1)
    return np.asarray(edge[..., None], np.float32)


def lay(window: Window, layer: Window, alpha: Alpha) -> Window:
    """``layer`` over ``window`` where ``alpha`` is 1."""
    return np.asarray(window + alpha * (layer - window), np.float32)
