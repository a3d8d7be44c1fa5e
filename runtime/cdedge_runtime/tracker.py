"""The tracker on the device: ``init`` with a box, then ``update`` per frame; the only object that changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import compact, patch
from .box import Box, check_target
from .confidence import psr
from .dcf import hann_window, peak
from .errors import NotInitialized
from .features import Extractor
from .frames import Frame, to_bgr
from .transform import Dft, Real, Spectrum

Lap = Callable[[str], None]


@dataclass(frozen=True)
class Estimate:
    """Where the target is: its box, the score (PSR of the response), and whether it counts as lost."""

    box: Box
    score: float
    lost: bool


@dataclass(frozen=True)
class Sizes:
    """Bytes the tracker needs, computed from shapes."""

    weights_bytes: int
    activations_bytes: int
    filter_state_bytes: int
    buffers_bytes: int


def no_lap(stage: str) -> None:
    """Stand-in for a stopwatch: called with the name of each stage as it ends."""


class Tracker:
    """Tracks one target with an exported model.

    ``init(frame, box)`` starts or restarts; ``update(frame)`` returns an `Estimate`. Frames are (H, W[, C]) uint8 or
    uint16, grey, BGR or BGRA. ``lap`` is told the end of each stage: patch, features, filter, update.
    """

    def __init__(self, model: Path | Extractor, *, provider: str = "cpu", threads: int | None = None) -> None:
        self._extract = model if isinstance(model, Extractor) else Extractor(model, provider=provider, threads=threads)
        self.spec = self._extract.spec
        self._patch = np.empty((*self.spec.input_px, 3), np.uint8)
        self._window = hann_window(self.spec.grid)
        self._dft = Dft(self.spec.grid)
        self._filter: compact.CompactFilter | None = None

    def init(self, frame: NDArray[np.generic], box: Box, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked."""
        image = to_bgr(frame)
        check_target(box, image.shape)
        settings, grid = self.spec.settings, self.spec.grid
        self._center, self._size, self._scale = box.center, box.size, 1.0
        self._limits = patch.scale_limits(box, image.shape)
        self._shrink_first, self._frame, self._lost = False, 0, False
        side = patch.window_side_px(box.size, settings.padding)
        cells = (box.height / side * grid[0], box.width / side * grid[1])
        support = compact.support_cells(cells, settings.support, grid)
        self._rest = ((grid[0] - support[0]) / 2, (grid[1] - support[1]) / 2)
        maps = self._maps(image, 1.0, lap)
        self._gain = compact.channel_gain(maps) * self._window
        self._filter = compact.CompactFilter(
            Dft(grid, support),
            compact.label_for(grid, support, settings.label_sigma * math.sqrt(cells[0] * cells[1])),
            ridge=settings.ridge,
            memory=settings.memory,
            first=self._dft.forward(maps * self._gain),
            iterations=settings.first_iterations,
        )
        lap("update")
        return Estimate(box, math.inf, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if self._filter is None:
            raise NotInitialized
        image = to_bgr(frame)
        self._frame += 1
        response = self._locate(image, self._filter, lap)
        score = psr(response)
        settings = self.spec.settings
        self._lost = score < (settings.found_above if self._lost else settings.lost_below)
        lap("filter")
        if not self._lost and self._frame % settings.update_every == 0:
            rate = 1 - (1 - settings.learning_rate) ** settings.update_every
            self._filter.learn(self._spectrum(image, 1.0, lap), rate, settings.iterations)
            lap("update")
        return Estimate(self.box, score, self._lost)

    @property
    def box(self) -> Box:
        """The present box."""
        return Box.from_center(self._center, (self._size[0] * self._scale, self._size[1] * self._scale))

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape; raises `NotInitialized` before ``init``."""
        if self._filter is None:
            raise NotInitialized
        maps = 4 * self.spec.channels * math.prod(self.spec.grid)
        # Per window: network output, prepared maps, their spectrum, and the filter's work space.
        buffers = self._patch.nbytes + 4 * maps
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, self._filter.state_bytes, buffers)

    def _maps(self, image: Frame, scale: float, lap: Lap) -> Real:
        side = patch.window_side_px(self._size, self.spec.settings.padding) * self._scale * scale
        window = patch.cut(image, self._center, side, out=self._patch)
        lap("patch")
        features = self._extract(window)
        lap("features")
        return compact.prepared(features, self.spec.settings.power)

    def _spectrum(self, image: Frame, scale: float, lap: Lap) -> Spectrum:
        maps = self._maps(image, scale, lap)
        maps *= self._gain
        return self._dft.forward(maps)

    def _locate(self, image: Frame, learned: compact.CompactFilter, lap: Lap) -> Real:
        """Move to the best of the tested scales and positions; returns its response."""
        best: tuple[float, float, Real] | None = None
        for factor in self._factors():
            response = learned.respond(self._spectrum(image, factor, lap), self._dft)
            value = float(response.max()) * (1.0 if factor == 1.0 else self.spec.settings.scale_penalty)
            if best is None or value > best[0]:
                best = value, factor, response
            lap("filter")
        if best is None:
            raise NotInitialized
        _, factor, response = best
        if factor == 1.0:
            self._shrink_first = not self._shrink_first
        self._move(response, factor, image.shape)
        return response

    def _factors(self) -> tuple[float, ...]:
        step, kind = self.spec.settings.scale_step, self.spec.settings.scale
        if kind == "none":
            return (1.0,)
        if kind == "pyramid":
            return (1.0, step, 1 / step)
        return (1.0, 1 / step if self._shrink_first else step)

    def _move(self, response: Real, factor: float, frame_shape: tuple[int, ...]) -> None:
        rows, columns, _ = peak(response)
        grid = self.spec.grid
        cell = patch.window_side_px(self._size, self.spec.settings.padding) * self._scale * factor
        dy = _wrapped(rows - self._rest[0], grid[0]) * cell / grid[0]
        dx = _wrapped(columns - self._rest[1], grid[1]) * cell / grid[1]
        self._center = patch.limit_center((self._center[0] + dx, self._center[1] + dy), frame_shape)
        self._scale = min(max(self._scale * factor, self._limits[0]), self._limits[1])


def _wrapped(shift: float, period: int) -> float:
    return (shift + period / 2) % period - period / 2
