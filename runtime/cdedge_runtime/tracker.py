"""The tracker on the device: ``init`` with a box, then ``update`` per frame; the only object that changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import dcf, patch
from .box import Box, check_target
from .confidence import psr
from .errors import NotInitialized
from .features import Extractor
from .frames import to_bgr

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
        self._window = dcf.hann_window(self.spec.grid)
        self._box: Box | None = None

    def init(self, frame: NDArray[np.generic], box: Box, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked."""
        image = to_bgr(frame)
        check_target(box, image.shape)
        settings = self.spec.settings
        cell = patch.window_side_px(box, settings.padding) / np.array(self.spec.grid)
        sigma = settings.label_sigma * math.sqrt(box.area) / cell
        self._label = dcf.spectrum(dcf.gaussian_label(self.spec.grid, (float(sigma[0]), float(sigma[1]))))
        self._norm = np.ones((self.spec.channels, 1, 1), np.float32)
        self._norm = self._layer_norms(self._features(image, box, lap, windowed=False))
        spectrum = dcf.spectrum(self._features(image, box, lap))
        self._box, self._first_size = box, box.size
        self._numerator = spectrum.conj() * self._label
        self._energy = _energy(spectrum)
        self._ridge = settings.regularization * float(self._energy.mean())
        lap("update")
        return Estimate(box, math.inf, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if self._box is None:
            raise NotInitialized
        image = to_bgr(frame)
        g = self._numerator / (self._energy + self._ridge)
        best_response, best_factor, best_top = None, 1.0, -math.inf
        for factor in self._scale_factors():
            spectrum = dcf.spectrum(self._features(image, self._box.scaled(factor), lap))
            response = dcf.respond(spectrum, g, self.spec.grid)
            top = float(response.max()) * (1.0 if factor == 1.0 else 0.99)
            if top > best_top:
                best_response, best_factor, best_top = response, factor, top
            lap("filter")
        self._box = self._moved(best_response, best_factor, image.shape)
        self._learn(dcf.spectrum(self._features(image, self._box, lap)))
        lap("update")
        score = psr(best_response)
        return Estimate(self._box, score, lost=score < 4.0)

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape."""
        height, width = self.spec.input_px
        maps = 4 * self.spec.channels * math.prod(self.spec.grid)
        buffers = 3 * height * width + 3 * maps
        state = self._numerator.nbytes + self._energy.nbytes
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, state, buffers)

    def _features(self, image: NDArray[np.uint8], box: Box, lap: Lap, *, windowed: bool = True) -> dcf.Real:
        side = patch.window_side_px(box, self.spec.settings.padding)
        window = patch.cut(image, box.center, side, self.spec.input_px)
        lap("patch")
        maps = self._extract(window)
        lap("features")
        return maps * (self._window * self._norm) if windowed else maps

    def _layer_norms(self, maps: dcf.Real) -> dcf.Real:
        """One factor per layer that gives its maps unit mean square in the first frame."""
        norms, start = [], 0
        for tap in self.spec.taps:
            part = maps[start : start + len(tap.kept)]
            norms.append(np.full(len(tap.kept), 1.0 / math.sqrt(float(np.mean(part**2)) + 1e-12)))
            start += len(tap.kept)
        return np.concatenate(norms).astype(np.float32)[:, None, None]

    def _scale_factors(self) -> tuple[float, ...]:
        step = self.spec.settings.scale_step
        return (1.0, 1 / step, step) if self.spec.settings.scale == "pyramid" else (1.0,)

    def _moved(self, response: dcf.Real, factor: float, frame_shape: tuple[int, ...]) -> Box:
        rows, columns, _ = dcf.peak(response)
        side = patch.window_side_px(self._box.scaled(factor), self.spec.settings.padding)
        cx = self._box.center[0] + columns * side / self.spec.grid[1]
        cy = self._box.center[1] + rows * side / self.spec.grid[0]
        center = (min(max(cx, 0.0), frame_shape[1]), min(max(cy, 0.0), frame_shape[0]))
        limited = min(max(factor * self._box.width / self._first_size[0], 0.2), 5.0)
        return Box.from_center(center, (self._first_size[0] * limited, self._first_size[1] * limited))

    def _learn(self, spectrum: dcf.Spectrum) -> None:
        rate = self.spec.settings.learning_rate
        self._numerator += rate * (spectrum.conj() * self._label - self._numerator)
        self._energy += rate * (_energy(spectrum) - self._energy)


def _energy(spectrum: dcf.Spectrum) -> dcf.Real:
    return np.einsum("chw,chw->hw", spectrum, spectrum.conj()).real.astype(np.float32)
