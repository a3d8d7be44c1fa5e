"""ECO's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge_runtime.errors import BadValue
from cdedge_runtime.record import check_record, within


@dataclass(frozen=True)
class EcoSettings:
    """ECO (Danelljan et al. 2017); its released values where not said otherwise in docs/studies/eco.md.

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

    compression: float = within(0.25, 0.001, 1)
    padding: float = within(4.5, 1, 20)
    label_sigma: float = within(1 / 12, 0.005, 2)
    band: float = within(0.79, 0.05, 1)
    power: float = within(0.5, 0.05, 2)
    penalty_least: float = within(0.2, 1e-6, 100)
    penalty_edge: float = within(1.0, 0, 1000)
    memory: int = within(20, 1, 1000)
    learning_rate: float = within(0.009, 0, 1)
    update_every: int = within(6, 1, 10_000)
    first_iterations: int = within(60, 1, 1000)
    iterations: int = within(5, 0, 1000)
    newton_steps: int = within(5, 0, 100)
    scales: int = within(3, 1, 99)
    scale_step: float = within(1.02, 1, 2)
    scale_penalty: float = within(0.99, 0.1, 1)

    def __post_init__(self) -> None:
        check_record(self)
        if self.scales % 2 == 0:
            raise BadValue(f"scales: expected an odd number, got {self.scales}", field="scales")
