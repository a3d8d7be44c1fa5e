"""ECO's export: every layer's channels projected onto few components, and which of these are kept (algorithms A17)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cdedge_export.choose.distill import COMPONENT_SHARES, TwoFrames, by_rules, distill
from cdedge_export.choose.plan import ChannelPlan, replayed
from cdedge_export.network.backbones import Backbone
from cdedge_export.network.layers import Projection
from cdedge_export.request import ExportOptions
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.trackers.eco import tracker as eco
from cdedge_runtime.trackers.settings import EcoSettings, settings_of, tracker_of

from .factorise import block_diagonal, learn_jointly, principal


def factorised(
    frames: TwoFrames, size: tuple[float, float], backbone: Backbone, options: ExportOptions
) -> tuple[ChannelPlan, dict[str, Projection]]:
    """Learn the projections of all taps in frame 1 and choose components by frame 2.

    ``size`` (width, height) is the target's. The plan's channels are components; the projections have all of them, so
    that a plan can be replayed.
    """
    settings = settings_of(tracker_of(options.settings), options.settings, EcoSettings)
    maps = {tap: compact.prepared(both, settings.power) for tap, both in frames.taps.items()}
    gains = {tap: compact.channel_gain(both[0]) for tap, both in maps.items()}
    first = np.concatenate([maps[tap][0] * gains[tap] for tap in maps]) / np.float32(math.sqrt(len(maps)))
    counts = {tap: _components(settings.compression * backbone.channels(tap), len(gain)) for tap, gain in gains.items()}
    start = block_diagonal([principal(maps[tap][0] * gains[tap], counts[tap]) for tap in maps])
    window = hann_window(frames.grid)
    learned = learn_jointly(first * window, start, eco.problem_for(frames.grid, size, settings)).projection
    matrices = _blocks(learned, gains, counts)
    seen = {tap: np.einsum("qc,nchw->nqhw", matrices[tap], both) for tap, both in maps.items()}
    judged = replace(frames, taps=seen, power=1.0, settings=replace(frames.settings, power=1.0))
    plan = _chosen(judged, backbone.name, options)
    return plan, {tap: Projection(matrix, settings.power) for tap, matrix in matrices.items()}


def narrowed(projections: Mapping[str, Projection], plan: ChannelPlan) -> dict[str, Projection]:
    """The projections onto the kept components only."""
    return {t.name: replace(projections[t.name], matrix=projections[t.name].matrix[list(t.kept)]) for t in plan.taps}


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


def _chosen(seen: TwoFrames, backbone: str, options: ExportOptions) -> ChannelPlan:
    if options.plan is not None:
        return replayed(options.plan, backbone, {tap: maps.shape[1] for tap, maps in seen.taps.items()})
    return by_rules(options.distill, lambda rules: distill(backbone, seen, replace(rules, auto=COMPONENT_SHARES)))
