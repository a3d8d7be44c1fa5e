"""Which channels a filter finds its target by: the order of choice, at the desk and on the device.

Solo: each channel gets a compact filter of its own, trained on a first window as the tracker trains its, and is scored
by its response to a second one: the margin between the target and the best distractor around it. Of two frames that
measures stability (the filter is a frame older than the response) and discrimination (the response competes with the
background) as the tracker uses them; of one frame, discrimination alone.

Diverse: an order in which each is good and unlike those before it (Carbonell and Goldstein 1998).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from . import compact
from .dft import Dft, Real
from .fourier import hann_window
from .shapes import of_layer

Scores = NDArray[np.float64]

_WEIGHT = 3.0  # standard deviations of the score that likeness 1 to all chosen channels costs
_NEAR, _FAR = 0.2, 0.4  # distances from the target, in its sizes: what counts as found, and as a distractor
_ITERATIONS = 15  # of a filter with one channel: few unknowns, so half of the device's number
_BLOCK = 16  # channels at once, which bounds the memory


@dataclass(frozen=True)
class Scene:
    """The filter for one target: transform of the window, what the filter is trained on, distances.

    distance (Gh, Gw): of each displacement from the target's, over sqrt(target area). power: exponent on the features.
    """

    window: Dft
    problem: compact.Problem
    distance: Real
    power: float


def scene_of(problem: compact.Problem, target: tuple[float, float], power: float) -> Scene:
    """The scene of a target of ``target`` (rows, columns) cells in the middle of a search window."""
    grid, cells = problem.dft.grid, problem.dft.shape
    size = float(np.sqrt(target[0] * target[1]))
    axes = [(np.arange(n) - (n - c) / 2 + n / 2) % n - n / 2 for n, c in zip(grid, cells, strict=True)]
    distance = np.hypot(axes[0][:, None], axes[1][None, :]) / size
    return Scene(Dft(grid, band=problem.settings.band), problem, np.asarray(distance, np.float32), power)


def normalized(taps: Mapping[str, Real]) -> tuple[Real, dict[str, slice]]:
    """All taps (n, C, Gh, Gw) stacked to (n, d, Gh, Gw), and each one's channels in it.

    Each is scaled to unit mean square in the first frame, as Eq. 2 sums layers.
    """
    scaled = [maps / math.sqrt(float(np.mean(maps[0] ** 2)) + 1e-12) for maps in taps.values()]
    ends = list(accumulate(maps.shape[1] for maps in scaled))
    parts = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    return np.concatenate(scaled, axis=1), dict(zip(taps, parts, strict=True))


def diverse(maps: Real, where: Scene) -> tuple[Scores, list[int]]:
    """Solo margins of all channels of prepared maps (2, d, Gh, Gw), and the channels in the diverse order."""
    scores = solo_margins(maps, where)
    return scores, diverse_order(scores, likeness(maps[0]))


def best(features: Mapping[str, Real], keep: float, where: Scene) -> NDArray[np.intp]:
    """The channels, ascending, that find the target best in one window: taps (C, Gh, Gw), counted as if stacked.

    The window stands for both frames: a filter trained on it has to tell the target from what is around it there.
    ``keep``: up to 1 a share of each tap, above it a number of all.
    """
    maps, parts = normalized({tap: values[None] for tap, values in features.items()})
    prepared = compact.prepared(maps[0], where.power, out=maps[0])
    _, order = diverse(np.broadcast_to(prepared, (2, *prepared.shape)), where)
    chosen = order[: int(keep)] if keep > 1 else taken(order, [*parts.values()], [keep] * len(parts))
    return np.array(sorted(chosen), np.intp)


def taken(order: Sequence[int], layers: Sequence[slice], shares: Sequence[float]) -> list[int]:
    """The best share of each layer, in joint order."""
    chosen: set[int] = set()
    for part, share in zip(layers, shares, strict=True):
        inside = [i for i in order if part.start <= i < part.stop]
        chosen.update(inside[: of_layer(share, len(inside))])
    return [i for i in order if i in chosen]


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
    for number in range(len(scores)):
        value = standard - _WEIGHT * total / max(number, 1)
        best = int(np.where(free, value, -np.inf).argmax())
        free[best] = False
        total += alike[best]
        order.append(best)
    return order


def solo_margins(maps: Real, where: Scene) -> Scores:
    """Margin of every channel alone, (d,), for prepared maps (2, d, Gh, Gw); a dead channel comes last."""
    gain = compact.channel_gain(maps[0]) * np.float32(np.sqrt(maps.shape[1])) * hann_window(where.window.grid)
    blocks = range(0, maps.shape[1], _BLOCK)
    scores = np.concatenate([_solo(maps[:, at : at + _BLOCK] * gain[at : at + _BLOCK], where) for at in blocks])
    alive = maps[0].std((-2, -1)) > 0
    return np.where(alive, scores, scores.min() - 1.0)


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
