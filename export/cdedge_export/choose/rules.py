"""How channels are chosen, as values. Loads no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Search = Literal["e4", "reduced", "ncc", "none"]

AUTO_SHARES = (0.25, 0.3, 0.35, 0.4)  # fewer lose accuracy, more gain none
COMPONENT_SHARES = (0.7, 0.8, 0.9)  # of few channels that are none like another; the paper keeps 55 of ECO's 80


@dataclass(frozen=True)
class DistillOptions:
    """How channels are chosen.

    rank: order of channels, one of `distill.ORDERS`. search: objective of the swap search, or ``none``.
    channels: ``auto`` (of the shares ``auto``, the fewest that find the target in frame 2 as surely as the best of
    these, to 2 %), a number (joint over layers), a share of each layer (0 < share <= 1), or ``paper`` (shares of
    section IV-D).
    multiple: shares and ``auto`` are rounded to so many channels of a layer, at least one time.
    """

    rank: str = "diverse"
    search: Search = "none"
    channels: str = "auto"
    seed: int = 0
    multiple: int = 1
    regularization: float = 1e-4
    auto: tuple[float, ...] = AUTO_SHARES


KEEP_ALL = DistillOptions(search="none", channels="1.0")
