"""Whether the tracker still sees its target: the score of an answer, leaps that nothing explains, and loss.

What is said (`Watch.lost`) and what is done (`Watch.judge`, `Watch.searching`) are two things: a doubt is said at once,
but to stop learning or look elsewhere at a single doubt costs more targets than it saves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdedge_runtime.filter.dft import Real
from cdedge_runtime.filter.fourier import psr
from cdedge_runtime.patch import Image, Sides
from cdedge_runtime.trackers import score
from cdedge_runtime.trackers.appearance import Appearance

from .settings import Settings

Point = tuple[float, float]

_WEAK, _SURE = 0.25, 0.4  # scores: below the one an answer is weak, from the other one elsewhere is gone to
_SURE_PSR = 1.5  # how much stronger than a weak response it must be besides
_PSR_RATE = 0.05  # how fast the running mean of the PSR follows it
_LEAP = 0.4  # sides of the target beyond what its motion explains
_MOTION_RATE = 0.3  # how fast the motion follows a step

# What is only said, chosen looking at both halves: docs/studies/score.md
_GONE, _OUTSIDE = 0.1, 1.25  # a score that is enough for loss, and what is added for a box that is outside the frame
_JUMP, _FAIR = 0.5, 0.6  # sides of the target that are, at a score below the other
_LIKELY, _LONG = 0.5, 30  # a score, and frames without one from it on that are
_APART, AGREED = 0.15, 0.7  # an IoU with another opinion that is, at a score below the other
_SAID = 0.2  # where colours help to find the place: a score above which several weak answers are not


@dataclass(frozen=True)
class Belief:
    """How probable it is that an answer is right, and the PSR of its response.

    agreement: IoU of its box and that of another opinion on the same frame; 1 where there is none, or none is asked.
    """

    score: float
    psr: float
    agreement: float = 1.0


class Watch:
    """Remembers how the target looked and moved; starts with the first frame's box (as in `Appearance`)."""

    def __init__(self, settings: Settings, kind: str, image: Image, center: Point, sides: Sides) -> None:
        self._settings, self._calibration = settings, score.CALIBRATIONS[kind]
        self._appearance = Appearance(image, center, sides)
        self._weak, self._unlikely, self._mean_psr = 0, 0, 0.0
        self._motion, self._surprise = (0.0, 0.0), 0.0  # of the target; and of the last step, both in its sides
        # A box head finds what the filters and the look have given up, so both have to doubt.
        self._by_both = self._calibration.head > 0
        self.lost = False

    @property
    def nbytes(self) -> int:
        """Bytes of what is remembered."""
        return self._appearance.nbytes

    @property
    def searching(self) -> bool:
        """Whether several answers in a row were weak: nothing is learned, and the target looked for elsewhere."""
        return self._weak >= self._settings.patience

    def belief(self, response: Real, image: Image, center: Point, sides: Sides, head: float = 0.0) -> Belief:
        """What to think of a box with this response (Gh, Gw); center (x, y) and sides (height, width) in ``image``.

        head: the score of a box head's surest cell.
        """
        sharpness = psr(response)
        like = self._appearance.likeness(image, center, sides)
        return Belief(score.probability(sharpness, like, self._calibration, head), sharpness)

    def follows(self, step: Point, belief: Belief) -> bool:
        """Whether to go a step (x, y), in sides of the target: a leap only on a belief that is not weak.

        A target that is looked for has no motion.
        """
        if self.searching:
            self._motion, self._surprise = (0.0, 0.0), 0.0
            return True
        self._surprise = math.dist(step, self._motion)
        doubted = self._is_weak(belief, _WEAK) if self._by_both else belief.score < _WEAK
        leaps = doubted and self._surprise > _LEAP
        taken = (0.0, 0.0) if leaps else step
        x, y = (m + _MOTION_RATE * (s - m) for m, s in zip(self._motion, taken, strict=True))
        self._motion = x, y
        return not leaps

    def judge(self, belief: Belief, outside: float) -> bool:
        """Take in an answer whose box lies by a share ``outside`` of the frame, and say whether it is strong."""
        weak = self._is_weak(belief, _WEAK)
        self._weak = self._weak + 1 if weak else 0
        self._unlikely = 0 if belief.score >= _LIKELY else self._unlikely + 1
        self.lost = self._is_lost(belief, outside, weak=weak)
        doubted = self._is_weak(belief, _SURE) if self._by_both else weak
        if not doubted:
            self._mean_psr += _PSR_RATE * (belief.psr - self._mean_psr)
        return not doubted

    def _is_lost(self, belief: Belief, outside: float, *, weak: bool) -> bool:
        """Whether to say that the target is lost; once said, until an answer is not weak, or `_is_said` no more."""
        gone = belief.score < _GONE + _OUTSIDE * outside
        jumped = belief.score < _FAIR and self._surprise > _JUMP
        apart = belief.score < AGREED and belief.agreement < _APART
        long = self._unlikely >= _LONG
        stays = self.searching or (weak and self.lost)
        return gone or jumped or apart or long or (stays and self._is_said(belief))

    def _is_said(self, belief: Belief) -> bool:
        """Whether several weak answers are said: the filter's being flat tells little where colours find the place."""
        return not self._settings.colour_share or belief.score <= _SAID

    def is_sure(self, belief: Belief) -> bool:
        """Whether a target is gone after to another place for this answer there."""
        likely, sharp = belief.score >= _SURE, belief.psr >= _SURE_PSR * self._weak_below()
        return likely or sharp if self._by_both else likely and sharp

    def _is_weak(self, belief: Belief, below: float) -> bool:
        unlikely, flat = belief.score < below, belief.psr < self._weak_below()
        return unlikely and flat if self._by_both else unlikely or flat

    def _weak_below(self) -> float:
        return max(self._settings.lost_below, self._settings.lost_share * self._mean_psr)
