"""ECO (Danelljan et al. 2017): factorised features, a spatially penalised filter, a mixture of samples, scales.

The penalty is SRDCF's (Danelljan et al. 2015): weak on the target, strong on the background. The sample memory merges
the most alike. The response's maximum is found between its cells by Newton's method.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box, BoxLike
from cdedge_runtime.errors import NotInitialized
from cdedge_runtime.estimate import Estimate, Features, Lap, Sizes, no_lap
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.compact import distances, merge
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import gaussian_label, half_weights, hann_window, psr, wrapped
from cdedge_runtime.image import Frame, first_frame, next_frame
from cdedge_runtime.kinds import settings_of
from cdedge_runtime.trackers.eco.settings import EcoSettings
from cdedge_runtime.trackers.score import appearance_of, box_score

_SPARSE = 0.05  # coefficients below this share of the largest are left out


def spatial_penalty(grid: tuple[int, int], target: tuple[float, float], *, least: float, edge: float) -> Real:
    """Squared weights (Gh, Gw) of a filter laid over the window, its target of ``target`` (rows, columns) cells.

    The weight is ``least`` in the middle and grows with the square of the distance, by ``edge - least`` at half the
    target's size; only its largest Fourier coefficients are kept, as in ECO's released code.
    """
    rows, columns = (((np.arange(n) - (n - 1) / 2) / (t / 2)) ** 2 for n, t in zip(grid, target, strict=True))
    weight = (edge - least) * (rows[:, None] + columns[None, :]) + least
    coefficients = np.fft.fft2(weight) / weight.size
    coefficients[np.abs(coefficients) < _SPARSE * np.abs(coefficients).max()] = 0
    smooth = np.fft.ifft2(coefficients * weight.size).real
    return np.asarray((smooth - smooth.min() + least) ** 2, np.float32)


Complex = NDArray[np.complex128]


def newton_peak(response: Real, steps: int = 5) -> tuple[float, float, float]:
    """Maximum of the trigonometric polynomial through a response: (row, column) displacement from (0, 0), and height.

    Starts at the highest cell, which stays the answer where Newton's steps end lower. A height that is not finite says
    that the response is not.
    """
    height, width = response.shape
    cell = divmod(int(response.argmax()), width)
    top = float(response[cell])
    if not np.isfinite(top):
        return wrapped(cell[0], height), wrapped(cell[1], width), top
    coefficients = np.fft.rfft2(response.astype(np.float64)) * (half_weights(response.shape) / response.size)
    turns = 2j * np.pi
    rows, columns = (
        np.asarray(turns * np.fft.fftfreq(height), complex),
        np.asarray(turns * np.fft.rfftfreq(width), complex),
    )
    place = np.array(cell, np.float64)
    for _ in range(steps):
        gradient, hessian = _slopes(coefficients, rows, columns, place)
        if not np.linalg.det(hessian) > 0 or not hessian[0, 0] < 0:  # no maximum is near
            break
        place = place - np.linalg.solve(hessian, gradient)
    refined = float((np.exp(rows * place[0]) @ coefficients @ np.exp(columns * place[1])).real)
    if refined > top and np.abs(place - cell).max() <= 1:
        return wrapped(float(place[0]), height), wrapped(float(place[1]), width), refined
    return wrapped(cell[0], height), wrapped(cell[1], width), top


def _slopes(
    coefficients: Complex, rows: Complex, columns: Complex, place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient (2,) and Hessian (2, 2) of the polynomial at ``place``."""
    down = np.exp(rows * place[0]) * rows ** np.arange(3)[:, None]
    across = np.exp(columns * place[1]) * columns ** np.arange(3)[:, None]
    table = (down @ coefficients @ across.T).real
    return table[[1, 0], [0, 1]], np.array([[table[2, 0], table[1, 1]], [table[1, 1], table[0, 2]]])


_FORGOTTEN_AFTER = 100  # frames after which an unrepeated sample's weight counts as nothing


class Mixture:
    """A `compact.Store`: while full, a forgotten sample is replaced, else the most alike two of all are merged.

    The new sample takes part: where it is closer to an old one than any two old ones are to each other, it is merged
    into that one. Weights sum to 1. Distances are taken over low frequencies.
    """

    def __init__(self, size: int, first: BandSpectrum) -> None:
        self.spectra: BandSpectrum = np.zeros((size, *first.shape), np.complex64)
        self.weights: Real = np.zeros(size, np.float32)
        self._apart: Real = np.full((size, size), np.inf, np.float32)
        self.spectra[0], self.weights[0], self.count = first, 1.0, 1

    def add(self, spectrum: BandSpectrum, rate: float) -> None:
        """Store a sample with weight ``rate``; the others fade by 1 - rate."""
        others = distances(self.spectra[: self.count], spectrum)
        if self.count < len(self.weights):
            self.count += 1
            self._put(self.count - 1, spectrum, rate)
        elif self.weights.min() < rate * (1 - rate) ** _FORGOTTEN_AFTER:
            self._put(int(self.weights.argmin()), spectrum, rate)
        elif others.min() < self._apart.min():
            self._blend(int(others.argmin()), spectrum, rate)
        else:
            into, gone = divmod(int(self._apart.argmin()), len(self.weights))
            merge(self, gone, into=into)
            self._measure(into)
            self._put(gone, spectrum, rate)

    def _put(self, slot: int, spectrum: BandSpectrum, rate: float) -> None:
        self._fade(slot, rate)
        self.spectra[slot], self.weights[slot] = spectrum, rate
        self._measure(slot)

    def _fade(self, replaced: int, rate: float) -> None:
        self.weights[replaced] = 0
        self.weights *= np.float32((1 - rate) / max(float(self.weights.sum()), 1e-12))

    def _blend(self, into: int, spectrum: BandSpectrum, rate: float) -> None:
        self.weights *= np.float32(1 - rate)
        total = self.weights[into] + np.float32(rate)
        self.spectra[into] += (spectrum - self.spectra[into]) * (np.float32(rate) / total)
        self.weights[into] = total
        self._measure(into)

    def _measure(self, slot: int) -> None:
        found = distances(self.spectra[: self.count], self.spectra[slot])
        found[slot] = np.inf
        self._apart[slot, : self.count] = self._apart[: self.count, slot] = found


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What a filter is trained on besides samples: transform, label spectrum, spatial penalty (Gh, Gw)."""

    dft: Dft
    label: BandSpectrum
    ridge: Real


def problem_for(grid: tuple[int, int], size: tuple[float, float], settings: EcoSettings) -> Problem:
    """The problem of a target of ``size`` (width, height) in the middle of its search window."""
    side = patch.window_side_px(size, settings.padding)
    cells = size[1] / side * grid[0], size[0] / side * grid[1]
    sigma = settings.label_sigma * math.sqrt(cells[0] * cells[1])
    dft = Dft(grid, band=settings.band)
    penalty = spatial_penalty(grid, cells, least=settings.penalty_least, edge=settings.penalty_edge)
    return Problem(dft, dft.forward(gaussian_label(grid, (sigma, sigma))), penalty)


@dataclass(frozen=True, eq=False)
class Answer:
    """One scale's response (Gh, Gw) and sample, and its peak: (rows, columns) from the middle, height."""

    scale: float
    rows: float
    columns: float
    height: float
    response: Real
    seen: BandSpectrum


class Eco:
    """A `ModelTracker` on a file whose features are projected already; it knows no failure, like the original."""

    def __init__(self, features: Features) -> None:
        self._extract, self.spec = features, features.spec
        self._settings = settings_of(self.spec, EcoSettings)
        self._patch = np.empty((*self.spec.input_px, 3), np.uint8)
        self._window = hann_window(self.spec.grid)
        self._dft = Dft(self.spec.grid, band=self._settings.band)
        self._seen = np.empty((self._settings.scales, self.spec.channels, *self._dft.frequencies), np.complex64)
        self._filter: compact.CompactFilter | None = None

    def init(self, frame: NDArray[np.generic], box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked."""
        image, box = first_frame(frame, box)
        self._filter = None  # until all is learned
        self._shape = image.shape
        settings, grid = self._settings, self.spec.grid
        self._center, self._scale, self._size, self._frame = box.center, 1.0, box.size, 0
        self._limits = patch.scale_limits(box, image.shape)
        maps = self._maps(image, 1.0, lap)
        self._gain = compact.channel_gain(maps) * self._window
        problem = problem_for(grid, box.size, settings)
        learned = compact.CompactFilter(
            problem.dft,
            problem.label,
            ridge=problem.ridge,
            memory=settings.memory,
            first=self._dft.forward(maps * self._gain),
            iterations=settings.first_iterations,
            store=Mixture,
        )
        self._appearance = appearance_of(image, box)
        lap("update")
        self._filter = learned
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if self._filter is None:
            raise NotInitialized
        image = next_frame(frame, self._shape)
        self._frame += 1
        found = [answer for answer in self._answers(image, self._filter, lap) if math.isfinite(answer.height)]
        if not found:
            _LOG.warning("frame %d: the response is not finite; the box stays and nothing is learned", self._frame)
            return Estimate(self.box, 0.0, lost=False, psr=0.0)
        best = max(found, key=lambda answer: answer.height)
        self._move(best, image.shape)
        lap("scale")
        settings = self._settings
        self._filter.store(self._dft.shifted(best.seen, best.rows, best.columns), settings.learning_rate)
        if self._frame % settings.update_every == 0:
            self._filter.train(settings.iterations)
        lap("update")
        sharpness = psr(best.response)
        score = box_score(self._appearance, image, self.box, sharpness, self.spec.tracker)
        return Estimate(self.box, score, lost=False, psr=sharpness)

    @property
    def box(self) -> Box:
        """The present box."""
        return Box.from_center(self._center, (self._size[0] * self._scale, self._size[1] * self._scale))

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape; raises `NotInitialized` before ``init``."""
        if self._filter is None:
            raise NotInitialized
        # The network's output, those maps prepared, the spectra of all scales, and the filter's work space.
        maps = 4 * self.spec.channels * math.prod(self.spec.grid)
        buffers = self._patch.nbytes + 2 * maps + self._seen.nbytes + self._seen[0].nbytes
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, self._filter.state_bytes, buffers)

    def _maps(self, image: Frame, scale: float, lap: Lap) -> Real:
        side = patch.window_side_px(self._size, self._settings.padding) * scale
        window = patch.cut(image, self._center, side, out=self._patch)
        lap("patch")
        features = self._extract(window)
        lap("features")
        return np.asarray(features - features.mean((-2, -1), keepdims=True))

    def _answers(self, image: Frame, learned: compact.CompactFilter, lap: Lap) -> Iterator[Answer]:
        """What each scale's window answers."""
        settings, (low, high) = self._settings, self._limits
        for index, seen in enumerate(self._seen):
            step = index - len(self._seen) // 2
            scale = min(max(self._scale * settings.scale_step**step, low), high)
            self._dft.forward(self._maps(image, scale, lap) * self._gain, out=seen)
            lap("transform")
            response = learned.respond(seen, self._dft)
            rows, columns, height = newton_peak(response, settings.newton_steps)
            lap("response")
            yield Answer(scale, rows, columns, height * settings.scale_penalty ** abs(step), response, seen)

    def _move(self, found: Answer, frame_shape: tuple[int, ...]) -> None:
        self._scale = found.scale
        cell = patch.window_side_px(self._size, self._settings.padding) * found.scale / self.spec.grid[0]
        x, y = self._center[0] + found.columns * cell, self._center[1] + found.rows * cell
        self._center = patch.limit_center((x, y), frame_shape)
