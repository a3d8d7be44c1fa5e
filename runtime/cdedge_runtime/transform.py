"""Two-dimensional DFTs of small maps as matrix products.

A grid of a few dozen cells is too small for the FFT to pay: the products run in BLAS, stay in single precision on
every numpy, take zero-padded input or give cropped output for less, not more, and leave out frequencies for free.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


class Dft:
    """Low-frequency DFT of (..., h, w) maps, zero-padded at the end to (Gh, Gw), and its inverse cropped to (h, w).

    Keeps the vertical frequencies -b..b and the horizontal ones 0..b, where b is ``band`` times the highest one below
    Nyquist. For an odd grid and band 1 these are the numbers of ``numpy.fft.rfft2`` with its rows in rising order.
    """

    def __init__(self, grid: tuple[int, int], shape: tuple[int, int] | None = None, *, band: float = 1.0) -> None:
        self.grid, self.shape = grid, shape or grid
        down_to, across_to = (int(band * ((n - 1) // 2)) for n in grid)
        rows, columns = np.arange(-down_to, down_to + 1), np.arange(across_to + 1)
        self.frequencies = (len(rows), len(columns))
        across = np.exp(-2j * np.pi * np.outer(np.arange(self.shape[1]), columns) / grid[1])
        down = np.exp(-2j * np.pi * np.outer(rows, np.arange(self.shape[0])) / grid[0])
        back = (across.conj() * np.where(columns == 0, 1, 2) / grid[1]).T
        # Real maps need only real products along the rows: real and imaginary parts lie side by side.
        self._across = np.ascontiguousarray(across.astype(np.complex64)).view(np.float32)
        self._back = np.stack([back.real, -back.imag], 1).reshape(2 * len(columns), -1).astype(np.float32)
        self._work: Real = np.empty((0, 0), np.float32)
        self._down = down.astype(np.complex64)
        self._up = np.ascontiguousarray(down.conj().T / grid[0]).astype(np.complex64)

    def forward(self, maps: Real, out: Spectrum | None = None) -> Spectrum:
        """(..., h, w) float32 to (..., 2 b + 1, b + 1) complex64, in ``out`` if given."""
        rows, columns = self.shape
        lines = self._scratch((maps.size // columns, self._across.shape[1]))
        np.matmul(np.ascontiguousarray(maps).reshape(-1, columns), self._across, out=lines)
        half = lines.view(np.complex64).reshape(*maps.shape[:-2], rows, -1)
        return np.asarray(np.matmul(self._down, half, out=out))

    def inverse(self, spectrum: Spectrum) -> Real:
        """(..., 2 b + 1, b + 1) complex64 to (..., h, w) float32."""
        lines = np.matmul(self._up, spectrum).reshape(-1, self.frequencies[1]).view(np.float32)
        return np.asarray((lines @ self._back).reshape(*spectrum.shape[:-2], *self.shape))

    def shifted(self, spectrum: Spectrum, rows: float, columns: float) -> Spectrum:
        """Spectrum of the maps moved up by ``rows`` and left by ``columns``, whole cells or not, around the border."""
        count = self.frequencies[0] // 2
        down = np.exp(2j * np.pi * rows / self.grid[0] * np.arange(-count, count + 1))
        across = np.exp(2j * np.pi * columns / self.grid[1] * np.arange(self.frequencies[1]))
        return np.asarray(spectrum * np.outer(down, across).astype(np.complex64))

    def _scratch(self, shape: tuple[int, int]) -> Real:
        """Work space of that shape, kept: fresh memory of this size costs page faults in every frame."""
        if self._work.shape != shape:
            self._work = np.empty(shape, np.float32)
        return self._work
