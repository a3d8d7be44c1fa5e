"""MDNet's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass


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

    candidates: int = 256
    shift: float = 0.6
    scale_steps: float = 1.0
    first_positives: int = 500
    first_negatives: int = 5000
    first_iterations: int = 30
    first_rate: float = 1e-4
    positives: int = 50
    negatives: int = 200
    iterations: int = 10
    rate: float = 3e-4
    last_rate: float = 10.0
    batch_positives: int = 32
    batch_negatives: int = 96
    mined: int = 1024
    momentum: float = 0.9
    weight_decay: float = 5e-4
    dropout: float = 0.5
    gradient_limit: float = 10.0
    short_frames: int = 20
    long_frames: int = 100
    update_every: int = 10
    box_samples: int = 1000
    box_ridge: float = 1000.0
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {name: value for name, value in vars(self).items() if isinstance(value, int) and name != "seed"}
        wrong = next((name for name, value in counts.items() if value < 1), None)
        if wrong is not None:
            raise ValueError(f"{wrong}: expected at least 1, got {counts[wrong]}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: expected a share below 1, got {self.dropout}")
