"""MDNet's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge_runtime.errors import BadValue
from cdedge_runtime.record import check_record, within

_MOST_CROPS = 25_000  # that the first frame looks at
_MOST_ROWS = 300_000  # of features, that one training looks at
_MOST_KEPT = 40_000  # rows of features, that are kept: 740 MB with the paper's network


@dataclass(frozen=True)
class MdNetSettings:
    """MDNet (Nam and Han 2016) as in its released code; shifts are shares of the target's mean side.

    candidates: boxes looked at per frame. shift: how far their centers lie from the last box's at most, and two
    standard deviations; it grows by a tenth per frame that does not find the target. scale_steps: the same of their
    sizes, in steps of 5 %.
    first_positives, first_negatives, first_iterations, first_rate: samples and training of the first frame.
    positives, negatives, iterations, rate: those of later frames. last_rate: factor on the rate in the last layer.
    batch_positives, batch_negatives: of one step; the negatives are the hardest of ``mined``.
    momentum, weight_decay, dropout, gradient_limit: of the descent; the limit (on the gradient's norm) is py-MDNet's.
    short_frames, long_frames: found frames whose samples are kept. update_every: frames between long-term updates.
    box_samples, box_ridge: of the box regression. seed: of everything drawn.
    """

    candidates: int = within(256, 1, 4096)
    shift: float = within(0.6, 0, 10)
    scale_steps: float = within(1.0, 0, 50)
    first_positives: int = within(500, 1, 10_000)
    first_negatives: int = within(5000, 1, 20_000)
    first_iterations: int = within(30, 1, 1000)
    first_rate: float = within(1e-4, 0, 1)
    positives: int = within(50, 1, 1000)
    negatives: int = within(200, 1, 5000)
    iterations: int = within(10, 1, 1000)
    rate: float = within(3e-4, 0, 1)
    last_rate: float = within(10.0, 0, 1000)
    batch_positives: int = within(32, 1, 1000)
    batch_negatives: int = within(96, 1, 1000)
    mined: int = within(1024, 1, 10_000)
    momentum: float = within(0.9, 0, 0.999)
    weight_decay: float = within(5e-4, 0, 1)
    dropout: float = within(0.5, 0, 0.95)
    gradient_limit: float = within(10.0, 1e-6, 1e6)
    short_frames: int = within(20, 1, 1000)
    long_frames: int = within(100, 1, 1000)
    update_every: int = within(10, 1, 10_000)
    box_samples: int = within(1000, 1, 4000)  # the regression solves a system of so many rows
    box_ridge: float = within(1000.0, 1e-6, 1e9)
    seed: int = within(0, 0, 2**63 - 1)

    def __post_init__(self) -> None:
        check_record(self)
        crops = self.first_positives + self.first_negatives + self.box_samples
        if crops > _MOST_CROPS:
            raise BadValue(
                f"first_positives + first_negatives + box_samples: expected at most {_MOST_CROPS}, got {crops}",
                field="first_negatives",
            )
        kept = self.long_frames * self.positives + self.short_frames * self.negatives
        if kept > _MOST_KEPT:
            raise BadValue(
                f"long_frames x positives + short_frames x negatives: expected at most {_MOST_KEPT}, got {kept}",
                field="long_frames",
            )
        for count, times in (("first_iterations", "mined"), ("iterations", "mined")):
            product = getattr(self, count) * getattr(self, times)
            if product > _MOST_ROWS:
                raise BadValue(f"{count} x {times}: expected at most {_MOST_ROWS}, got {product}", field=count)
