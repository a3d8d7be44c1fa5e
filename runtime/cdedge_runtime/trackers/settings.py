"""The settings records of the paper's original trackers, and which record belongs to which tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from cdedge_runtime.errors import BadModel, Usage

from .deepcd.settings import Settings, changed, profile_settings


@dataclass(frozen=True)
class Cf2Settings:
    """CF2 (Ma et al. 2015) as in its released code; lengths in cells are pixels of the frame over the window's cells.

    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    ridge: added to each layer's kernel, which is divided by the number of its elements.
    learning_rate: weight of one frame; alpha and the appearance are interpolated separately.
    peak: ``cell``, or ``subcell`` for a parabola through the neighbours, which the released code has not.
    scale: ``none``, as in the published results, or ``dsst``; only the reported box changes, never the window.
    """

    label_sigma: float = 0.1
    ridge: float = 1e-4
    learning_rate: float = 0.01
    peak: Literal["cell", "subcell"] = "cell"
    scale: Literal["none", "dsst"] = "none"


@dataclass(frozen=True)
class CacfSettings:
    """Context-aware filter (Mueller et al. 2017) as in its released DCF_CA.

    padding: side of the search window over the target's, per axis.
    label_sigma: standard deviation of the Gaussian label over sqrt(target area).
    ridge, context: the paper's lambda 1 and lambda 2. learning_rate: weight of one frame's filter.
    form: ``independent``, a filter per channel as released; ``joint``, the minimiser over all channels.
    half_from_px: targets of at least this sqrt(area) are tracked at half resolution.
    peak, scale: as in `Cf2Settings`; the released code has neither sub-pixel steps nor scales.
    """

    padding: float = 3.0
    label_sigma: float = 0.1
    ridge: float = 1e-4
    context: float = 25.0
    learning_rate: float = 0.015
    form: Literal["independent", "joint"] = "independent"
    half_from_px: float = 100.0
    peak: Literal["cell", "subcell"] = "cell"
    scale: Literal["none", "dsst"] = "none"


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


AnySettings = Settings | Cf2Settings | CacfSettings | EcoSettings | MdNetSettings
S = TypeVar("S", bound=AnySettings)

SETTINGS: dict[str, type[AnySettings]] = {
    "deepcd": Settings,
    "cf2": Cf2Settings,
    "cacf": CacfSettings,
    "eco": EcoSettings,
    "mdnet": MdNetSettings,
}


def new_settings(tracker: str) -> AnySettings:
    """The tracker's default settings; raises `Usage` for an unknown name."""
    if tracker not in SETTINGS:
        raise Usage(f"unknown tracker {tracker!r}, expected one of {', '.join(SETTINGS)}")
    return SETTINGS[tracker]()


def settings_of(tracker: str, settings: AnySettings, kind: type[S]) -> S:
    """``settings`` as the record that a tracker class needs; raises `BadModel` for another tracker's file."""
    if not isinstance(settings, kind):
        wanted = next(name for name, record in SETTINGS.items() if record is kind)
        raise BadModel(f"the model is for the tracker {tracker}, not for {wanted}: open it with open_tracker()")
    return settings


def tracker_of(settings: AnySettings) -> str:
    """Name of the tracker that the record belongs to."""
    return next(name for name, record in SETTINGS.items() if record is type(settings))


def starting_settings(tracker: str, profile: str | None, layers: str, assignments: Sequence[str]) -> AnySettings:
    """The settings a tracker starts from: its own or, for deepcd, a profile's, changed by name; raises `Usage`."""
    if tracker == "deepcd":
        return changed(profile_settings(profile, several_layers="+" in layers or layers == "all"), assignments)
    if profile is not None:
        raise Usage(f"--profile {profile}: only deepcd has profiles, not {tracker}")
    return changed(new_settings(tracker), assignments)
