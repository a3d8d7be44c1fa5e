"""The maximum of a band-limited response between its cells, by Newton's method (Danelljan et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.fourier import Real, half_weights, wrapped

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
