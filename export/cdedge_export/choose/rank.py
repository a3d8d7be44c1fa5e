"""Orders of channels: friendliness (paper, section III-B), how surely each finds the target alone, and diversity.

Friendliness: how salient and how stable a channel is on the target. Its functions take two frames' maps (d, h, w)
float32 cropped to the target, and return (d,) scores, larger = better. The printed formula ``r = (s - 1) t``
contradicts its own text; docs/studies/distillation.md says how, and why ``rel`` is used.

Solo: each channel gets a compact filter of its own, trained on frame 1 as on the device, and is scored by its
response to frame 2: the margin between the target and the best distractor around it. Stability (the filter is a frame
older than the response) and discrimination (the response competes with the background) are measured as the tracker
uses them.

Diverse: an order in which each is good and unlike those before it (Carbonell and Goldstein 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.trackers.deepcd.settings import Settings

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


_WEIGHT = 3.0  # standard deviations of the score that likeness 1 to all chosen channels costs


def likeness(maps: Real) -> Real:
    """Squared cosine between each two of the prepared maps (d, Gh, Gw) seen through the Hann window; (d, d)."""
    return squared_cosines((maps * hann_window(maps.shape[-2:])).reshape(len(maps), -1))


def squared_cosines(rows: Real) -> Real:
    """Squared cosine between each two of (d, n) rows; (d, d)."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(np.square(unit @ unit.T), np.float32)


def diverse_order(scores: Scores, alike: Real) -> list[int]:
    """All channels: next comes the one with the highest score, less its mean likeness to those already taken."""
    standard = (scores - scores.mean()) / max(float(scores.std()), 1e-12)
    total, order = np.zeros(len(scores)), list[int]()
    free = np.ones(len(scores), bool)
    for taken in range(len(scores)):
        value = standard - _WEIGHT * total / max(taken, 1)
        best = int(np.where(free, value, -np.inf).argmax())
        free[best] = False
        total += alike[best]
        order.append(best)
    return order


_NEAR, _FAR = 0.2, 0.4  # distances from the target, in its sizes: what counts as found, and as a distractor
_ITERATIONS = 15  # of a filter with one channel: few unknowns, so half of the device's number
_BLOCK = 256  # channels at once, which bounds the memory


@dataclass(frozen=True)
class Scene:
    """The device's filter for one target: transform of the window, what the filter is trained on, distances.

    distance (Gh, Gw): of each displacement from the target's, over sqrt(target area). The rest is as in `Settings`.
    """

    window: Dft
    problem: compact.Problem
    distance: Real
    power: float


def scene(grid: tuple[int, int], target: tuple[float, float], settings: Settings) -> Scene:
    """The scene of a target of ``target`` (rows, columns) cells in the middle of a search window."""
    cells = support_cells(target, settings.support, grid)
    size = float(np.sqrt(target[0] * target[1]))
    problem = compact.problem_on(grid, cells, settings.label_sigma * size, settings)
    axes = [(np.arange(n) - (n - c) / 2 + n / 2) % n - n / 2 for n, c in zip(grid, cells, strict=True)]
    distance = np.hypot(axes[0][:, None], axes[1][None, :]) / size
    window = Dft(grid, band=settings.band)
    return Scene(window, problem, np.asarray(distance, np.float32), settings.power)


def solo_margins(maps: Real, where: Scene) -> Scores:
    """Margin of every channel alone, (d,), for prepared maps (2, d, Gh, Gw); a dead channel comes last."""
    gain = compact.channel_gain(maps[0]) * np.float32(np.sqrt(maps.shape[1])) * hann_window(where.window.grid)
    blocks = range(0, maps.shape[1], _BLOCK)
    scores = np.concatenate([_solo(maps[:, at : at + _BLOCK] * gain[at : at + _BLOCK], where) for at in blocks])
    alive = maps[0].std((-2, -1)) > 0
    return np.where(alive, scores, scores.min() - 1.0)


def joint_margin(maps: Real, where: Scene) -> float:
    """Margin of one filter on all channels of prepared maps (2, c, Gh, Gw), made as the device makes it."""
    first, second = where.window.forward(maps * (compact.channel_gain(maps[0]) * hann_window(where.window.grid)))
    return float(margins(trained(first, where).respond(second, where.window)[None], where.distance)[0])


def trained(first: BandSpectrum, where: Scene) -> compact.CompactFilter:
    """The device's filter as frame 1's spectrum (C, rows, columns) alone makes it."""
    return where.problem.trained(first, memory=1)


def margins(responses: Real, distance: Real) -> Scores:
    """(Peak on the target - highest elsewhere) / standard deviation, of responses (d, Gh, Gw); 0 where flat."""
    flat = responses.reshape(len(responses), -1)
    near = (distance < _NEAR) | (distance == distance.min())  # a target of a cell or less lies between cells
    far = (distance > _FAR) | (distance == distance.max())
    target, elsewhere = flat[:, near.ravel()], flat[:, far.ravel()]
    lead = target.max(1) - elsewhere.max(1)
    return np.asarray(lead / np.maximum(flat.std(1), 1e-12), np.float64)


def _solo(maps: Real, where: Scene) -> Scores:
    first, second = where.window.forward(maps)
    power = np.square(first.real) + np.square(first.imag)
    wanted = where.problem.dft.inverse(first * where.problem.label.conj())
    filters = _solved(power, wanted, where)
    return margins(where.window.inverse(second * where.problem.dft.forward(filters).conj()), where.distance)


def _solved(power: Real, wanted: Real, where: Scene) -> Real:
    """Every channel's filter by its own conjugate gradients, all side by side; (d, h, w)."""
    ridge = np.float32(where.problem.settings.ridge)
    filters, residual, direction = np.zeros_like(wanted), wanted, wanted
    energy = np.square(residual).sum((1, 2), keepdims=True)
    for _ in range(_ITERATIONS):
        image = where.problem.dft.inverse(where.problem.dft.forward(direction) * power) + ridge * direction
        step = energy / np.maximum((direction * image).sum((1, 2), keepdims=True), 1e-20)
        filters = filters + step * direction
        residual = residual - step * image
        previous, energy = energy, np.square(residual).sum((1, 2), keepdims=True)
        direction = residual + energy / np.maximum(previous, 1e-20) * direction
    return filters
