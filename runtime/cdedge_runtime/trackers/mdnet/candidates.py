"""MDNet's samplers: boxes drawn around a target, told apart by how much they overlap it (Nam and Han 2016)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput

Boxes = NDArray[np.float64]  # (N, 4): x, y, width, height
Draws = NDArray[np.float64]

SMALLEST_PX = 10  # of a sampled side; as much is left of the frame
_STEP = 1.05  # ratio of neighbouring scales
_WHOLE_STEPS = 5  # scales on each side, over the whole frame
_WHOLE_STRIDE = 5  # positions per target side, over the whole frame


def check_sampling(box: Box, frame_shape: tuple[int, ...]) -> None:
    """Raise `BadInput` for a target whose own size the samplers cannot draw."""
    limits = [n - SMALLEST_PX for n in (frame_shape[1], frame_shape[0])]
    if min(box.size) < SMALLEST_PX or box.width > limits[0] or box.height > limits[1]:
        raise BadInput(
            f"MDNet samples boxes from {SMALLEST_PX} px to {SMALLEST_PX} px less than the frame, here "
            f"{limits[0]}x{limits[1]}; the target has {box.width:g}x{box.height:g}: enlarge the video, or use "
            "another tracker"
        )


def gaussian(
    rng: np.random.Generator, box: Box, count: int, *, shift: float, steps: float, frame_shape: tuple[int, ...]
) -> Boxes:
    """Boxes (count, 4) of the target's shape; centers and sizes normal, cut off at ``shift`` and ``steps``."""
    draws = np.clip(0.5 * rng.standard_normal((count, 3)), -1, 1)
    return _drawn(box, draws, shift=shift, steps=steps, frame_shape=frame_shape)


def uniform(
    rng: np.random.Generator, box: Box, count: int, *, shift: float, steps: float, frame_shape: tuple[int, ...]
) -> Boxes:
    """As `gaussian`, uniform up to ``shift`` mean sides and ``steps`` scales."""
    draws = rng.uniform(-1, 1, (count, 3))
    return _drawn(box, draws, shift=shift, steps=steps, frame_shape=frame_shape)


def uniform_aspect(
    rng: np.random.Generator, box: Box, count: int, *, shift: float, steps: float, frame_shape: tuple[int, ...]
) -> Boxes:
    """Uniform boxes of varying shape, none of which is drawn smaller than by two steps: for the box regression."""
    centers = np.array(box.center) + shift * np.array(box.size) * rng.uniform(-1, 1, (count, 2))
    exponents = rng.uniform(-2, 2, (count, 2)) + rng.uniform(0, steps, (count, 1))
    return _within(centers, np.array(box.size) * _STEP**exponents, frame_shape)


def whole_frame(rng: np.random.Generator, box: Box, count: int, *, frame_shape: tuple[int, ...]) -> Boxes:
    """Boxes from a grid over the whole frame, at eleven scales."""
    size, frame = np.array(box.size), np.array([frame_shape[1], frame_shape[0]], float)
    places = np.floor(np.maximum(frame - size, 0) / (size / _WHOLE_STRIDE)) + 1
    centers = size / 2 + size / _WHOLE_STRIDE * np.floor(rng.random((count, 2)) * places)
    exponents = rng.integers(-_WHOLE_STEPS, _WHOLE_STEPS + 1, (count, 1))
    return _within(centers, size * _STEP**exponents, frame_shape)


def overlaps(boxes: Boxes, box: Box) -> Draws:
    """Intersection over union of each box with ``box``."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    shared = np.minimum(high, (box.x + box.width, box.y + box.height)) - np.maximum(low, (box.x, box.y))
    inside = np.prod(np.maximum(shared, 0), axis=1)
    return np.asarray(inside / (np.prod(boxes[:, 2:], axis=1) + box.area - inside))


def positives(rng: np.random.Generator, box: Box, count: int, *, frame_shape: tuple[int, ...]) -> Boxes:
    """Up to ``count`` boxes that overlap the target by more than 0.7."""
    drawn = gaussian(rng, box, 2 * count, shift=0.1, steps=5, frame_shape=frame_shape)
    return drawn[overlaps(drawn, box) > 0.7][:count]


def first_negatives(rng: np.random.Generator, box: Box, count: int, *, frame_shape: tuple[int, ...]) -> Boxes:
    """Up to ``count`` boxes around the target and all over the frame, overlapping it by less than 0.5."""
    near = uniform(rng, box, count, shift=1, steps=10, frame_shape=frame_shape)
    drawn = rng.permutation(np.concatenate([near, whole_frame(rng, box, count, frame_shape=frame_shape)]))
    return np.asarray(drawn[overlaps(drawn, box) < 0.5][:count])


def negatives(rng: np.random.Generator, box: Box, count: int, *, below: float, frame_shape: tuple[int, ...]) -> Boxes:
    """Up to ``count`` boxes around the target that overlap it by less than ``below``."""
    drawn = uniform(rng, box, 2 * count, shift=2, steps=5, frame_shape=frame_shape)
    return drawn[overlaps(drawn, box) < below][:count]


def regression_boxes(rng: np.random.Generator, box: Box, count: int, *, frame_shape: tuple[int, ...]) -> Boxes:
    """Up to ``count`` boxes of varying shape that overlap the target by more than 0.6."""
    drawn = uniform_aspect(rng, box, 10 * count, shift=0.3, steps=10, frame_shape=frame_shape)
    return drawn[overlaps(drawn, box) > 0.6][:count]


def mean_box(boxes: Boxes) -> Box:
    """The mean of (N, 4) boxes."""
    x, y, width, height = (float(value) for value in boxes.mean(axis=0))
    return Box(x, y, width, height)


def _drawn(box: Box, draws: Draws, *, shift: float, steps: float, frame_shape: tuple[int, ...]) -> Boxes:
    centers = np.array(box.center) + shift * np.mean(box.size) * draws[:, :2]
    return _within(centers, np.array(box.size) * _STEP ** (steps * draws[:, 2:]), frame_shape)


def _within(centers: Draws, sizes: Draws, frame_shape: tuple[int, ...]) -> Boxes:
    """Boxes with their centers in the frame, and neither tiny nor as large as the frame."""
    frame = np.array([frame_shape[1], frame_shape[0]], float)
    sizes = np.clip(sizes, SMALLEST_PX, np.maximum(frame - SMALLEST_PX, SMALLEST_PX))
    return np.concatenate([np.clip(centers, 0, frame) - sizes / 2, sizes], axis=1)
