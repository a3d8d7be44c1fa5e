"""ECO's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EcoSettings:
    """ECO (Danelljan et al. 2017); its released values where not said otherwise in docs/eco.md.

    compression: components that each layer is projected onto, over its channels.
    padding: side of the square search window over sqrt(target area).
    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    band: share of the grid's frequencies that are used. power: exponent on the features before the projection.
    penalty_least, penalty_edge: the spatial penalty in the target's middle, and at half its size.
    memory: number of stored samples. learning_rate: weight of one frame. update_every: frames between updates.
    first_iterations, iterations: conjugate-gradient steps in the first frame and per update.
    newton_steps: of the peak's refinement.
    scales: number of windows per frame, odd; scale_step: ratio of neighbouring ones; scale_penalty: factor per step.
    """

    compression: float = 0.25
    padding: float = 4.5
    label_sigma: float = 1 / 12
    band: float = 0.79
    power: float = 0.5
    penalty_least: float = 0.2
    penalty_edge: float = 1.0
    memory: int = 20
    learning_rate: float = 0.009
    update_every: int = 6
    first_iterations: int = 60
    iterations: int = 5
    newton_steps: int = 5
    scales: int = 3
    scale_step: float = 1.02
    scale_penalty: float = 0.99

    def __post_init__(self) -> None:
        if not 0 < self.compression <= 1:
            raise ValueError(f"compression: expected a share in 0..1, got {self.compression}")
        if self.scales < 1 or self.scales % 2 == 0:
            raise ValueError(f"scales: expected an odd number, got {self.scales}")
