"""Memories of weighted samples: what a filter is trained on."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .dft import Real, Spectrum

_LOW = 4  # frequencies up to this one are enough to tell how alike two samples are


class Store(Protocol):
    """Weighted samples: spectra (n, C, rows, columns), of which the first ``count`` are in use; weights (n,)."""

    spectra: Spectrum
    weights: Real
    count: int

    def add(self, spectrum: Spectrum, rate: float) -> None:
        """Store a sample with weight ``rate``; the others fade by 1 - rate."""


class Memory:
    """Weighted spectra (n, C, rows, columns); when full, the lightest is merged into the one most like it.

    The first frame's sample is never merged. Weights sum to 1.
    """

    def __init__(self, size: int, first: Spectrum) -> None:
        self.spectra: Spectrum = np.zeros((size, *first.shape), np.complex64)
        self.weights: Real = np.zeros(size, np.float32)
        self.spectra[0], self.weights[0], self.count = first, 1.0, 1

    def add(self, spectrum: Spectrum, rate: float) -> None:
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


def distances(spectra: Spectrum, spectrum: Spectrum) -> Real:
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
