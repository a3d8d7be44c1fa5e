"""ECO's sample memory: a mixture of weighted samples in which the most alike are merged (Danelljan et al. 2017)."""

from __future__ import annotations

import numpy as np

from cdedge_runtime.filter.compact import distances, merge
from cdedge_runtime.filter.dft import BandSpectrum, Real

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
