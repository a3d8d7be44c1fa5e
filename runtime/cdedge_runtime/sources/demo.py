"""The demo clip: a textured target over a textured moving background, rendered from a seed, with exact boxes.

It has what makes tracking hard, each in its own stretch: scale change, a look-alike passing by, partial
occlusion, motion blur and a change of light.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box

FRAMES = 240
FPS = 30.0
WIDTH, HEIGHT = 480, 320
TARGET = (56, 44)

_OCCLUSION = range(130, 150)
_BLUR = range(170, 190)
_DIMMING = range(195, 225)


class Clip:
    """The clip for one seed; frame ``t`` depends on nothing but the seed and ``t``."""

    def __init__(self, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self._background = _texture(rng, WIDTH * 2, HEIGHT * 2, octaves=6, contrast=60.0)
        self._target = _emblem(rng, TARGET)
        self._twin = _emblem(rng, TARGET, like=self._target)
        self._occluder = _texture(rng, 40, 120, octaves=4, contrast=90.0)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """All frames in order, (HEIGHT, WIDTH, 3) uint8 BGR."""
        return (self.frame(t) for t in range(FRAMES))

    def box(self, t: int) -> Box:
        """The target's exact box in frame ``t``."""
        scale = 1.0 + 0.35 * math.sin(2 * math.pi * t / 160)
        center = (240 + 130 * math.sin(2 * math.pi * t / 120), 160 + 70 * math.sin(2 * math.pi * t / 75))
        return Box.from_center(center, (TARGET[0] * scale, TARGET[1] * scale))

    def frame(self, t: int) -> NDArray[np.uint8]:
        """Frame ``t``, (HEIGHT, WIDTH, 3) uint8 BGR."""
        canvas = self._pan(t)
        box = self.box(t)
        _paste(canvas, self._twin, _beside(box, t))
        _paste(canvas, self._target, box)
        if t in _OCCLUSION:
            left = box.x - 40 + (box.width + 40) * (t - _OCCLUSION.start) / len(_OCCLUSION)
            _paste(canvas, self._occluder, Box(left, box.y - 30, box.width * 0.55, box.height + 60))
        if t in _BLUR:
            canvas = cv2.blur(canvas, (7, 3))
        if t in _DIMMING:
            canvas *= 0.7
        return np.clip(canvas, 0, 255).astype(np.uint8)

    def _pan(self, t: int) -> NDArray[np.float32]:
        """The window of the background that the moving camera sees."""
        shift = np.array([[1, 0, -WIDTH / 2 - 60 * math.sin(t / 40)], [0, 1, -HEIGHT / 2 - 30 * math.cos(t / 55)]])
        return np.asarray(cv2.warpAffine(self._background, shift, (WIDTH, HEIGHT)), np.float32)


def _beside(box: Box, t: int) -> Box:
    """The look-alike drifts past the target once, about 1.3 widths away at its nearest."""
    dx = (t - 95) * 3.0
    return Box.from_center((box.center[0] + dx, box.center[1] + 1.3 * box.height), (TARGET[0] * 1.0, TARGET[1] * 1.0))


def _texture(
    rng: np.random.Generator, width: int, height: int, *, octaves: int, contrast: float
) -> NDArray[np.float32]:
    """Smooth colour noise of several spatial frequencies, (height, width, 3) float32 about 0..255."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(octaves):
        cells = 3 * 2**octave
        noise = rng.standard_normal((cells, cells * width // height + 1, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 0.75**octave
    return np.asarray(120 + contrast * total / total.std() * 0.6, np.float32)


def _emblem(
    rng: np.random.Generator, size: tuple[int, int], like: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """A small picture of blobs and bars; with ``like``, one of the same colours but another pattern."""
    width, height = size
    image = _texture(rng, width * 2, height * 2, octaves=3, contrast=40.0)
    palette = rng.uniform(10, 245, (6, 3)) if like is None else _dominant_colors(like)
    for color in palette:
        center = (int(rng.uniform(0, width * 2)), int(rng.uniform(0, height * 2)))
        axes = (int(rng.uniform(8, width * 0.7)), int(rng.uniform(6, height * 0.7)))
        cv2.ellipse(image, center, axes, rng.uniform(0, 180), 0, 360, tuple(map(float, color)), -1, cv2.LINE_AA)
    return np.asarray(image, np.float32)


def _dominant_colors(image: NDArray[np.float32]) -> NDArray[np.float64]:
    pixels = image.reshape(-1, 3)
    return np.asarray(pixels[:: len(pixels) // 6][:6], np.float64)


def _paste(canvas: NDArray[np.float32], image: NDArray[np.float32], box: Box) -> None:
    """Draw ``image`` into ``box`` of ``canvas`` in place, with soft sub-pixel edges."""
    left, top = max(0, math.floor(box.x)), max(0, math.floor(box.y))
    right, bottom = min(WIDTH, math.ceil(box.x + box.width)), min(HEIGHT, math.ceil(box.y + box.height))
    if right <= left or bottom <= top:
        return
    height, width = image.shape[:2]
    sx, sy = box.width / width, box.height / height
    # Pixel centres lie at +0.5 in box coordinates, at integers in OpenCV's.
    matrix = np.array([[sx, 0, box.x - left + sx / 2 - 0.5], [0, sy, box.y - top + sy / 2 - 0.5]])
    size = (right - left, bottom - top)
    drawn = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    cover = np.outer(_cover(rows, box.y, box.height), _cover(columns, box.x, box.width))[..., None]
    part = canvas[top:bottom, left:right]
    part += cover * (drawn - part)


def _cover(pixels: NDArray[np.int64], start: float, length: float) -> NDArray[np.float32]:
    """Share of each pixel [i, i+1) that lies in [start, start + length)."""
    end = np.minimum(pixels + 1, start + length)
    return np.asarray(np.clip(end - np.maximum(pixels, start), 0, 1), np.float32)
