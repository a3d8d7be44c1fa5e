"""The context-aware correlation filter (Mueller et al. 2017) on HOG."""

from __future__ import annotations

import math

import numpy as np

from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Features, Lap
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.filter.fourier import HalfSpectrum, Real
from cdedge_runtime.image import Frame
from cdedge_runtime.kinds import settings_of
from cdedge_runtime.patch import Sides
from cdedge_runtime.trackers.window import Point, label_in_window

from .settings import CacfSettings

CELL_PX = 4
_SMALLEST_GRID = 4
_BESIDE = ((-1, 0), (0, -1), (1, 0), (0, 1))  # context patches, in target (heights, widths)


def grid_for(size: tuple[float, float], settings: CacfSettings) -> tuple[int, int]:
    """Response grid for a target of ``size`` (width, height) px: one cell per 4 px of the window, at least 4."""
    factor = _halving(size, settings)
    rows, columns = (
        max(_SMALLEST_GRID, math.floor(settings.padding * math.floor(n / factor)) // CELL_PX)
        for n in (size[1], size[0])
    )
    return rows, columns


def window_px(size: tuple[float, float], settings: CacfSettings) -> Sides:
    """Search window (height, width) in frame pixels: whole cells, of twice the pixels for a large target."""
    cell_px = CELL_PX * _halving(size, settings)
    rows, columns = grid_for(size, settings)
    return float(cell_px * rows), float(cell_px * columns)


def independent_filter(samples: HalfSpectrum, label: HalfSpectrum, *, ridge: float, context: float) -> HalfSpectrum:
    """One filter per channel, g = conj(x) y / (|x|^2 + ridge + context sum |c|^2), as released.

    samples (1 + k, C, Gh, Gwh): the target's window x, then the context patches c. Returns g (C, Gh, Gwh).
    """
    target, beside = samples[0], samples[1:]
    power = np.square(np.abs(beside)).sum(axis=0) * np.float32(context)
    power += np.square(np.abs(target)) + np.float32(ridge)
    return np.asarray(target.conj() * label / power)


def joint_filter(samples: HalfSpectrum, label: HalfSpectrum, *, ridge: float, context: float) -> HalfSpectrum:
    """The minimiser over all channels of |sum x_l g_l - y|^2 + context sum_i |sum c_il g_l|^2 + ridge |g|^2."""
    labels = np.zeros((len(samples), *label.shape), np.complex64)
    labels[0] = label
    return dcf.solve(weighted(samples, context).astype(np.complex128), labels, ridge)


def weighted(samples: HalfSpectrum, context: float) -> HalfSpectrum:
    """The samples with the context patches scaled, so that their squared error counts ``context`` times."""
    scale = np.full((len(samples), 1, 1, 1), math.sqrt(context), np.float32)
    scale[0] = 1
    return np.asarray(samples * scale)


class Cacf:
    """CACF's side of a `WindowTracker`."""

    def __init__(self, features: Features) -> None:
        self._extract, self.spec = features, features.spec
        self.settings = settings_of(self.spec, CacfSettings)
        self._window = dcf.hann_window(self.spec.grid, zero_ends=True)
        self._patch = np.empty((*self.spec.input_px, 3), np.uint8)
        self._filter = np.zeros(0, np.complex64)

    def begin(self, image: Frame, box: Box, lap: Lap) -> None:
        self._size = box.size
        self._sides = window_px(box.size, self.settings)
        self.label = dcf.spectrum(label_in_window(box.size, self._sides, self.spec.grid, self.settings.label_sigma))
        self._filter = self.trained(self.samples(image, box.center, lap))

    def window_px(self) -> Sides:
        return self._sides

    def respond(self, image: Frame, center: Point, lap: Lap) -> Real:
        return dcf.respond(self._spectrum(image, center, lap), self._filter, self.spec.grid)

    def learn(self, image: Frame, center: Point, lap: Lap) -> None:
        new = self.trained(self.samples(image, center, lap))
        self._filter = self._filter + np.float32(self.settings.learning_rate) * (new - self._filter)

    def state_bytes(self) -> int:
        return self._filter.nbytes

    def samples(self, image: Frame, center: Point, lap: Lap) -> HalfSpectrum:
        """Spectra (5, C, Gh, Gwh) of the window at ``center`` and of the four beside it."""
        width, height = self._size
        places = [center, *((center[0] + c * width, center[1] + r * height) for r, c in _BESIDE)]
        return np.stack([self._spectrum(image, place, lap) for place in places])

    def trained(self, samples: HalfSpectrum) -> HalfSpectrum:
        """The filter (C, Gh, Gwh) of one frame's samples, in the form that the settings name."""
        form = independent_filter if self.settings.form == "independent" else joint_filter
        return form(samples, self.label, ridge=self.settings.ridge, context=self.settings.context)

    def maps(self, image: Frame, center: Point, lap: Lap) -> Real:
        """HOG maps (C, Gh, Gw) of the window at ``center``, moved to whole pixels of the frame."""
        x, y = (round(c - side / 2) + side / 2 for c, side in zip(center, self._sides[::-1], strict=True))
        window = patch.cut(image, (x, y), self._sides, out=self._patch)
        lap("patch")
        maps = self._extract(window)
        lap("features")
        return maps

    def _spectrum(self, image: Frame, center: Point, lap: Lap) -> HalfSpectrum:
        spectrum = dcf.spectrum(self.maps(image, center, lap) * self._window)
        lap("transform")
        return spectrum


def _halving(size: tuple[float, float], settings: CacfSettings) -> int:
    """Frame pixels per pixel that HOG sees, per axis."""
    return 2 if math.sqrt(size[0] * size[1]) >= settings.half_from_px else 1
