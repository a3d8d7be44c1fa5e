"""The device's filter as a judge of channels: its scene by deepcd's settings, and the margin of many channels."""

from __future__ import annotations

import math

from cdedge_runtime.filter import compact
from cdedge_runtime.filter.channels import Scene, margins, scene_of
from cdedge_runtime.filter.dft import BandSpectrum, Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.trackers.deepcd.settings import Settings


def scene(grid: tuple[int, int], target: tuple[float, float], settings: Settings) -> Scene:
    """The scene of a target of ``target`` (rows, columns) cells in the middle of a search window."""
    cells = support_cells(target, settings.support, grid)
    sigma = settings.label_sigma * math.sqrt(target[0] * target[1])
    return scene_of(compact.problem_on(grid, cells, sigma, settings), target, settings.power)


def joint_margin(maps: Real, where: Scene) -> float:
    """Margin of one filter on all channels of prepared maps (2, c, Gh, Gw), made as the device makes it."""
    first, second = where.window.forward(maps * (compact.channel_gain(maps[0]) * hann_window(where.window.grid)))
    return float(margins(trained(first, where).respond(second, where.window)[None], where.distance)[0])


def trained(first: BandSpectrum, where: Scene) -> compact.CompactFilter:
    """The device's filter as frame 1's spectrum (C, rows, columns) alone makes it."""
    return where.problem.trained(first, memory=1)
