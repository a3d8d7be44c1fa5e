"""What a box head learns from: a template of a target, and windows somewhere around it with the target's box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cdedge_runtime.patch import context_side_px

from .footage import Footage, Image, Video, textured_box
from .light import Rng, Window, disturb
from .warp import Pose, blob, cut, lay, target_px

WINDOW_PX, TEMPLATE_PX = 256, 128  # as on the device: the template's window is half as wide
WINDOWS = 3  # per template
PADDING = 4.0  # of the window; deep.padding

Point = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Boxed:
    """A target: ``template`` (128, 128, 3), ``windows`` (`WINDOWS`, 256, 256, 3), ``boxes`` (`WINDOWS`, 4).

    Pixels are BGR. A box is left, top, right, bottom in pixels of its window; NaN where the target is not in it.
    """

    template: Pixels
    windows: Pixels
    boxes: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Place:
    """Where a target is seen: center and size (w, h) in pixels of an image; ``laid`` cuts it out onto another one."""

    image: Image
    center: Point
    size: Point
    laid: Image | None = None

    def side_px(self, zoom: float, padding: float = PADDING) -> float:
        return zoom * context_side_px((self.size[0], self.size[1]), padding)

    def view(self, pose: Pose, side_px: float, size: int, rng: Rng) -> Window:
        """The window (size, size, 3) that shows ``side_px`` of the image, the target at the pose's shift."""
        seen = cut(self.image, (self.center[0], self.center[1]), side_px, pose, size)
        if self.laid is None:
            return seen
        at = rng.uniform(0, self.laid.shape[1]), rng.uniform(0, self.laid.shape[0])
        behind = cut(self.laid, at, side_px, pose, size)
        shape = blob(size, target_px(pose, size), 1.15 * self.extent(pose, side_px, size), rng.choice([2.0, 8.0]))
        return lay(behind, seen, shape)

    def extent(self, pose: Pose, side_px: float, size: int) -> Point:
        """Width and height of the target in such a window, as of an ellipse that turns."""
        turned = np.abs([[np.cos(pose.angle), np.sin(pose.angle)], [np.sin(pose.angle), np.cos(pose.angle)]])
        upright = np.sqrt(np.square(turned) @ np.square(self.size))
        form = np.array([1 / np.sqrt(pose.stretch), np.sqrt(pose.stretch)])
        return np.asarray(upright * form * size / side_px)


def boxed(footage: Footage, rng: Rng) -> Boxed:
    """One target, seen `WINDOWS` times."""
    first, later = _pick(footage, rng)
    grey, mirror = rng.random() < 0.3, rng.random() < 0.5
    angle = float(rng.integers(4) * np.pi / 2) if rng.random() < 0.25 else 0.0
    coarse = _coarseness(rng)

    def finished(window: Window) -> Pixels:
        return np.rint(disturb(_coarsened(window, coarse), rng, grey=grey)).astype(np.uint8)

    pose = Pose(_shift(rng, 0.01), angle, 1.0, mirror)
    zoom = np.exp(rng.normal(0, 0.04))
    template = finished(first.view(pose, first.side_px(zoom, PADDING / 2), TEMPLATE_PX, rng))
    windows, boxes = [], []
    for _ in range(WINDOWS):
        window, box = _window(later, first, footage, rng, angle, mirror)
        windows.append(finished(window))
        boxes.append(box)
    return Boxed(template, np.stack(windows), np.array(boxes, np.float32))


def _window(
    later: Callable[[], _Place], first: _Place, footage: Footage, rng: Rng, angle: float, mirror: bool
) -> tuple[Window, Point]:
    """A window and the target's box in it; now and then of another target's surroundings, without a box."""
    absent = rng.random() < 0.08
    place = _pick(footage, rng)[0] if absent else later()
    stretch = np.exp(rng.normal(0, 0.15))
    pose = Pose(_shift(rng, 0.3), angle + rng.normal(0, 0.06), stretch, mirror)
    side = place.side_px(np.exp(rng.normal(0, 0.2)))
    center, extent = target_px(pose, WINDOW_PX), place.extent(pose, side, WINDOW_PX)
    window = _cluttered(place.view(pose, side, WINDOW_PX, rng), first, center, extent, footage, rng)
    box = np.concatenate([center - extent / 2, center + extent / 2])
    return window, np.full(4, np.nan) if absent else box


def _shift(rng: Rng, reach: float) -> tuple[float, float]:
    """Most targets move little, so half of the shifts are drawn narrower."""
    x, y = rng.uniform(-reach, reach, 2) * (0.3 if rng.random() < 0.5 else 1.0)
    return float(x), float(y)


def _pick(footage: Footage, rng: Rng) -> tuple[_Place, Callable[[], _Place]]:
    """The place of a template, and what gives places of the same target."""
    if footage.videos and rng.random() < 0.5:
        lengths = np.sqrt([len(video.frames) for video in footage.videos])
        return _of_video(footage.videos[rng.choice(len(lengths), p=lengths / lengths.sum())], rng)
    return _of_photograph(footage, rng)


def _of_video(video: Video, rng: Rng) -> tuple[_Place, Callable[[], _Place]]:
    last = len(video.frames) - 1
    first = int(rng.integers(last + 1))
    reach = 150 if rng.random() < 0.4 else 25

    def at(number: int) -> _Place:
        x, y, w, h = video.boxes[number]
        return _Place(video.frames[number], np.array([x + w / 2, y + h / 2]), np.array([w, h]))

    def later() -> _Place:
        return at(int(np.clip(first + rng.integers(-reach, reach + 1), 0, last)))

    return at(first), later


def _of_photograph(footage: Footage, rng: Rng) -> tuple[_Place, Callable[[], _Place]]:
    """A boxed object where there is one, else something textured; half of the time laid onto other photographs."""
    chosen = int(rng.integers(len(footage.photographs)))
    photograph, boxes = footage.photographs[chosen], footage.objects.get(chosen)
    if boxes is None:
        size, center = textured_box(photograph, rng)
    else:
        x, y, w, h = boxes[rng.integers(len(boxes))]
        size, center = np.array([w, h]), np.array([x + w / 2, y + h / 2])

    def later() -> _Place:
        laid = footage.photographs[rng.integers(len(footage.photographs))] if rng.random() < 0.5 else None
        return _Place(photograph, center, size, laid)

    return _Place(photograph, center, size), later


def _cluttered(window: Window, first: _Place, center: Point, extent: Point, footage: Footage, rng: Rng) -> Window:
    """Lay other things beside the target, one of them its look-alike in other colours, and one over a part of it."""
    if rng.random() < 0.4:
        beside = center + _direction(rng) * extent * rng.uniform(1.0, 2.0)
        alpha = blob(WINDOW_PX, beside, extent * rng.uniform(0.7, 1.3), rng.choice([2.0, 8.0]))
        window = lay(window, _other(first, footage, rng, beside), alpha)
    if rng.random() < 0.25:
        edge = center + _direction(rng) * extent * rng.uniform(0.3, 0.6)
        alpha = blob(WINDOW_PX, edge, extent * rng.uniform(0.4, 0.9, 2), 8.0)
        window = lay(window, _elsewhere(footage, rng), alpha)
    return window


def _direction(rng: Rng) -> Point:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _other(first: _Place, footage: Footage, rng: Rng, beside: Point) -> Window:
    """The target itself, turned and in other colours, or some part of a photograph."""
    if rng.random() < 0.6:
        return _elsewhere(footage, rng)
    x, y = beside / WINDOW_PX - 0.5
    pose = Pose((x, y), rng.uniform(0, 2 * np.pi), 1.0, rng.random() < 0.5)
    like = first.view(pose, first.side_px(np.exp(rng.normal(0, 0.2))), WINDOW_PX, rng)
    return np.clip(like[..., rng.permutation(3)] * np.exp(rng.normal(0, 0.3, 3)), 0, 255).astype(np.float32)


def _elsewhere(footage: Footage, rng: Rng) -> Window:
    image = footage.photographs[rng.integers(len(footage.photographs))]
    center = rng.uniform(0, image.shape[1]), rng.uniform(0, image.shape[0])
    pose = Pose((0.0, 0.0), rng.uniform(0, 2 * np.pi), 1.0, rng.random() < 0.5)
    return cut(image, center, WINDOW_PX * np.exp(rng.normal(0.3, 0.4)), pose, WINDOW_PX)


def _coarseness(rng: Rng) -> float:
    """Pixels of the window per pixel of the camera; a target of 5 to 40 px a side is a third of all."""
    target_px = WINDOW_PX / PADDING
    return target_px / np.exp(rng.uniform(np.log(5), np.log(40))) if rng.random() < 0.33 else 1.0


def _coarsened(window: Window, coarse: float) -> Window:
    if coarse == 1.0:
        return window
    size = window.shape[0]
    small = max(8, round(size / coarse))
    shrunk = cv2.resize(window, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
