"""The loop that CF2 and CACF share: detect in a window of fixed size, go to the peak, learn there, every frame."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box, BoxLike
from cdedge_runtime.errors import NotInitialized
from cdedge_runtime.estimate import Estimate, Lap, Sizes, no_lap
from cdedge_runtime.filter.fourier import Real, gaussian_label, peak, peak_cell, psr
from cdedge_runtime.filter.scale import ScaleFilter
from cdedge_runtime.image import Frame, first_frame, next_frame
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.patch import Sides
from cdedge_runtime.trackers.score import appearance_of, box_score

Point = tuple[float, float]


class WindowSettings(Protocol):
    """What the loop reads of a tracker's settings."""

    @property
    def peak(self) -> Literal["cell", "subcell"]:
        """Whether the peak is a cell, or lies between cells."""

    @property
    def scale(self) -> Literal["none", "dsst"]:
        """Whether the size is followed, by a filter of its own."""


class Method(Protocol):
    """What a tracker does with its windows; it holds the filter, and starts anew with ``begin``."""

    spec: ModelSpec

    @property
    def settings(self) -> WindowSettings:
        """The file's settings."""

    def begin(self, image: Frame, box: Box, lap: Lap) -> None:
        """Fix the search window and learn the first frame."""

    def window_px(self) -> Sides:
        """(height, width) of the search window in frame pixels."""

    def respond(self, image: Frame, center: Point, lap: Lap) -> Real:
        """Response (Gh, Gw) around ``center``, its peak at (0, 0) for a target that did not move."""

    def learn(self, image: Frame, center: Point, lap: Lap) -> None:
        """Take in the target, now at ``center``."""

    def state_bytes(self) -> int:
        """Bytes of the filter."""


class WindowTracker:
    """A `ModelTracker` around a `Method`. Nothing is ever lost: the originals know no failure."""

    def __init__(self, method: Method) -> None:
        self._method, self.spec = method, method.spec
        self._ready = False

    def init(self, frame: NDArray[np.generic], box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked."""
        image, box = first_frame(frame, box)
        self._ready = False  # until all is learned
        self._shape = image.shape
        self._method.begin(image, box, lap)
        self._center, self._size = box.center, box.size
        self._scale = (
            ScaleFilter(image, box, self._method.window_px()) if self._method.settings.scale == "dsst" else None
        )
        lap("update")
        self._appearance = appearance_of(image, box)
        self._ready = True
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if not self._ready:
            raise NotInitialized
        image = next_frame(frame, self._shape)
        response = self._method.respond(image, self._center, lap)
        sharpness = psr(response)
        self._move(response, image.shape)
        lap("response")
        if self._scale is not None:
            self._scale.update(image, self._center)
            lap("scale")
        self._method.learn(image, self._center, lap)
        lap("update")
        factor = 1.0 if self._scale is None else self._scale.factor
        box = Box.from_center(self._center, (self._size[0] * factor, self._size[1] * factor))
        score = box_score(self._appearance, image, box, sharpness, self.spec.tracker)
        return Estimate(box, score, lost=False, psr=sharpness)

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape; raises `NotInitialized` before ``init``."""
        if not self._ready:
            raise NotInitialized
        # Per window: the patch, the features, those times the window, and their spectrum.
        buffers = 3 * math.prod(self.spec.input_px) + 4 * 4 * self.spec.channels * math.prod(self.spec.grid)
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, self._method.state_bytes(), buffers)

    def _move(self, response: Real, frame_shape: tuple[int, ...]) -> None:
        rows, columns = peak(response)[:2] if self._method.settings.peak == "subcell" else peak_cell(response)
        sides, grid = self._method.window_px(), self.spec.grid
        x, y = self._center[0] + columns * sides[1] / grid[1], self._center[1] + rows * sides[0] / grid[0]
        self._center = patch.limit_center((x, y), frame_shape)


def label_in_window(size: tuple[float, float], sides: Sides, grid: tuple[int, int], sigma: float) -> Real:
    """Gaussian label (Gh, Gw) of ``sigma`` times sqrt(target area), for a window of ``sides`` pixels."""
    length = sigma * math.sqrt(size[0] * size[1])
    return gaussian_label(grid, (length * grid[0] / sides[0], length * grid[1] / sides[1]))
