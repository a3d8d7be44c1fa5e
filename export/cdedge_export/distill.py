"""Channel distillation (paper, section III-C): two frames' features -> friendliness -> swap search -> plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import compact, dcf
from cdedge_runtime.confidence import psr
from cdedge_runtime.errors import Usage
from cdedge_runtime.modelfile import Selection

from .friendliness import RANKS, rank_scores, target_part
from .plan import ChannelPlan, PlannedTap
from .search import make_objective, swap_search

Maps = NDArray[np.float32]

SEARCHES = ("e4", "reduced", "ncc", "none")
PAPER_SHARE = {"11": 28.4 / 64, "12": 27.7 / 64, "21": 44.3 / 128}  # section IV-D, averages on OTB100
PAPER_MEAN_SHARE = 100.4 / 256
_QUALITY_STEPS = 16
_QUALITY_LOSS = 0.02


@dataclass(frozen=True)
class DistillOptions:
    """How channels are chosen.

    rank: seed order, one of friendliness.RANKS or ``random``. search: objective of the swap search, or ``none``.
    channels: ``auto`` (fewest whose frame-2 PSR is within 2 % of the best), a number (joint over layers),
    a share of each layer (0 < share <= 1), or ``paper`` (the shares of section IV-D).
    """

    rank: str = "rel"
    search: Literal["e4", "reduced", "ncc", "none"] = "reduced"
    channels: str = "auto"
    seed: int = 0
    regularization: float = 1e-4


@dataclass(frozen=True)
class TwoFrames:
    """Search-window features of frames 1 and 2, each tap (2, C, Gh, Gw) as the network gives them, the target centred.

    label: spectrum of the Gaussian label at (0, 0). padding, power: as in `windows.SearchWindow`.
    """

    taps: Mapping[str, Maps]
    label: dcf.Spectrum
    padding: float
    power: float | None

    @property
    def grid(self) -> tuple[int, int]:
        """(Gh, Gw)."""
        return next(iter(self.taps.values())).shape[-2:]

    def spectra(self) -> dcf.Spectrum:
        """(2, d, Gh, Gwh) complex64 of what the device's filter sees, windowed.

        With a power the features are prepared and the channels equally strong; without, layers are equally strong.
        """
        if self.power is None:
            return dcf.spectrum(normalized(self.taps)[0] * dcf.hann_window(self.grid))
        return device_spectra(np.concatenate(list(self.taps.values()), axis=1), self.power)


def device_spectra(features: Maps, power: float) -> dcf.Spectrum:
    """Spectra of (n, d, Gh, Gw) features prepared as on the device, the gain taken from the first."""
    maps = compact.prepared(features, power)
    return dcf.spectrum(maps * (compact.channel_gain(maps[0]) * dcf.hann_window(features.shape[-2:])))


def distill(backbone: str, frames: TwoFrames, options: DistillOptions) -> ChannelPlan:
    """Choose channels; raises `Usage` for an unknown rule or more channels than the layers have."""
    check_options(options)
    maps, layers = normalized(frames.taps)
    spectra = frames.spectra()
    scores = rank_scores(
        options.rank,
        target_part(maps[0], frames.padding),
        target_part(maps[1], frames.padding),
        layers=tuple(layers.values()),
        seed=options.seed,
    )
    # The features' energy is 1 per cell, m per frequency: lambda / d is this share of it, as in CF2.
    lam = options.regularization * math.prod(frames.grid) * maps.shape[1]

    def quality(kept: list[int]) -> float:
        g = dcf.solve(spectra[:1, kept], frames.label, lam / len(kept))
        return psr(dcf.respond(spectra[1, kept], g, frames.grid))

    seed = seed_set(options.channels, scores, layers, quality=quality)
    if options.search == "none":
        kept, before, after, swaps = seed, None, None, 0
    else:
        objective = make_objective(
            options.search, spectra, frames.label, grid=frames.grid, regularization=lam, keep=len(seed)
        )
        found = swap_search(objective, seed)
        kept, before, after, swaps = list(found.kept), found.energy_before, found.energy_after, found.swaps
    selection = Selection(options.rank, options.search, options.channels, options.seed, before, after)
    return ChannelPlan(backbone, planned(layers, scores, kept), selection, swaps)


def keep_all(plan: ChannelPlan) -> ChannelPlan:
    """The plan that keeps every channel: the baseline."""
    taps = tuple(replace(tap, kept=tuple(range(tap.total))) for tap in plan.taps)
    return replace(plan, taps=taps)


def check_options(options: DistillOptions) -> None:
    """Raise `Usage` for an unknown rank or search."""
    if options.rank not in (*RANKS, "random"):
        raise Usage(f"unknown rank {options.rank!r}, expected one of {', '.join((*RANKS, 'random'))}")
    if options.search not in SEARCHES:
        raise Usage(f"unknown search {options.search!r}, expected one of {', '.join(SEARCHES)}")


def normalized(taps: Mapping[str, Maps]) -> tuple[Maps, dict[str, slice]]:
    """All taps stacked to (2, d, Gh, Gw), each layer scaled to unit mean square in frame 1 (Eq. 2 sums layers)."""
    scaled = [maps / math.sqrt(float(np.mean(maps[0] ** 2)) + 1e-12) for maps in taps.values()]
    ends = list(accumulate(maps.shape[1] for maps in scaled))
    parts = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    return np.concatenate(scaled, axis=1), dict(zip(taps, parts, strict=True))


def seed_set(
    rule: str, scores: NDArray[np.float64], layers: Mapping[str, slice], *, quality: Callable[[list[int]], float]
) -> list[int]:
    """The initial good channels C(0), best first.

    ``quality`` is the PSR in frame 2 of a filter trained on frame 1 with the given channels.
    """
    order = [int(i) for i in np.argsort(-scores, kind="stable")]
    if rule == "auto":
        return order[: _enough(order, quality)]
    if rule == "paper":
        shares = [PAPER_SHARE.get(name, PAPER_MEAN_SHARE) for name in layers]
        return _per_layer(order, layers, shares)
    number = _number(rule)
    if number.is_integer() and "." not in rule:
        if number > len(order):
            raise Usage(f"--channels {rule}: the chosen layers have {len(order)} channels")
        return order[: int(number)]
    if number > 1:
        raise Usage(f"--channels {rule}: a share must lie in 0..1; give a whole number for a count")
    return _per_layer(order, layers, [number] * len(layers))


def _number(rule: str) -> float:
    try:
        number = float(rule)
    except ValueError:
        number = math.nan
    if not number > 0 or not math.isfinite(number):
        raise Usage(f"--channels {rule}: expected auto, paper, a count like 28 or a share like 0.4")
    return number


def _per_layer(order: list[int], layers: Mapping[str, slice], shares: list[float]) -> list[int]:
    """The best share of each layer, in joint order."""
    chosen: set[int] = set()
    for part, share in zip(layers.values(), shares, strict=True):
        inside = [i for i in order if part.start <= i < part.stop]
        chosen.update(inside[: max(1, round(share * len(inside)))])
    return [i for i in order if i in chosen]


def _enough(order: list[int], quality: Callable[[list[int]], float]) -> int:
    """Fewest leading channels whose frame-1 filter finds frame 2 with a PSR within 2 % of the best (algorithms A9)."""
    counts = sorted({max(1, round(len(order) * k / _QUALITY_STEPS)) for k in range(1, _QUALITY_STEPS + 1)})
    sharpness = [quality(order[:count]) for count in counts]
    good = max(sharpness) * (1 - _QUALITY_LOSS)
    return next(count for count, value in zip(counts, sharpness, strict=True) if value >= good)


def planned(layers: Mapping[str, slice], scores: NDArray[np.float64], kept: Sequence[int]) -> tuple[PlannedTap, ...]:
    """The kept channels told apart by layer."""
    taps = []
    for name, part in layers.items():
        inside = tuple(sorted(i - part.start for i in kept if part.start <= i < part.stop))
        taps.append(PlannedTap(name, inside, part.stop - part.start, tuple(float(s) for s in scores[part])))
    return tuple(taps)
