"""How sharply a response peaks: PSR (Bolme et al. 2010)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def psr(response: NDArray[np.float32], exclude: int = 11) -> float:
    """Peak-to-sidelobe ratio: (peak - mean) / std of the cells outside an ``exclude`` x ``exclude`` block.

    The block wraps and never covers more than half of a side, so that small grids keep a sidelobe.
    """
    height, width = response.shape
    row, column = divmod(int(response.argmax()), width)
    centred = np.roll(response, (height // 2 - row, width // 2 - column), axis=(0, 1))
    reach_r, reach_c = (min(exclude // 2, n // 4) for n in (height, width))
    outside = np.ones(response.shape, bool)
    outside[height // 2 - reach_r : height // 2 + reach_r + 1, width // 2 - reach_c : width // 2 + reach_c + 1] = False
    sidelobe = centred[outside]
    spread = float(sidelobe.std())
    return float(response[row, column] - sidelobe.mean()) / spread if spread > 1e-12 else 0.0
