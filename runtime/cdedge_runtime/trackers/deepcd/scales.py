"""Which scales to look at beside the present one, by what paid in the frames before."""

from __future__ import annotations

from typing import Literal

Kind = Literal["none", "alternate", "pyramid"]

# From the third better scale in a row the next lies further off: by the factor each time, in steps, up to the other.
_STRIDE, _WIDEST = 1.5, 3.0


class Scales:
    """The scales beside the present one, as factors on it; ``step`` is the ratio of neighbours.

    ``alternate`` keeps to the direction that paid, and strides out in it; else the other one is next, after a frame
    without. Beside a deep part each frame has one, a step off: rest and stride both cost accuracy there
    (docs/studies/sight.md).
    """

    def __init__(self, kind: Kind, step: float, *, beside_deep: bool) -> None:
        self._kind, self._step, self._beside_deep = kind, step, beside_deep
        self._shrinks, self._rests, self._run = False, False, 0

    def factors(self) -> tuple[float, ...]:
        """To look at in this frame."""
        if self._kind == "none":
            return ()
        if self._kind == "pyramid":
            return 1 / self._step, self._step
        if self._rests:
            self._rests = False
            return ()
        step = self._step if self._beside_deep else self._step ** min(_STRIDE ** max(self._run - 1, 0), _WIDEST)
        return (1 / step if self._shrinks else step,)

    def heed(self, *, better: bool) -> None:
        """Take in whether one of those looked at was better."""
        self._shrinks ^= not better
        self._rests = not better and not self._beside_deep
        self._run = self._run + 1 if better else 0
