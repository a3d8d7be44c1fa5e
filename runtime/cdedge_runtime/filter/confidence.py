"""How sharply a response peaks: PSR (Bolme et al. 2010)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


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
