"""A correlation filter that covers the target and little else, trained on a small memory of whole search windows.

    min_h  sum_t w_t || sum_l x_tl * h_l - y ||^2 + || ridge^1/2 h ||^2        (* circular correlation)

h (C, h, w) is zero outside its support, so the rest of the window is seen as background, at every shift (Galoogahi et
al. 2017). The ridge may vary over the support's cells instead (Danelljan et al. 2015). Conjugate gradients solve it in
the filter's own cells, warm from update to update, on a weighted sample memory (Danelljan et al. 2017).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .dft import Dft, Real, Spectrum
from .samples import Memory, Store

_LOG = logging.getLogger(__name__)
_HUGE = 1e30  # a step length beyond this is none


def support_cells(target_cells: tuple[float, float], factor: float, grid: tuple[int, int]) -> tuple[int, int]:
    """Filter size (rows, columns): ``factor`` times the target's, at least 3 cells, at most the grid."""
    rows, columns = (min(n, max(3, round(t * factor))) for t, n in zip(target_cells, grid, strict=True))
    return rows, columns


def label_for(grid: tuple[int, int], support: tuple[int, int], sigma: float) -> Real:
    """Gaussian label (Gh, Gw) of ``sigma`` cells, peaking at (grid - support) / 2.

    There a filter stored from its corner answers a target in the middle of the window.
    """
    axes = []
    for cells, size in zip(grid, support, strict=True):
        distance = np.arange(cells) - (cells - size) / 2
        wrapped = (distance + cells / 2) % cells - cells / 2
        axes.append(np.exp(-0.5 * (wrapped / sigma) ** 2))
    return np.asarray(np.outer(axes[0], axes[1]), np.float32)


class CompactFilter:
    """The filter, its memory, and the work space that training reuses."""

    def __init__(
        self,
        dft: Dft,
        label: Spectrum,
        *,
        ridge: float | Real,
        memory: int,
        first: Spectrum,
        iterations: int,
        store: Callable[[int, Spectrum], Store] = Memory,
    ) -> None:
        self._dft, self._ridge = dft, np.asarray(ridge, np.float32)
        self._label: Spectrum = label.conj()
        self._work, self._spectrum = np.empty_like(first), np.empty_like(first)
        self.memory = store(memory, first)
        self.weights: Real = np.zeros((len(first), *dft.shape), np.float32)
        self._conjugate: Spectrum = np.zeros_like(first)
        self.train(iterations)

    def respond(self, spectrum: Spectrum, window: Dft) -> Real:
        """Response map (Gh, Gw) to a window's spectrum (C, rows, columns)."""
        return window.inverse(np.multiply(spectrum, self._conjugate, out=self._work).sum(0))

    def learn(self, spectrum: Spectrum, rate: float, iterations: int) -> None:
        """Take in a sample with weight ``rate`` and improve the filter by some iterations."""
        self.store(spectrum, rate)
        self.train(iterations)

    def store(self, spectrum: Spectrum, rate: float) -> None:
        """Take in a sample with weight ``rate``, unless it would break the filter."""
        with np.errstate(over="ignore", invalid="ignore"):
            energy = np.vdot(spectrum, spectrum)
        if np.isfinite(energy):
            self.memory.add(spectrum, rate)
        else:
            _LOG.warning("a sample is not finite: it is left out")

    @property
    def state_bytes(self) -> int:
        """Bytes of the filter, its spectrum and the sample memory."""
        return int(self.weights.nbytes + self._conjugate.nbytes + self.memory.spectra.nbytes)

    def train(self, iterations: int) -> None:
        """Improve the filter by some iterations on the samples as they are."""
        with np.errstate(over="ignore", invalid="ignore"):  # conjugate_gradients looks out for it
            self.weights = conjugate_gradients(self._product, self._wanted(), self.weights, iterations)
        np.conjugate(self._dft.forward(self.weights, out=self._conjugate), out=self._conjugate)

    def _samples(self) -> Iterator[tuple[Spectrum, np.float32]]:
        return zip(self.memory.spectra[: self.memory.count], self.memory.weights, strict=False)

    def _wanted(self) -> Real:
        """The right-hand side: the samples' correlation with the label, cropped to the support."""
        return self._dft.inverse(self._summed(self._label * weight for _, weight in self._samples()))

    def _product(self, h: Real) -> Real:
        """The normal matrix times h: crop(IDFT(sum_t w_t X_t conj(sum_l X_tl conj(H_l)))) + ridge h."""
        spectrum = self._dft.forward(h, out=self._spectrum)
        np.conjugate(spectrum, out=spectrum)
        answers = [np.multiply(sample, spectrum, out=self._work).sum(0).conj() * w for sample, w in self._samples()]
        product = self._dft.inverse(self._summed(answers))
        product += self._ridge * h
        return product

    def _summed(self, responses: Iterable[Spectrum]) -> Spectrum:
        """The samples times their responses, summed; it holds until the next product."""
        total = self._spectrum
        total[:] = 0
        for (sample, _), response in zip(self._samples(), responses, strict=True):
            total += np.multiply(sample, response, out=self._work)
        return total


def conjugate_gradients(product: Callable[[Real], Real], wanted: Real, start: Real, iterations: int) -> Real:
    """Solve ``product(h) = wanted`` for a positive definite product, from ``start`` (Hestenes and Stiefel 1952).

    Stops early where the residual is zero. Where the product is not positive or a number not finite (lost precision),
    it says so and the last good iterate is returned.
    """
    h = start
    residual = wanted - product(h)
    direction, energy = residual.copy(), float(np.vdot(residual, residual))
    for _ in range(iterations):
        if energy == 0:
            break
        image = product(direction)
        curvature = float(np.vdot(direction, image))
        if not curvature > 0 or not energy / curvature < _HUGE:
            _LOG.warning("conjugate gradients broke down (curvature %g): the last good filter stays", curvature)
            break
        step = np.float32(energy / curvature)
        h = h + step * direction
        residual -= step * image
        previous, energy = energy, float(np.vdot(residual, residual))
        direction = residual + np.float32(energy / previous) * direction
    return h


def prepared(features: NDArray[np.float32], power: float, out: Real | None = None) -> Real:
    """Features (C, Gh, Gw) raised to ``power``, each keeping its sign, and freed of each channel's mean."""
    maps = _raised(features, power, out)
    cells = maps.shape[-2] * maps.shape[-1]
    means = maps.reshape(*maps.shape[:-2], cells) @ np.full(cells, 1 / cells, np.float32)  # in BLAS: a mean is slower
    maps -= means[..., None, None]
    return np.asarray(maps, np.float32)


def _raised(features: NDArray[np.float32], power: float, out: Real | None) -> Real:
    """sign(x) |x|^power; most features are behind a ReLU and need no signs."""
    signed = power != 1 and float(features.min()) < 0
    sizes = np.abs(features) if signed else features
    target = None if signed else out
    maps = np.sqrt(sizes, out=target) if power == 0.5 else np.power(sizes, np.float32(power), out=target)
    return np.copysign(maps, features, out=out) if signed else maps


def channel_gain(maps: Real) -> Real:
    """Factors (C, 1, 1) that make every channel equally strong, their mean squares summing to 1.

    Nearly dead channels are raised by at most 20 times the average channel's factor, so that noise stays noise.
    """
    spread = maps.std((-2, -1))
    gain = 1 / np.maximum(spread, 0.05 * spread.mean() + 1e-9)
    total = float(np.square(maps * gain[:, None, None]).mean()) * len(gain)
    return np.asarray((gain / np.sqrt(max(total, 1e-12)))[:, None, None], np.float32)
