"""The correlation filter's settings, carried by the exported file."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge_runtime.filter.shapes import LEAST_KEPT, MOST_KEPT, check_keep
from cdedge_runtime.record import check_record, within

from .scales import Kind

COLOURS = 16**3  # that are told apart: 16 levels a channel
GROWTH_PX = 48  # side of the window in which optical flow is looked for


@dataclass(frozen=True)
class Settings:
    """Settings of the tracker; lengths are relative to the target, so they hold for any target size.

    padding: side of the square search window over sqrt(target area).
    support: side of the filter over the target's, per axis; the rest of the window is context only (as in BACF).
    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    band: share of the grid's frequencies that are used; the label has next to nothing above.
    ridge: weight of the filter's norm; features have unit energy per cell, so it needs no scaling.
    power: exponent on the features before the filter; 0.5 compresses strong edges.
    memory: number of stored samples. learning_rate: weight of one frame. update_every: frames between updates.
    first_iterations, iterations: conjugate-gradient steps in the first frame and per update.
    scale: ``none``; ``alternate`` tests one other scale (see `Scales`); ``pyramid`` tests both neighbours.
    scale_step: ratio of neighbouring scales; scale_penalty: factor on the response of a changed scale.
    lost_below, lost_share: an answer is weak when its PSR is below the one, or below the other times the PSR's running
    mean; or, whatever these are, when its score is low. patience: weak answers in a row after which nothing is learned
    and each frame looks at one other place instead of another scale, until one is not weak. The target is then lost;
    it is said to be, and nothing else changes, at some single answers too (see `Watch`).
    colour_share: of the target's colours in the response that says where it is (see `Colours`); 0 looks at none.
    flow_share: of the growth that optical flow sees, as a power of it, that the size follows before a frame is looked
    at (see `Growth`); 0 looks at none.
    keep: what the first frame leaves of the file's channels, those that find this target best: up to 1 a share of each
    layer, above it a whole number of all.
    """

    padding: float = within(4.5, 1, 20)
    support: float = within(1.5, 0.5, 20)
    label_sigma: float = within(1 / 12, 0.005, 2)
    band: float = within(0.79, 0.05, 1)
    ridge: float = within(0.05, 1e-9, 1e6)
    power: float = within(0.5, 0.05, 2)
    memory: int = within(3, 1, 1000)
    learning_rate: float = within(0.02, 0, 1)
    update_every: int = within(4, 1, 10_000)
    first_iterations: int = within(30, 1, 1000)
    iterations: int = within(3, 0, 1000)
    scale: Kind = "alternate"
    scale_step: float = within(1.02, 1, 2)
    scale_penalty: float = within(0.99, 0.1, 1)
    lost_below: float = within(9.0, 0, 1000)
    lost_share: float = within(0.25, 0, 1)
    patience: int = within(4, 1, 1_000_000)
    colour_share: float = within(0.0, 0, 1, came_later=True)
    flow_share: float = within(0.0, 0, 1, came_later=True)
    keep: float = within(1.0, LEAST_KEPT, MOST_KEPT, came_later=True)

    def __post_init__(self) -> None:
        check_record(self)
        check_keep(self.keep)


# What a user chooses between: one other scale a frame; both neighbours and optical flow, for more time; a deep look
# besides.
PROFILES = {
    "fast": Settings(scale="alternate", colour_share=0.25),
    "accurate": Settings(scale="pyramid", colour_share=0.25, flow_share=1.0),
    "robust": Settings(scale="alternate", flow_share=1.0),
}
