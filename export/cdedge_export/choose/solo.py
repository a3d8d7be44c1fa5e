"""How surely each channel by itself finds the target in frame 2, with a filter like the device's.

Each channel gets a compact filter of its own, trained on frame 1 as on the device, and is scored by its response to
frame 2: the margin between the target and the best distractor around it. Stability (the filter is a frame older than
the response) and discrimination (the response competes with the background) are measured as the tracker uses them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.trackers.deepcd.settings import Settings

Scores = NDArray[np.float64]

_NEAR, _FAR = 0.2, 0.4  # distances from the target, in its sizes: what counts as found, and as a distractor
_ITERATIONS = 15  # of a filter with one channel: few unknowns, so half of the device's number
_BLOCK = 256  # channels at once, which bounds the memory


@dataclass(frozen=True)
class Scene:
    """The device's filter for one target: transforms of the window and the support, label spectrum, distances.

    distance (Gh, Gw): of each displacement from the target's, over sqrt(target area). The rest is as in `Settings`.
    """

    window: Dft
    support: Dft
    label: BandSpectrum
    distance: Real
    power: float
    ridge: float
    iterations: int


def scene(grid: tuple[int, int], target: tuple[float, float], settings: Settings) -> Scene:
    """The scene of a target of ``target`` (rows, columns) cells in the middle of a search window."""
    cells = support_cells(target, settings.support, grid)
    size = float(np.sqrt(target[0] * target[1]))
    label = compact.label_for(grid, cells, settings.label_sigma * size)
    axes = [(np.arange(n) - (n - c) / 2 + n / 2) % n - n / 2 for n, c in zip(grid, cells, strict=True)]
    distance = np.hypot(axes[0][:, None], axes[1][None, :]) / size
    window = Dft(grid, band=settings.band)
    return Scene(
        window,
        Dft(grid, cells, band=settings.band),
        window.forward(label),
        np.asarray(distance, np.float32),
        settings.power,
        settings.ridge,
        settings.first_iterations,
    )


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
    return compact.CompactFilter(
        where.support, where.label, ridge=where.ridge, memory=1, first=first, iterations=where.iterations
    )


def margins(responses: Real, distance: Real) -> Scores:
    """(Peak on the target - highest elsewhere) / standard deviation, of responses (d, Gh, Gw); 0 where flat."""
    flat = responses.reshape(len(responses), -1)
    target, elsewhere = flat[:, (distance < _NEAR).ravel()], flat[:, (distance > _FAR).ravel()]
    lead = target.max(1) - elsewhere.max(1)
    return np.asarray(lead / np.maximum(flat.std(1), 1e-12), np.float64)


def _solo(maps: Real, where: Scene) -> Scores:
    first, second = where.window.forward(maps)
    power = np.square(first.real) + np.square(first.imag)
    wanted = where.support.inverse(first * where.label.conj())
    filters = _solved(power, wanted, where)
    return margins(where.window.inverse(second * where.support.forward(filters).conj()), where.distance)


def _solved(power: Real, wanted: Real, where: Scene) -> Real:
    """Every channel's filter by its own conjugate gradients, all side by side; (d, h, w)."""
    ridge = np.float32(where.ridge)
    filters, residual, direction = np.zeros_like(wanted), wanted, wanted
    energy = np.square(residual).sum((1, 2), keepdims=True)
    for _ in range(_ITERATIONS):
        image = where.support.inverse(where.support.forward(direction) * power) + ridge * direction
        step = energy / np.maximum((direction * image).sum((1, 2), keepdims=True), 1e-20)
        filters = filters + step * direction
        residual = residual - step * image
        previous, energy = energy, np.square(residual).sum((1, 2), keepdims=True)
        direction = residual + energy / np.maximum(previous, 1e-20) * direction
    return filters
