"""Orders of channels by friendliness (paper, section III-B): how salient and how stable a channel is on the target.

Functions take two frames' maps (d, h, w) float32 cropped to the target, and return (d,) scores, larger = better. The
printed formula ``r = (s - 1) t`` contradicts its own text; docs/studies/distillation.md says how, and why ``rel`` is
used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
Scores = NDArray[np.float64]
_DEAD = 1e-3  # share of the layer's largest magnitude below which a channel says nothing


def rank_scores(rank: str, first: Maps, second: Maps, *, layers: Sequence[slice], seed: int = 0) -> Scores:
    """Scores of every channel by one of `RANKS` or ``random`` (seeded).

    ``layers`` are the slices of the channel axis that belong to one layer each: magnitudes are compared within a layer.
    """
    if rank == "random":
        return np.random.default_rng(seed).random(len(first))
    score = RANKS[rank]
    return np.concatenate([score(first[part], second[part]) for part in layers])


def target_part(maps: Maps, padding: float) -> Maps:
    """The cells of a search window's maps (d, Gh, Gw) that cover the target's square: the central 1/padding."""
    height, width = maps.shape[-2:]
    top, left = (round(n * (1 - 1 / padding) / 2) for n in (height, width))
    return maps[..., top : height - top, left : width - left]


def relative(first: Maps, second: Maps) -> Scores:
    """``(1 - s) t`` with s the RMS over the layer's largest, t the relative squared change: the text's intent.

    Dead channels come last.
    """
    s = _relative_rms(first)
    change, energy = _change(first, second), 0.5 * (_energy(first) + _energy(second))
    r = (1 - s) * -change / (energy + 1e-12)
    return np.where(s < _DEAD, r.min() - 1.0, r)


def flipped(first: Maps, second: Maps) -> Scores:
    """``(1 - s) t`` with s the RMS over the layer's largest and t the absolute change: the sign repaired only."""
    return np.asarray((1 - _relative_rms(first)) * -_change(first, second))


def paper_l2(first: Maps, second: Maps) -> Scores:
    """``r = (s - 1) t`` as printed, s = ||f||_2 / m."""
    return np.asarray((np.sqrt(_energy(first)) / first[0].size - 1) * -_change(first, second))


def paper_l1(first: Maps, second: Maps) -> Scores:
    """``r = (s - 1) t`` as printed, s = ||f||_1 / m."""
    return np.asarray((np.abs(first).mean(axis=(1, 2), dtype=np.float64) - 1) * -_change(first, second))


def energy(first: Maps, second: Maps) -> Scores:
    """Mean energy of the two frames."""
    return 0.5 * (_energy(first) + _energy(second))


def snr(first: Maps, second: Maps) -> Scores:
    """Energy over change: a signal-to-noise ratio between the frames."""
    return energy(first, second) / (_change(first, second) + 1e-12)


RANKS: dict[str, Callable[[Maps, Maps], Scores]] = {
    "rel": relative,
    "flip": flipped,
    "paper-l2": paper_l2,
    "paper-l1": paper_l1,
    "energy": energy,
    "snr": snr,
}


def _energy(maps: Maps) -> Scores:
    return np.asarray(np.einsum("dhw,dhw->d", maps, maps, dtype=np.float64))


def _change(first: Maps, second: Maps) -> Scores:
    return _energy(first - second)


def _relative_rms(maps: Maps) -> Scores:
    rms = np.sqrt(_energy(maps))
    return np.asarray(rms / max(float(rms.max()), 1e-12))
