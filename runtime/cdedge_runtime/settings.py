"""The correlation filter's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """Settings of one tracker; every length is relative to the target, so they hold for any target size.

    padding: side of the square search window over sqrt(target area).
    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    regularization: lambda of Eq. 2 over the mean energy of the features' spectrum.
    learning_rate: weight of a new frame in the running model.
    scale: how the target's size is followed.
    scale_step: ratio between neighbouring scales.
    """

    padding: float = 4.0
    label_sigma: float = 0.1
    regularization: float = 1e-4
    learning_rate: float = 0.01
    scale: Literal["none", "pyramid", "dsst"] = "pyramid"
    scale_step: float = 1.02
