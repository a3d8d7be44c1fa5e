"""CF2 (Ma et al. 2015): a kernelised linear filter per layer, their responses added by weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

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

from .settings import Cf2Settings

CELL_PX = 4
INPUT_PX = (224, 224)
_LAYER_WEIGHTS = {"54": 1.0, "44": 0.5, "34": 0.25}
_TALL, _LARGE = 2.0, 0.05  # height over width, and share of the frame


def window_px(size: tuple[float, float], frame_shape: tuple[int, ...]) -> Sides:
    """Search window (height, width) in pixels of a target of ``size`` (width, height): the released code's rule."""
    width, height = size
    if height / width > _TALL:
        factors = (1.4, 2.8)
    elif width * height / (frame_shape[0] * frame_shape[1]) > _LARGE:
        factors = (2.0, 2.0)
    else:
        factors = (2.8, 2.8)
    return float(math.floor(height * factors[0])), float(math.floor(width * factors[1]))


def grid_for(sides: Sides) -> tuple[int, int]:
    """Response grid of a window: one cell per 4 px, at least 4 cells."""
    rows, columns = (max(4, int(side) // CELL_PX) for side in sides)
    return rows, columns


def layer_weights(layers: tuple[str, ...]) -> tuple[float, ...]:
    """Weight of each layer's response: the published ones for conv3-4, 4-4 and 5-4, else 1 each."""
    if set(layers) <= set(_LAYER_WEIGHTS):
        return tuple(_LAYER_WEIGHTS[layer] for layer in layers)
    return (1.0,) * len(layers)


@dataclass(frozen=True)
class LayerFilter:
    """One layer's model: ``alpha`` (Gh, Gwh) and the appearance (C, Gh, Gwh) it belongs to."""

    alpha: HalfSpectrum
    appearance: HalfSpectrum


def train(appearance: HalfSpectrum, label: HalfSpectrum, ridge: float, grid: tuple[int, int]) -> LayerFilter:
    """Ridge regression in the dual for one sample: alpha = y / (k + ridge), k the linear kernel's spectrum."""
    kernel = _kernel(appearance, appearance, grid).real + np.float32(ridge)
    return LayerFilter(label / kernel, appearance.copy())


def blend(old: LayerFilter, new: LayerFilter, rate: float) -> LayerFilter:
    """Both parts interpolated, each for itself."""
    keep, take = np.float32(1 - rate), np.float32(rate)
    return LayerFilter(keep * old.alpha + take * new.alpha, keep * old.appearance + take * new.appearance)


def respond(model: LayerFilter, seen: HalfSpectrum, grid: tuple[int, int]) -> Real:
    """Response (Gh, Gw) of one layer, not yet normalised."""
    return dcf.inverse(model.alpha * _kernel(seen, model.appearance, grid), grid)


def fused(responses: list[Real], weights: tuple[float, ...]) -> Real:
    """The responses, each divided by its own maximum, added by weight; one without a positive maximum counts as 0."""
    total = np.zeros_like(responses[0])
    for response, weight in zip(responses, weights, strict=True):
        top = float(response.max())
        if top > 0:
            total += response * np.float32(weight / top)
    return total


class Cf2:
    """CF2's side of a `WindowTracker`; layers are the model's taps."""

    def __init__(self, features: Features) -> None:
        self._extract, self.spec = features, features.spec
        self.settings = settings_of(self.spec, Cf2Settings)
        ends = list(accumulate(len(tap.kept) for tap in self.spec.taps))
        self._layers = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
        self._weights = layer_weights(tuple(tap.name for tap in self.spec.taps))
        self._window = dcf.hann_window(self.spec.grid, zero_ends=True)
        self._patch = np.empty((*self.spec.input_px, 3), np.uint8)
        self._filters: list[LayerFilter] = []

    def begin(self, image: Frame, box: Box, lap: Lap) -> None:
        self._sides = window_px(box.size, image.shape)
        label = label_in_window(box.size, self._sides, self.spec.grid, self.settings.label_sigma)
        self._label = dcf.spectrum(label)
        self._filters = self._trained(image, box.center, lap)

    def window_px(self) -> Sides:
        return self._sides

    def respond(self, image: Frame, center: Point, lap: Lap) -> Real:
        seen = self._spectrum(image, center, lap)
        responses = [
            respond(model, seen[part], self.spec.grid) for model, part in zip(self._filters, self._layers, strict=True)
        ]
        return fused(responses, self._weights)

    def learn(self, image: Frame, center: Point, lap: Lap) -> None:
        new, rate = self._trained(image, center, lap), self.settings.learning_rate
        self._filters = [blend(old, fresh, rate) for old, fresh in zip(self._filters, new, strict=True)]

    def state_bytes(self) -> int:
        return sum(model.alpha.nbytes + model.appearance.nbytes for model in self._filters)

    def _trained(self, image: Frame, center: Point, lap: Lap) -> list[LayerFilter]:
        seen = self._spectrum(image, center, lap)
        return [train(seen[part], self._label, self.settings.ridge, self.spec.grid) for part in self._layers]

    def _spectrum(self, image: Frame, center: Point, lap: Lap) -> HalfSpectrum:
        window = patch.cut(image, center, self._sides, out=self._patch)
        lap("patch")
        maps = self._extract(window)
        lap("features")
        spectrum = dcf.spectrum(maps * self._window)
        lap("transform")
        return spectrum


def _kernel(one: HalfSpectrum, other: HalfSpectrum, grid: tuple[int, int]) -> HalfSpectrum:
    """Linear kernel's spectrum (Gh, Gwh) of two samples, over the number of their elements."""
    return np.asarray(np.einsum("chw,chw->hw", one, other.conj()) / np.float32(len(one) * grid[0] * grid[1]))
