"""The score: how probable it is that the box is right, IoU above .3, by a small logistic model.

The response alone does not tell: a filter that has drifted answers its new background sharply. The look of the first
frame's target does not drift, so the model joins the two. `benchmarks/score.py` fits the coefficients and says on
what; docs/score.md says how good they are on the other half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdedge_runtime.box import Box
from cdedge_runtime.patch import Image

from .appearance import Appearance, Likeness

RIGHT_IOU = 0.3


@dataclass(frozen=True)
class Calibration:
    """Coefficients of the log odds: of the response's log PSR and of the box's likeness."""

    bias: float
    psr: float
    colour: float
    contrast: float
    pattern: float


# Per kind of tracker, because the level of a PSR depends on features and grid.
CALIBRATIONS = {
    "deepcd": Calibration(bias=-10.04, psr=0.96, colour=5.28, contrast=8.58, pattern=2.54),
    "deepcd+deep": Calibration(bias=-10.04, psr=0.96, colour=5.28, contrast=8.58, pattern=2.54),
    "cf2": Calibration(bias=-10.04, psr=0.96, colour=5.28, contrast=8.58, pattern=2.54),
    "cacf": Calibration(bias=-10.04, psr=0.96, colour=5.28, contrast=8.58, pattern=2.54),
    "eco": Calibration(bias=-10.04, psr=0.96, colour=5.28, contrast=8.58, pattern=2.54),
}


def probability(psr: float, like: Likeness, calibration: Calibration) -> float:
    """The probability in 0..1 that the box is right; a PSR below 1 counts as 1."""
    c = calibration
    odds = c.bias + c.psr * math.log(max(psr, 1.0))
    odds += c.colour * like.colour + c.contrast * like.contrast + c.pattern * like.pattern
    return logistic(odds)


def appearance_of(image: Image, box: Box) -> Appearance:
    """The look of a box in a frame, for `box_score` to compare with."""
    return Appearance(image, box.center, (box.height, box.width))


def box_score(appearance: Appearance, image: Image, box: Box, psr: float, tracker: str) -> float:
    """The score of a box in a frame, found at a response of this PSR by the tracker of this name."""
    return probability(psr, appearance.likeness(image, box.center, (box.height, box.width)), CALIBRATIONS[tracker])


def logistic(odds: float) -> float:
    """1 / (1 + exp(-odds)), without overflow."""
    return 0.5 * (1 + math.tanh(odds / 2))
