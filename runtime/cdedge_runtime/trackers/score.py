"""The score: how probable it is that the box is right, IoU above .3, by a small logistic model.

The response alone does not tell: a filter that has drifted answers its new background sharply. The look of the first
frame's target does not drift, so the model joins the two. `benchmarks/score.py` fits the coefficients and says on
what; docs/studies/score.md says how good they are on the other half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cdedge_runtime.box import Box
from cdedge_runtime.patch import Image

from .appearance import Appearance, Likeness

RIGHT_IOU = 0.3


@dataclass(frozen=True)
class Calibration:
    """Coefficients of the log odds: per cue (see `cues`), and of a box head's score."""

    bias: float
    psr: float
    contrast: float
    either: float
    both: float
    head: float = 0.0


_FAST = Calibration(bias=-8.12, psr=0.69, contrast=7.55, either=4.25, both=4.21)

# Per kind of tracker, because the level of a PSR depends on features and grid. Fitted to files of one layer; the others
# borrow it, so that their scores are in order but not calibrated. A box head that is sure outweighs a changed look: its
# weight and where it counts nothing (0.7) were chosen on the tuning half, and hold on the checking half.
CALIBRATIONS = {
    "deepcd": _FAST,
    "deepcd+deep": _FAST,
    "deepcd+head": replace(_FAST, bias=_FAST.bias - 8.0 * 0.7, head=8.0),
    "cf2": _FAST,
    "cacf": _FAST,
    "eco": _FAST,
}


def cues(psr: float, like: Likeness) -> tuple[float, float, float, float]:
    """What the score goes by: log PSR (below 1 it counts as 1), contrast, and whether colour or pattern, and both, fit.

    Light changes the colours and leaves the pattern, a turn changes the pattern and leaves the colours.
    """
    pattern = max(like.pattern, 0.0)
    return math.log(max(psr, 1.0)), like.contrast, max(like.colour, pattern), like.colour * pattern


def probability(psr: float, like: Likeness, calibration: Calibration, head: float = 0.0) -> float:
    """The probability in 0..1 that the box is right; ``head``: a box head's score there."""
    c, (sharpness, contrast, either, both) = calibration, cues(psr, like)
    odds = c.bias + c.psr * sharpness + c.contrast * contrast + c.either * either + c.both * both
    return logistic(odds + c.head * head)


def appearance_of(image: Image, box: Box) -> Appearance:
    """The look of a box in a frame, for `box_score` to compare with."""
    return Appearance(image, box.center, (box.height, box.width))


def box_score(appearance: Appearance, image: Image, box: Box, psr: float, tracker: str) -> float:
    """The score of a box in a frame, found at a response of this PSR by the tracker of this name."""
    return probability(psr, appearance.likeness(image, box.center, (box.height, box.width)), CALIBRATIONS[tracker])


def logistic(odds: float) -> float:
    """1 / (1 + exp(-odds)), without overflow."""
    return 0.5 * (1 + math.tanh(odds / 2))
