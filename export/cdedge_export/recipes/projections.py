"""ECO's export: every layer's channels projected onto few components, and which of these are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.choose.rules import COMPONENT_SHARES, DistillOptions
from cdedge_export.network.layers import Projection
from cdedge_export.options import ExportOptions
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.trackers.eco import tracker as eco
from cdedge_runtime.trackers.eco.settings import EcoSettings

from .factorise import block_diagonal, learn_jointly, principal
from .recipe import decided


def factorised(
    frames: TwoFrames, size: tuple[float, float], totals: Mapping[str, int], settings: EcoSettings
) -> tuple[TwoFrames, dict[str, Projection]]:
    """Learn the projections of all taps in frame 1, and both frames as they show them, to choose components by.

    ``size`` (width, height) is the target's; ``totals`` are the layers' channels. The projections have all components,
    so that a plan can be replayed.
    """
    maps = {tap: compact.prepared(both, settings.power) for tap, both in frames.taps.items()}
    gains = {tap: compact.channel_gain(both[0]) for tap, both in maps.items()}
    first = np.concatenate([maps[tap][0] * gains[tap] for tap in maps]) / np.float32(math.sqrt(len(maps)))
    counts = {tap: _components(settings.compression * totals[tap], len(gain)) for tap, gain in gains.items()}
    start = block_diagonal([principal(maps[tap][0] * gains[tap], counts[tap]) for tap in maps])
    window = hann_window(frames.grid)
    learned = learn_jointly(first * window, start, eco.problem_for(frames.grid, size, settings)).projection
    matrices = _blocks(learned, gains, counts)
    seen = {tap: np.einsum("qc,nchw->nqhw", matrices[tap], both) for tap, both in maps.items()}
    judged = replace(frames, taps=seen, power=1.0, settings=replace(frames.settings, power=1.0))
    signed = {tap: bool(both.min() < 0) for tap, both in frames.taps.items()}
    return judged, {tap: Projection(matrix, settings.power, signed[tap]) for tap, matrix in matrices.items()}


def narrowed(projections: Mapping[str, Projection], plan: ChannelPlan) -> dict[str, Projection]:
    """The projections onto the kept components only."""
    return {t.name: replace(projections[t.name], matrix=projections[t.name].matrix[list(t.kept)]) for t in plan.taps}


def chosen_components(backbone: str, judged: TwoFrames, options: ExportOptions) -> ChannelPlan:
    """Which components of ``judged``, from `factorised`, are kept."""
    totals = {tap: maps.shape[1] for tap, maps in judged.taps.items()}

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(backbone, judged, rules)

    return decided(options, backbone, totals, choose, auto=COMPONENT_SHARES)


def _components(wanted: float, available: int) -> int:
    return min(available, max(1, round(wanted)))


def _blocks(learned: Real, gains: Mapping[str, Real], counts: Mapping[str, int]) -> dict[str, Real]:
    """Each tap's own matrix (q, C), with the channels' gains in it."""
    matrices, row, column = {}, 0, 0
    for tap, gain in gains.items():
        block = learned[row : row + counts[tap], column : column + len(gain)]
        matrices[tap] = np.ascontiguousarray(block * gain.reshape(1, -1))
        row, column = row + counts[tap], column + len(gain)
    return matrices
