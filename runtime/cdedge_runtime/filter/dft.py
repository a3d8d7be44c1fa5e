"""Two-dimensional DFTs of small maps as real matrix products.

A grid of a few dozen cells is too small for the FFT to pay: the products run in BLAS, stay in single precision on
every numpy, take zero-padded input or give cropped output for less, not more, apply a window and leave out frequencies
for free. Complex products are slow in BLAS; here the rows go through cosines and sines, and the frequencies k and -k
are their sum and their difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .shapes import highest_frequencies

Real = NDArray[np.float32]
BandSpectrum = NDArray[np.complex64]
Sides = tuple[Real, Real]


class Dft:
    """Low-frequency DFT of (..., h, w) maps, zero-padded at the end to (Gh, Gw), and its inverse cropped to (h, w).

    Keeps the vertical frequencies 0..b, then -1..-b, and the horizontal ones 0..b, where b is ``band`` times the
    highest one below Nyquist. For an odd grid and band 1 the rows hold ``numpy.fft.rfft2``'s 0, 1.., -1, -2...
    ``window``: factors (h,) and (w,) that ``forward`` applies to the maps' rows and columns first.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        shape: tuple[int, int] | None = None,
        *,
        band: float = 1.0,
        window: Sides | None = None,
    ) -> None:
        self.grid, self.shape = grid, shape or grid
        down_to, across_to = highest_frequencies(grid, band)
        self.frequencies = (2 * down_to + 1, across_to + 1)
        self._half = down_to + 1
        down = 2 * np.pi * np.outer(np.arange(self._half), np.arange(self.shape[0])) / grid[0]
        across = np.exp(-2j * np.pi * np.outer(np.arange(self.shape[1]), np.arange(across_to + 1)) / grid[1])
        waves = np.concatenate([np.cos(down), np.sin(down[1:])])
        back = across.conj() * np.where(np.arange(across_to + 1) == 0, 1, 2)
        rows, columns = window or (np.ones(self.shape[0]), np.ones(self.shape[1]))
        self._rows = (waves * rows).astype(np.float32)
        self._even, self._odd = _pairs(across * columns[:, None]), _pairs(-1j * across * columns[:, None])
        self._back_rows = (waves.T / (grid[0] * grid[1])).astype(np.float32)
        # The real part of a product with z takes Re z for the real part of the spectrum, -Im z for its imaginary one.
        self._back_even, self._back_odd = _pairs(back.conj()).T.copy(), _pairs((1j * back).conj()).T.copy()
        self._kept: dict[tuple[int, ...], tuple[Real, Real]] = {}

    def forward(self, maps: Real, out: BandSpectrum | None = None) -> BandSpectrum:
        """(..., h, w) float32 to (..., 2 b + 1, b + 1) complex64, in ``out`` if given."""
        half, leading = self._half, maps.shape[:-2]
        found = np.empty((*leading, *self.frequencies), np.complex64) if out is None else out
        pairs = found.view(np.float32)
        lines, sines = self._scratch(leading)
        np.matmul(self._rows, maps, out=lines)
        np.matmul(lines[..., :half, :], self._even, out=pairs[..., :half, :])
        np.matmul(lines[..., half:, :], self._odd, out=sines)
        cosines = pairs[..., 1:half, :]
        np.subtract(cosines, sines, out=pairs[..., half:, :])
        cosines += sines
        return found

    def inverse(self, spectrum: BandSpectrum) -> Real:
        """(..., 2 b + 1, b + 1) complex64 to (..., h, w) float32, without the window."""
        half, leading = self._half, spectrum.shape[:-2]
        pairs = spectrum.view(np.float32)
        lines, sums = self._scratch(leading)
        positive, negative = pairs[..., 1:half, :], pairs[..., half:, :]
        np.matmul(pairs[..., :1, :], self._back_even, out=lines[..., :1, :])
        np.matmul(np.add(positive, negative, out=sums), self._back_even, out=lines[..., 1:half, :])
        np.matmul(np.subtract(positive, negative, out=sums), self._back_odd, out=lines[..., half:, :])
        return np.asarray(np.matmul(self._back_rows, lines))

    def shifted(
        self, spectrum: BandSpectrum, rows: float, columns: float, out: BandSpectrum | None = None
    ) -> BandSpectrum:
        """Spectrum of the maps moved up by ``rows`` and left by ``columns``, whole cells or not, around the border."""
        waves = np.concatenate([np.arange(self._half), -np.arange(1, self._half)])
        down = np.exp(2j * np.pi * rows / self.grid[0] * waves)
        across = np.exp(2j * np.pi * columns / self.grid[1] * np.arange(self.frequencies[1]))
        return np.multiply(spectrum, np.outer(down, across).astype(np.complex64), out=out)

    def _scratch(self, leading: tuple[int, ...]) -> tuple[Real, Real]:
        """Work space for ``leading`` maps, kept: fresh memory of this size costs page faults in every frame."""
        if leading not in self._kept:
            rows, columns = self.frequencies
            lines = np.empty((*leading, rows, self.shape[1]), np.float32)
            self._kept[leading] = lines, np.empty((*leading, rows - self._half, 2 * columns), np.float32)
        return self._kept[leading]


def _pairs(matrix: NDArray[np.complex128]) -> Real:
    """(h, n) complex as (h, 2 n) float32, real and imaginary parts side by side."""
    return np.ascontiguousarray(matrix.astype(np.complex64)).view(np.float32)
