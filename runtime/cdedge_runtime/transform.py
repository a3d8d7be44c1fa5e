"""Two-dimensional DFTs of small maps as matrix products.

A grid of a few dozen cells is too small for the FFT to pay: the products run in BLAS, stay in single precision on
every numpy, and take zero-padded input or give cropped output for less, not more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


class Dft:
    """Half-spectrum DFT of (..., h, w) maps, zero-padded at the end to (Gh, Gw), and its inverse cropped to (h, w).

    The same numbers as ``numpy.fft.rfft2(maps, (Gh, Gw))`` and ``irfft2(..)[..., :h, :w]``, in complex64.
    """

    def __init__(self, grid: tuple[int, int], shape: tuple[int, int] | None = None) -> None:
        self.grid, self.shape = grid, shape or grid
        self.half = grid[1] // 2 + 1
        rows, columns = self.shape
        across = np.exp(-2j * np.pi * np.outer(np.arange(columns), np.arange(self.half)) / grid[1])
        down = np.exp(-2j * np.pi * np.outer(np.arange(grid[0]), np.arange(rows)) / grid[0])
        weight = np.full(self.half, 2.0)
        weight[0] = 1.0
        weight[grid[1] // 2 :] = 2.0 if grid[1] % 2 else 1.0
        back = (across.conj() * weight / grid[1]).T
        # Real maps need only real products along the rows: real and imaginary parts lie side by side.
        self._across = np.ascontiguousarray(across.astype(np.complex64)).view(np.float32)
        self._back = np.stack([back.real, -back.imag], 1).reshape(2 * self.half, columns).astype(np.float32)
        self._down = down.astype(np.complex64)
        self._up = np.ascontiguousarray(down.conj().T / grid[0]).astype(np.complex64)

    def forward(self, maps: Real) -> Spectrum:
        """(..., h, w) float32 to (..., Gh, Gw // 2 + 1) complex64."""
        rows, columns = self.shape
        lines = (np.ascontiguousarray(maps).reshape(-1, columns) @ self._across).view(np.complex64)
        return np.asarray(np.matmul(self._down, lines.reshape(*maps.shape[:-2], rows, self.half)))

    def inverse(self, spectrum: Spectrum) -> Real:
        """(..., Gh, Gw // 2 + 1) complex64 to (..., h, w) float32."""
        lines = np.matmul(self._up, spectrum).reshape(-1, self.half).view(np.float32)
        return np.asarray((lines @ self._back).reshape(*spectrum.shape[:-2], *self.shape))
