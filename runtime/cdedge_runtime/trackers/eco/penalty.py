"""The spatial penalty of SRDCF and ECO: weak on the target, strong on the background (Danelljan et al. 2015, 2017)."""

from __future__ import annotations

import numpy as np

from cdedge_runtime.filter.fourier import Real

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
