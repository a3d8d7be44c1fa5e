"""An order of channels in which each is good and unlike those before it (Carbonell and Goldstein 1998)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.dft import Real
from cdedge_runtime.filter.fourier import hann_window

Scores = NDArray[np.float64]

_WEIGHT = 3.0  # standard deviations of the score that likeness 1 to all chosen channels costs


def likeness(maps: Real) -> Real:
    """Squared cosine between each two of the prepared maps (d, Gh, Gw) seen through the Hann window; (d, d)."""
    return squared_cosines((maps * hann_window(maps.shape[-2:])).reshape(len(maps), -1))


def squared_cosines(rows: Real) -> Real:
    """Squared cosine between each two of (d, n) rows; (d, d)."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(np.square(unit @ unit.T), np.float32)


def diverse_order(scores: Scores, alike: Real) -> list[int]:
    """All channels: next comes the one with the highest score, less its mean likeness to those already taken."""
    standard = (scores - scores.mean()) / max(float(scores.std()), 1e-12)
    total, order = np.zeros(len(scores)), list[int]()
    free = np.ones(len(scores), bool)
    for taken in range(len(scores)):
        value = standard - _WEIGHT * total / max(taken, 1)
        best = int(np.where(free, value, -np.inf).argmax())
        free[best] = False
        total += alike[best]
        order.append(best)
    return order
