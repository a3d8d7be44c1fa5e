"""HOG in the place of a network: such an exported file holds the kept channels and no weights."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.fhog import fhog

from .contract import HOG_CELL_PX, ModelSpec


class HogFeatures:
    """`estimate.Features` of a file whose backbone is ``fhog``."""

    provider = "numpy"
    threads = 1

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._kept = list(spec.taps[0].kept)

    def __call__(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Kept channels (C, H // 4, W // 4) float32 of a (H, W, 3) uint8 BGR window, grey values in 0..1."""
        grey = np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), np.float32) * np.float32(1 / 255)
        return fhog(grey, HOG_CELL_PX)[self._kept]
