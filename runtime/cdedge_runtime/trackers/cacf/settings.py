"""CACF's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdedge_runtime.record import check_record, within


@dataclass(frozen=True)
class CacfSettings:
    """Context-aware filter (Mueller et al. 2017) as in its released DCF_CA.

    padding: side of the search window over the target's, per axis.
    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    ridge, context: the paper's lambda 1 and lambda 2. learning_rate: weight of one frame's filter.
    form: ``independent``, a filter per channel as released; ``joint``, the minimiser over all channels.
    half_from_px: targets of at least this sqrt(area) are tracked at half resolution.
    peak, scale: as in `Cf2Settings`; the released code has neither sub-pixel steps nor scales.
    """

    padding: float = within(3.0, 1, 20)
    label_sigma: float = within(0.1, 0.005, 2)
    ridge: float = within(1e-4, 1e-9, 1e6)
    context: float = within(25.0, 0, 1e6)
    learning_rate: float = within(0.015, 0, 1)
    form: Literal["independent", "joint"] = "independent"
    half_from_px: float = within(100.0, 1, 1e6)
    peak: Literal["cell", "subcell"] = "cell"
    scale: Literal["none", "dsst"] = "none"

    def __post_init__(self) -> None:
        check_record(self)
