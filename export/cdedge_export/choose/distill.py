"""Channel distillation: two frames' features -> an order of channels -> how many -> swap search, if asked -> plan.

The default order is the runtime's (`filter.channels`); the paper's (section III) is `friendliness` and `search`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.judge import joint_margin, scene
from cdedge_export.choose.plan import AUTO_SHARES, DistillOptions, Search
from cdedge_export.choose.rank import RANKS, rank_scores, target_part
from cdedge_runtime.errors import Usage
from cdedge_runtime.filter import compact
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.filter.channels import Scene, diverse, normalized, solo_margins, taken
from cdedge_runtime.model.contract import Selection
from cdedge_runtime.trackers.deepcd.settings import Settings

from .plan import ChannelPlan, PlannedTap
from .search import Objective, make_objective, swap_search

Maps = NDArray[np.float32]

SEARCHES = get_args(Search)
# Sections IV-D and IV-G, averages on OTB100.
PAPER_SHARE = {"11": 28.4 / 64, "12": 27.7 / 64, "21": 44.3 / 128, "conv3": 239 / 512}
PAPER_MEAN_SHARE = 100.4 / 256
ORDERS = ("diverse", "solo", *RANKS, "random")
_QUALITY_LOSS = 0.02


@dataclass(frozen=True)
class TwoFrames:
    """Search-window features of frames 1 and 2, each tap (2, C, Gh, Gw) as the network gives them, the target centred.

    label: spectrum of the Gaussian label at (0, 0). padding, power: as in `windows.SearchWindow`.
    target: its (rows, columns) in cells. settings: of the compact filter that judges channels.
    """

    taps: Mapping[str, Maps]
    label: dcf.HalfSpectrum
    padding: float
    power: float | None
    target: tuple[float, float]
    settings: Settings = field(default_factory=Settings)

    @property
    def grid(self) -> tuple[int, int]:
        """(Gh, Gw)."""
        return next(iter(self.taps.values())).shape[-2:]

    def spectra(self) -> dcf.HalfSpectrum:
        """(2, d, Gh, Gwh) complex64 of what the device's filter sees, windowed.

        With a power the features are prepared and the channels equally strong; without, layers are equally strong.
        """
        if self.power is None:
            return dcf.spectrum(normalized(self.taps)[0] * dcf.hann_window(self.grid))
        return device_spectra(np.concatenate(list(self.taps.values()), axis=1), self.power)


def device_spectra(features: Maps, power: float) -> dcf.HalfSpectrum:
    """Spectra of (n, d, Gh, Gw) features prepared as on the device, the gain taken from the first."""
    maps = compact.prepared(features, power)
    return dcf.spectrum(maps * (compact.channel_gain(maps[0]) * dcf.hann_window(features.shape[-2:])))


def distill(backbone: str, frames: TwoFrames, options: DistillOptions) -> ChannelPlan:
    """Choose channels; raises `Usage` for an unknown rule or more channels than the layers have."""
    check_options(options)
    maps, layers = normalized(frames.taps)
    where = scene(frames.grid, frames.target, frames.settings)
    scores, order = ranked(options, maps, layers, padding=frames.padding, where=where)

    def quality(kept: list[int]) -> float:
        return joint_margin(compact.prepared(maps[:, kept], where.power), where)

    seed = seed_set(options.channels, order, layers, quality=quality, shares=options.auto)
    if options.multiple > 1 and not is_count(options.channels):
        seed = rounded(seed, order, layers, options.multiple)

    def objective() -> Objective:
        # The features' energy is 1 per cell, m per frequency: lambda / d is this share of it, as in CF2.
        lam = options.regularization * math.prod(frames.grid) * maps.shape[1]
        return make_objective(
            options.search, frames.spectra(), frames.label, grid=frames.grid, regularization=lam, keep=len(seed)
        )

    return searched(backbone, layers, scores, seed, options=options, objective=objective)


def searched(
    backbone: str,
    layers: Mapping[str, slice],
    scores: NDArray[np.float64],
    seed: list[int],
    *,
    options: DistillOptions,
    objective: Callable[[], Objective],
) -> ChannelPlan:
    """The plan of a seed set or, where a search is asked for, of what it finds from there by ``objective``."""
    kept, before, after, swaps = seed, None, None, 0
    if options.search != "none":
        found = swap_search(objective(), seed)
        kept, before, after, swaps = list(found.kept), found.energy_before, found.energy_after, found.swaps
    selection = Selection(options.rank, options.search, options.channels, options.seed, before, after)
    return ChannelPlan(backbone, planned(layers, scores, kept), selection, swaps)


def keep_all(plan: ChannelPlan) -> ChannelPlan:
    """The plan that keeps every channel: the baseline."""
    taps = tuple(replace(tap, kept=tuple(range(tap.total))) for tap in plan.taps)
    return replace(plan, taps=taps)


def check_options(options: DistillOptions) -> None:
    """Raise `Usage` for an unknown rank or search, or a rule that says no number of channels."""
    if options.rank not in ORDERS:
        raise Usage(f"unknown rank {options.rank!r}, expected one of {', '.join(ORDERS)}")
    if options.search not in SEARCHES:
        raise Usage(f"unknown search {options.search!r}, expected one of {', '.join(SEARCHES)}")
    check_rule(options.channels)


def check_rule(rule: str, field: str = "channels") -> None:
    """Raise `Usage` for what is neither ``auto`` nor ``paper``, a count, nor a share of channels."""
    if rule not in ("auto", "paper") and number(rule, field) > 1 and not is_count(rule):
        raise Usage(f"{field} {rule}: a share lies in 0..1; a count is a whole number", field=field)


def ranked(
    options: DistillOptions, maps: Maps, layers: Mapping[str, slice], *, padding: float, where: Scene
) -> tuple[NDArray[np.float64], list[int]]:
    """Score of every channel of two frames' maps (2, d, Gh, Gw), and the channels in the order of choice."""
    if options.rank == "diverse":
        return diverse(compact.prepared(maps, where.power), where)
    if options.rank == "solo":
        scores = solo_margins(compact.prepared(maps, where.power), where)
    else:
        first, second = (target_part(part, padding) for part in maps)
        scores = rank_scores(options.rank, first, second, layers=tuple(layers.values()), seed=options.seed)
    return scores, [int(i) for i in np.argsort(-scores, kind="stable")]


def seed_set(
    rule: str,
    order: list[int],
    layers: Mapping[str, slice],
    *,
    quality: Callable[[list[int]], float],
    shares: Sequence[float] = AUTO_SHARES,
) -> list[int]:
    """The initial good channels C(0), best first, of channels in this order.

    ``quality`` tells how surely a filter trained on frame 1 with the given channels finds the target in frame 2.
    """
    if rule == "auto":
        return order[: _enough(order, quality, shares)]
    if rule == "paper":
        return taken(order, [*layers.values()], [PAPER_SHARE.get(name, PAPER_MEAN_SHARE) for name in layers])
    check_rule(rule)
    amount = number(rule)
    if is_count(rule):
        if amount > len(order):
            raise Usage(f"channels {rule}: the chosen layers have {len(order)} channels", field="channels")
        return order[: int(amount)]
    return taken(order, [*layers.values()], [amount] * len(layers))


def rounded(kept: list[int], order: list[int], layers: Mapping[str, slice], multiple: int) -> list[int]:
    """The best channels of each layer that ``kept`` uses, rounded to a ``multiple`` of them; in joint order."""
    chosen: set[int] = set()
    for part in layers.values():
        inside = [i for i in order if part.start <= i < part.stop]
        count = len(set(kept) & set(inside))
        chosen.update(inside[: max(multiple, multiple * round(count / multiple))] if count else ())
    return [i for i in order if i in chosen]


def is_count(rule: str) -> bool:
    """Whether a rule is a number of channels, not a share."""
    return rule.isdecimal()


def number(rule: str, field: str = "channels") -> float:
    """The count or share that a rule is; raises `Usage` where it is neither."""
    try:
        amount = float(rule)
    except ValueError:
        amount = math.nan
    if not amount > 0 or not math.isfinite(amount):
        raise Usage(f"{field} {rule}: expected auto, paper, a count like 28 or a share like 0.4", field=field)
    return amount


def _enough(order: list[int], quality: Callable[[list[int]], float], shares: Sequence[float]) -> int:
    """The fewest leading channels whose quality is within 2 % of the best, of these shares.

    The paper does not say how it found its numbers of channels; energy alone falls with every channel that is added.
    """
    counts = sorted({max(1, round(len(order) * share)) for share in shares})
    found = [quality(order[:count]) for count in counts]
    good = max(found) - _QUALITY_LOSS * abs(max(found))
    return next(count for count, value in zip(counts, found, strict=True) if value >= good)


def planned(layers: Mapping[str, slice], scores: NDArray[np.float64], kept: Sequence[int]) -> tuple[PlannedTap, ...]:
    """The kept channels told apart by layer."""
    taps = []
    for name, part in layers.items():
        inside = tuple(sorted(i - part.start for i in kept if part.start <= i < part.stop))
        taps.append(PlannedTap(name, inside, part.stop - part.start, tuple(float(s) for s in scores[part])))
    return tuple(taps)
