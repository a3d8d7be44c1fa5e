"""Circular correlation filters as small dense systems in float64, for tests."""

from __future__ import annotations

import numpy as np


def circulant(kernel: np.ndarray) -> np.ndarray:
    """Matrix (m, m) of the circular convolution of an (h, w) map with ``kernel`` (h, w)."""
    shape, size = kernel.shape, kernel.size
    columns = [np.roll(kernel, np.unravel_index(i, shape), (0, 1)).ravel() for i in range(size)]
    return np.stack(columns, axis=1).astype(np.float64)


def filter_of(samples: list[np.ndarray], labels: list[np.ndarray], weights: list[float], ridge: float) -> np.ndarray:
    """Minimiser w (c, h, w) of sum_i weight_i |sum_l x_il * w_l - y_i|^2 + ridge |w|^2, samples (c, h, w)."""
    rows = [
        np.sqrt(k) * np.hstack([circulant(channel) for channel in x]) for x, k in zip(samples, weights, strict=True)
    ]
    wanted = [np.sqrt(k) * y.ravel() for y, k in zip(labels, weights, strict=True)]
    matrix, target = np.vstack(rows), np.concatenate(wanted)
    normal = matrix.T @ matrix + ridge * np.eye(matrix.shape[1])
    return np.linalg.solve(normal, matrix.T @ target).reshape(samples[0].shape)
