"""The score: how probable it is that the box is right, IoU above .3, by a small logistic model.

The response alone does not tell: a filter that has drifted answers its new background sharply. The look of the first
frame's target does not drift, so the model joins the two. `benchmarks/score.py` fits the coefficients and says on
what; docs/studies/score.md says how good they are on the other half.
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
    """Coefficients of the log odds: per cue (see `cues`), and of a box head's own log odds."""

    bias: float
    psr: float
    contrast: float
    either: float
    both: float
    head: float = 0.0


_FAST = Calibration(bias=-8.12, psr=0.69, contrast=7.55, either=4.25, both=4.21)

# Fitted to `cdedge_deep`; NanoTrack's backbone, which it has not seen, is better calibrated with it than with `_FAST`.
_DEEP = Calibration(bias=-11.34, psr=1.54, contrast=8.99, either=5.21, both=1.67)

# A box head knows most of what the look does, so beside it the rest counts half; its weight and the bias are fitted.
_HEAD = Calibration(bias=-4.61, psr=0.345, contrast=3.775, either=2.125, both=2.105, head=0.345)

# That of ours, `cdedge_head`, knows less: beside it the rest counts in full.
_OWN_HEAD = Calibration(bias=-7.5, psr=0.69, contrast=7.55, either=4.25, both=4.21, head=0.12)

# Per kind of tracker, because the level of a PSR depends on features and grid. `deepcd` is fitted to files of one
# layer; cf2, cacf and eco borrow it: for the last two, fits of their own are no better on what they have not seen.
CALIBRATIONS = {
    "deepcd": _FAST,
    "deepcd+deep": _DEEP,
    "deepcd+head": _HEAD,
    "deepcd+cdedge_head": _OWN_HEAD,
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


def head_cue(surest: float) -> float:
    """The log odds of a box head's surest cell; scores beyond 1e-4 and 1 - 1e-4 tell no more."""
    p = min(max(surest, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def probability(psr: float, like: Likeness, calibration: Calibration, head: float = 0.0) -> float:
    """The probability in 0..1 that the box is right; ``head``: the score of a box head's surest cell."""
    c, (sharpness, contrast, either, both) = calibration, cues(psr, like)
    odds = c.bias + c.psr * sharpness + c.contrast * contrast + c.either * either + c.both * both
    return logistic(odds + c.head * head_cue(head))


def appearance_of(image: Image, box: Box) -> Appearance:
    """The look of a box in a frame, for `box_score` to compare with."""
    return Appearance(image, box.center, (box.height, box.width))


def box_score(appearance: Appearance, image: Image, box: Box, psr: float, tracker: str) -> float:
    """The score of a box in a frame, found at a response of this PSR by the tracker of this name."""
    return probability(psr, appearance.likeness(image, box.center, (box.height, box.width)), CALIBRATIONS[tracker])


def logistic(odds: float) -> float:
    """1 / (1 + exp(-odds)), without overflow."""
    return 0.5 * (1 + math.tanh(odds / 2))
