"""The discriminative correlation filter: label, window, training, response, peak, PSR. Pure functions on arrays.

Spectra are unnormalised ``rfft2`` half spectra, complex64. A filter is stored as ``g = conj(h)``, so the response
to features ``f`` is ``irfft2(sum_l F_l * g_l)`` (Eq. 8) and peaks at index (0, 0) when the target is centred.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]
HalfSpectrum = NDArray[np.complex64]


def gaussian_label(grid: tuple[int, int], sigma: tuple[float, float]) -> Real:
    """Gaussian of standard deviation ``sigma`` (cells, per axis) with its peak 1 at (0, 0), wrapped; (Gh, Gw)."""
    rows, columns = (np.fft.fftfreq(n) * n / s for n, s in zip(grid, sigma, strict=True))
    return np.exp(-0.5 * (rows[:, None] ** 2 + columns[None, :] ** 2)).astype(np.float32)


def hann_sides(grid: tuple[int, int], *, zero_ends: bool = False) -> tuple[Real, Real]:
    """The factors (Gh,) and (Gw,) of a Hann window; without zero ends as in ECO, or with them as in CF2 and CACF."""
    rows, columns = ((np.hanning(n) if zero_ends else np.hanning(n + 2)[1:-1]).astype(np.float32) for n in grid)
    return rows, columns


def hann_window(grid: tuple[int, int], *, zero_ends: bool = False) -> Real:
    """Separable Hann window, (Gh, Gw), of `hann_sides`."""
    return np.asarray(np.outer(*hann_sides(grid, zero_ends=zero_ends)))


def spectrum(maps: Real) -> HalfSpectrum:
    """Half spectrum of (..., Gh, Gw) maps: (..., Gh, Gw // 2 + 1) complex64 (numpy 1 would return complex128)."""
    return np.fft.rfft2(maps).astype(np.complex64, copy=False)


def inverse(half: HalfSpectrum, grid: tuple[int, int]) -> Real:
    """The real maps of half spectra."""
    return np.fft.irfft2(half, s=grid).astype(np.float32, copy=False)


def half_weights(grid: tuple[int, int]) -> Real:
    """How often each column of a half spectrum stands in the full one: 2, but 1 for DC and an even width's Nyquist."""
    weights = np.full(grid[1] // 2 + 1, 2.0, np.float32)
    weights[0] = 1.0
    if grid[1] % 2 == 0:
        weights[-1] = 1.0
    return weights


def solve(
    samples: HalfSpectrum | NDArray[np.complex128],
    labels: HalfSpectrum,
    regularization: float,
    weights: Real | None = None,
) -> HalfSpectrum:
    """The exact minimiser of Eq. 5 over n weighted samples, in its dual form (Eq. 7 in n x n systems).

    Per frequency ``g = F^H (F F^H + lambda W^-1)^-1 y`` with F the (n, c) matrix of samples; identical to the c x c
    form ``(F^H W F + lambda I)^-1 F^H W y``, whose memory would grow with c squared.

    samples (n, c, Gh, Gwh), labels (Gh, Gwh) or (n, Gh, Gwh), weights (n,) positive, 1 each when absent. The Gram
    matrix has the samples' precision: give complex128 where the regularization is below 1e-6 of their energy.
    Returns g (c, Gh, Gwh) complex64.
    """
    count = samples.shape[0]
    ridge = np.full(count, regularization) if weights is None else regularization / np.asarray(weights, np.float64)
    gram = np.einsum("ichw,jchw->hwij", samples, samples.conj(), optimize=True).astype(np.complex128)
    gram += np.diag(ridge)
    target = np.broadcast_to(labels, (count, *samples.shape[2:])).transpose(1, 2, 0)[..., None]
    dual = np.linalg.solve(gram, target)[..., 0]
    return np.asarray(np.einsum("ichw,hwi->chw", samples.conj(), dual, optimize=True), np.complex64)


def respond(features: HalfSpectrum, g: HalfSpectrum, grid: tuple[int, int]) -> Real:
    """Response map (Gh, Gw) of Eq. 8 for features and filter of shape (c, Gh, Gwh)."""
    return inverse(np.einsum("chw,chw->hw", features, g, optimize=False), grid)


def peak(response: Real) -> tuple[float, float, float]:
    """Sub-cell maximum of a wrapped response: (row, column) displacement from (0, 0) and the height at the cell.

    A parabola through the maximum and its wrapped neighbours, per axis.
    """
    height, width = response.shape
    row, column = divmod(int(response.argmax()), width)
    top = float(response[row, column])
    dr = _vertex(response[row - 1, column], top, response[(row + 1) % height, column])
    dc = _vertex(response[row, column - 1], top, response[row, (column + 1) % width])
    return wrapped(row + dr, height), wrapped(column + dc, width), top


def peak_cell(response: Real) -> tuple[float, float]:
    """The maximum's cell in a wrapped response, as (row, column) displacement from (0, 0)."""
    row, column = divmod(int(response.argmax()), response.shape[1])
    return wrapped(row, response.shape[0]), wrapped(column, response.shape[1])


def _vertex(before: float, top: float, after: float) -> float:
    """Vertex of the parabola through (-1, before), (0, top), (1, after); 0 on a plateau."""
    curvature = 2 * top - before - after
    return 0.5 * float(after - before) / float(curvature) if curvature > 1e-12 else 0.0


def wrapped(shift: float, period: int) -> float:
    """A shift on a periodic axis as the equal one in [-period / 2, period / 2)."""
    return (shift + period / 2) % period - period / 2


def psr(response: NDArray[np.float32], exclude: int = 11) -> float:
    """Peak-to-sidelobe ratio: (peak - mean) / std of the cells outside an ``exclude`` x ``exclude`` block.

    The block wraps and never covers more than half of a side, so that small grids keep a sidelobe.
    """
    row, column = divmod(int(response.argmax()), response.shape[1])
    below = response.astype(np.float64)
    below -= below[row, column]  # sums of squares around the peak keep their digits, and a constant gives exactly 0
    block = below
    for axis, at in enumerate((row, column)):
        reach = min(exclude // 2, response.shape[axis] // 4)
        block = block.take(range(at - reach, at + reach + 1), axis=axis, mode="wrap")
    cells = below.size - block.size
    mean = float(below.sum() - block.sum()) / cells
    spread = math.sqrt(max(float(np.vdot(below, below) - np.vdot(block, block)) / cells - mean * mean, 0.0))
    return -mean / spread if spread > 1e-12 else 0.0
