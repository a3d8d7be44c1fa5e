"""What is learned from: views of one target, some of them from videos, some made from a photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .footage import Boxes, Footage, Image, Video, textured_box
from .head import VIEWS
from .light import Rng, Window, disturb
from .warp import Pose, blob, cut, lay, target_px

LABEL_SIGMA = 0.1  # over sqrt(target area), as on the device
_NARROWEST_LABEL = 0.7  # cells; below, a Gaussian is no longer sampled well

Point = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """``windows`` (B * VIEWS, 3, S, S), BGR 0..255; ``shift`` (B, VIEWS, 2) and ``sigma`` (B,) in cells."""

    windows: Tensor
    shift: Tensor
    sigma: Tensor


@dataclass(frozen=True)
class _Target:
    """How to cut a view of a target (its number, pose, scale), and the target's extent over sqrt(area)."""

    view: Callable[[int, Pose, float], Window]
    extent: Point


def batch(footage: Footage, rng: Rng, count: int, *, size: int, grid: int) -> Batch:
    """``count`` targets seen in `VIEWS` windows of ``size`` px, labelled for a response of ``grid`` cells."""
    windows, shifts, sigmas = [], [], []
    for _ in range(count):
        padding = rng.uniform(2.5, 4.5)
        views, shift = _views(footage, rng, padding, size)
        windows += views
        shifts.append(shift * grid)
        sigmas.append(max(LABEL_SIGMA * grid / padding, _NARROWEST_LABEL))
    pixels = torch.from_numpy(np.stack(windows)).permute(0, 3, 1, 2)
    return Batch(pixels, torch.tensor(np.array(shifts), dtype=torch.float32), torch.tensor(sigmas))


def _views(footage: Footage, rng: Rng, padding: float, size: int) -> tuple[list[Window], Point]:
    target = _pick(footage, rng, padding, size)
    grey = rng.random() < 0.3
    angle, mirror = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.1), rng.random() < 0.5
    views, shifts = [], np.zeros((VIEWS, 2))
    for number, reach in enumerate((0.01, 0.03, 0.3)):
        shifts[number] = _shift(rng, reach)
        pose = Pose((shifts[number, 0], shifts[number, 1]), angle, 1.0, mirror)
        window = target.view(number, pose, np.exp(rng.normal(0, 0.04)))
        window = _clutter(window, target, footage, rng, pose, size / padding, hard=number > 0)
        views.append(disturb(window, rng, grey=grey))
    return views, shifts


def _shift(rng: Rng, reach: float) -> Point:
    """Most targets move little, so half of the shifts are drawn narrower."""
    return rng.uniform(-reach, reach, 2) * (0.3 if rng.random() < 0.5 else 1.0)


def _pick(footage: Footage, rng: Rng, padding: float, size: int) -> _Target:
    if footage.videos and rng.random() < 0.5:
        lengths = np.sqrt([len(video.frames) for video in footage.videos])
        video = footage.videos[rng.choice(len(lengths), p=lengths / lengths.sum())]
        return _from_video(video, rng, padding, size)
    return _from_photograph(footage, rng, padding, size)


def _from_video(video: Video, rng: Rng, padding: float, size: int) -> _Target:
    last = len(video.frames) - 1
    first = int(rng.integers(last + 1))
    reach = 150 if rng.random() < 0.25 else 25
    around = np.clip(first + rng.integers(-reach, reach + 1, VIEWS - 1), 0, last)
    numbers = (first, *around.tolist())

    def view(number: int, pose: Pose, scale: float) -> Window:
        x, y, w, h = video.boxes[numbers[number]]
        return cut(
            video.frames[numbers[number]],
            (x + w / 2, y + h / 2),
            scale * padding * np.sqrt(w * h),
            pose,
            size,
        )

    extent = video.boxes[first, 2:]
    return _Target(view, extent / np.sqrt(extent.prod()))


def _from_photograph(footage: Footage, rng: Rng, padding: float, size: int) -> _Target:
    """Let a textured box of a photograph move, turn and stretch before the photograph or another one."""
    chosen = int(rng.integers(len(footage.photographs)))
    photograph, boxes = footage.photographs[chosen], footage.objects.get(chosen)
    extent, center = textured_box(photograph, rng) if boxes is None else _object(boxes, rng)
    area_side = float(np.sqrt(extent.prod()))
    behind = _any(footage.photographs, rng) if rng.random() < 0.4 else photograph
    power = rng.choice([2.0, 8.0])

    def view(number: int, pose: Pose, scale: float) -> Window:
        turned = Pose(
            pose.shift,
            pose.angle + rng.normal(0, 0.12) * (number > 0),
            np.exp(rng.normal(0, 0.06)),
            pose.mirror,
        )
        side = scale * padding * area_side
        target = cut(photograph, (center[0], center[1]), side, turned, size)
        drift = center + rng.normal(0, 0.4, 2) * area_side * (number > 0)
        backdrop = cut(behind, (drift[0], drift[1]), side, pose, size)
        return lay(
            backdrop,
            target,
            blob(size, target_px(pose, size), 1.2 * _upright(extent, pose) * size / side, power),
        )

    return _Target(view, extent / area_side)


def _object(boxes: Boxes, rng: Rng) -> tuple[Point, Point]:
    """Extent (w, h) and center of any of the ``boxes``."""
    x, y, w, h = boxes[rng.integers(len(boxes))]
    return np.array([w, h]), np.array([x + w / 2, y + h / 2])


def _upright(extent: Point, pose: Pose) -> Point:
    """Extent of the box in the window: its sides change places at a quarter turn."""
    return extent[::-1] if abs(np.sin(pose.angle)) > 0.7 else extent


def _any(images: tuple[Image, ...], rng: Rng) -> Image:
    return images[rng.integers(len(images))]


def _clutter(
    window: Window, target: _Target, footage: Footage, rng: Rng, pose: Pose, target_side: float, *, hard: bool
) -> Window:
    """Lay a look-alike or another thing beside the target, and something over a part of it."""
    size = window.shape[0]
    extent = _upright(target.extent, pose) * target_side
    center = target_px(pose, size)
    if hard and rng.random() < 0.5:
        beside = center + _direction(rng) * extent * rng.uniform(1.0, 1.7)
        alpha = blob(size, beside, extent * rng.uniform(0.7, 1.3), rng.choice([2.0, 8.0]))
        window = lay(window, _other(target, footage, rng, beside, size), alpha)
    if hard and rng.random() < 0.3:
        edge = center + _direction(rng) * extent * rng.uniform(0.3, 0.6)
        alpha = blob(size, edge, extent * rng.uniform(0.5, 1.0, 2), 8.0)
        window = lay(window, _elsewhere(footage, rng, size), alpha)
    return window


def _direction(rng: Rng) -> Point:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _other(target: _Target, footage: Footage, rng: Rng, beside: Point, size: int) -> Window:
    """Show the target itself, turned and in other colours, or some part of a photograph."""
    if rng.random() < 0.6:
        return _elsewhere(footage, rng, size)
    shift = beside / size - 0.5
    pose = Pose((shift[0], shift[1]), rng.uniform(0, 2 * np.pi), 1.0, rng.random() < 0.5)
    look_alike = target.view(0, pose, np.exp(rng.normal(0, 0.2)))
    return np.clip(look_alike[..., rng.permutation(3)] * np.exp(rng.normal(0, 0.3, 3)), 0, 255).astype(np.float32)


def _elsewhere(footage: Footage, rng: Rng, size: int) -> Window:
    image = _any(footage.photographs, rng)
    center = rng.uniform(0, image.shape[1]), rng.uniform(0, image.shape[0])
    pose = Pose((0.0, 0.0), rng.uniform(0, 2 * np.pi), 1.0, rng.random() < 0.5)
    return cut(image, center, size * np.exp(rng.normal(0.3, 0.4)), pose, size)
