"""CF2's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdedge_runtime.record import check_record, within


@dataclass(frozen=True)
class Cf2Settings:
    """CF2 (Ma et al. 2015) as in its released code; lengths in cells are pixels of the frame over the window's cells.

    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    ridge: added to each layer's kernel, which is divided by the number of its elements.
    learning_rate: weight of one frame; alpha and the appearance are interpolated separately.
    peak: ``cell``, or ``subcell`` for a parabola through the neighbours, which the released code has not.
    scale: ``none``, as in the published results, or ``dsst``; only the reported box changes, never the window.
    """

    label_sigma: float = within(0.1, 0.005, 2)
    ridge: float = within(1e-4, 1e-9, 1e6)
    learning_rate: float = within(0.01, 0, 1)
    peak: Literal["cell", "subcell"] = "cell"
    scale: Literal["none", "dsst"] = "none"

    def __post_init__(self) -> None:
        check_record(self)
