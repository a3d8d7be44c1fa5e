"""A correlation filter that covers the target and little else, trained on a small memory of whole search windows.

    min_h  sum_t w_t || sum_l x_tl * h_l - y ||^2 + || ridge^1/2 h ||^2        (* circular correlation)

h (C, h, w) is zero outside its support, so the rest of the window is seen as background, at every shift (Galoogahi et
al. 2017). The ridge may vary over the support's cells instead (Danelljan et al. 2015). Conjugate gradients solve it in
the filter's own cells, warm from update to update, on a weighted sample memory (Danelljan et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .dft import BandSpectrum, Dft, Real

_HUGE = 1e30  # a step length beyond this is none
_LOW = 4  # frequencies up to this one are enough to tell how alike two samples are


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


class Store(Protocol):
    """Weighted samples: spectra (n, C, rows, columns), of which the first ``count`` are in use; weights (n,)."""

    spectra: BandSpectrum
    weights: Real
    count: int

    def add(self, spectrum: BandSpectrum, rate: float) -> None:
        """Store a sample with weight ``rate``; the others fade by 1 - rate."""


class SampleMemory:
    """Weighted spectra (n, C, rows, columns); when full, the lightest is merged into the one most like it.

    The first frame's sample is never merged. Weights sum to 1.
    """

    def __init__(self, size: int, first: BandSpectrum) -> None:
        self.spectra: BandSpectrum = np.zeros((size, *first.shape), np.complex64)
        self.weights: Real = np.zeros(size, np.float32)
        self.spectra[0], self.weights[0], self.count = first, 1.0, 1

    def add(self, spectrum: BandSpectrum, rate: float) -> None:
        """Store a sample with weight ``rate``; the others fade by 1 - rate."""
        if self.count < len(self.weights):
            slot = self.count
            self.count += 1
        else:
            slot = self._free_slot()
        self.weights *= np.float32(1 - rate)
        self.spectra[slot], self.weights[slot] = spectrum, rate

    def _free_slot(self) -> int:
        gone = int(self.weights[1:].argmin()) + 1 if self.count > 1 else 0
        if self.count > 2:
            others = distances(self.spectra[: self.count], self.spectra[gone])
            others[[0, gone]] = np.inf
            merge(self, gone, into=int(others.argmin()))
        return gone


class FilterSettings(Protocol):
    """What the settings of a tracker on this filter have."""

    @property
    def band(self) -> float:
        """Share of the grid's frequencies that are used."""

    @property
    def ridge(self) -> float:
        """Weight of the filter's norm."""

    @property
    def memory(self) -> int:
        """Number of stored samples."""

    @property
    def first_iterations(self) -> int:
        """Conjugate-gradient steps in the first frame."""


@dataclass(frozen=True)
class Problem:
    """What a filter is trained on besides samples: its transform, the label's spectrum, its settings."""

    dft: Dft
    label: BandSpectrum
    settings: FilterSettings

    def trained(self, first: BandSpectrum, *, memory: int | None = None) -> CompactFilter:
        """The filter that the first sample (C, rows, columns) alone makes, with room for the settings' samples."""
        settings = self.settings
        return CompactFilter(
            self.dft,
            self.label,
            ridge=settings.ridge,
            memory=settings.memory if memory is None else memory,
            first=first,
            iterations=settings.first_iterations,
        )


def problem_on(grid: tuple[int, int], support: tuple[int, int], sigma: float, settings: FilterSettings) -> Problem:
    """The problem of a filter of ``support`` cells on ``grid``, for a Gaussian label of ``sigma`` cells."""
    label = Dft(grid, band=settings.band).forward(label_for(grid, support, sigma))
    return Problem(Dft(grid, support, band=settings.band), label, settings)


class CompactFilter:
    """The filter, its memory, and the work space that training reuses."""

    def __init__(
        self,
        dft: Dft,
        label: BandSpectrum,
        *,
        ridge: float | Real,
        memory: int,
        first: BandSpectrum,
        iterations: int,
        store: Callable[[int, BandSpectrum], Store] = SampleMemory,
    ) -> None:
        self._dft, self._ridge = dft, np.asarray(ridge, np.float32)
        self._label: BandSpectrum = label.conj()
        self._work, self._spectrum = np.empty_like(first), np.empty_like(first)
        self.memory = store(memory, first)
        self.weights: Real = np.zeros((len(first), *dft.shape), np.float32)
        self._conjugate: BandSpectrum = np.zeros_like(first)
        self.train(iterations)

    def respond(self, spectrum: BandSpectrum, window: Dft) -> Real:
        """Response map (Gh, Gw) to a window's spectrum (C, rows, columns)."""
        return window.inverse(np.multiply(spectrum, self._conjugate, out=self._work).sum(0))

    def learn(self, spectrum: BandSpectrum, rate: float, iterations: int) -> None:
        """Take in a sample with weight ``rate`` and improve the filter by some iterations."""
        self.store(spectrum, rate)
        self.train(iterations)

    def store(self, spectrum: BandSpectrum, rate: float) -> None:
        """Take in a sample with weight ``rate``, unless it would break the filter."""
        with np.errstate(over="ignore", invalid="ignore"):
            energy = np.vdot(spectrum, spectrum)
        if np.isfinite(energy):
            self.memory.add(spectrum, rate)
        else:
            _warn("a sample is not finite: it is left out")

    @property
    def state_bytes(self) -> int:
        """Bytes of the filter, its spectrum and the sample memory."""
        return int(self.weights.nbytes + self._conjugate.nbytes + self.memory.spectra.nbytes)

    def train(self, iterations: int) -> None:
        """Improve the filter by some iterations on the samples as they are."""
        with np.errstate(over="ignore", invalid="ignore"):  # conjugate_gradients looks out for it
            self.weights = conjugate_gradients(self._product, self._residual(), self.weights, iterations)
        np.conjugate(self._dft.forward(self.weights, out=self._conjugate), out=self._conjugate)

    def _samples(self) -> Iterator[tuple[BandSpectrum, np.float32]]:
        return zip(self.memory.spectra[: self.memory.count], self.memory.weights, strict=False)

    def _residual(self) -> Real:
        """What the filter as it is leaves of the right-hand side, the samples' correlation with the label."""
        missing = [(self._label - answer) * w for answer, w in self._answers(self._conjugate)]
        residual = self._dft.inverse(self._summed(missing))
        residual -= self._ridge * self.weights
        return residual

    def _product(self, h: Real) -> Real:
        """The normal matrix times h: crop(IDFT(sum_t w_t X_t conj(sum_l X_tl conj(H_l)))) + ridge h."""
        spectrum = self._dft.forward(h, out=self._spectrum)
        answers = [answer * w for answer, w in self._answers(np.conjugate(spectrum, out=spectrum))]
        product = self._dft.inverse(self._summed(answers))
        product += self._ridge * h
        return product

    def _answers(self, conjugate: BandSpectrum) -> Iterator[tuple[BandSpectrum, np.float32]]:
        """Of each sample what a filter of this spectrum, conjugate, answers, conjugate, and its weight."""
        for sample, weight in self._samples():
            yield np.multiply(sample, conjugate, out=self._work).sum(0).conj(), weight

    def _summed(self, responses: Iterable[BandSpectrum]) -> BandSpectrum:
        """The samples times their responses, summed; it holds until the next product."""
        total = self._spectrum
        total[:] = 0
        for (sample, _), response in zip(self._samples(), responses, strict=True):
            total += np.multiply(sample, response, out=self._work)
        return total


def distances(spectra: BandSpectrum, spectrum: BandSpectrum) -> Real:
    """How unlike (n, C, rows, columns) spectra are to one of (C, rows, columns), by their low frequencies; (n,)."""
    half = spectrum.shape[1] // 2
    rows = [k for k in range(spectrum.shape[1]) if k <= _LOW or half < k <= half + _LOW]
    low, of_one = spectra[:, :, rows, : _LOW + 1], spectrum[:, rows, : _LOW + 1]
    return np.asarray(np.square(np.abs(low - of_one)).sum((1, 2, 3)))


def merge(memory: Store, gone: int, *, into: int) -> None:
    """Put one sample's weight on another, which becomes their weighted mean."""
    kept, lost = memory.weights[into], memory.weights[gone]
    memory.spectra[into] *= kept / (kept + lost)
    memory.spectra[gone] *= lost / (kept + lost)
    memory.spectra[into] += memory.spectra[gone]
    memory.weights[into] = kept + lost
    memory.weights[gone] = 0


def conjugate_gradients(product: Callable[[Real], Real], residual: Real, start: Real, iterations: int) -> Real:
    """Solve ``product(h) = wanted`` for a positive definite product, from ``start`` (Hestenes and Stiefel 1952).

    residual: ``wanted - product(start)``.

    Stops early where the residual is zero. Where the product is not positive or a number not finite (lost precision),
    it says so and the last good iterate is returned.
    """
    h, residual = start, residual.copy()
    direction, energy = residual.copy(), float(np.vdot(residual, residual))
    for _ in range(iterations):
        if energy == 0:
            break
        image = product(direction)
        curvature = float(np.vdot(direction, image))
        if not curvature > 0 or not energy / curvature < _HUGE:
            _warn(f"conjugate gradients broke down (curvature {curvature:g}): the last good filter stays")
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


def _warn(text: str) -> None:
    import logging  # .4 MB, which a tracker without trouble does not need

    logging.getLogger(__name__).warning(text)
