"""ECO's factorised convolution: a layer's channels as few linear combinations, learned with the filter in frame 1.

    min_{f,P}  || sum_c (P x)_c * f_c - y ||^2 + || ridge^1/2 f ||^2 + mu ||P||^2

by Gauss-Newton steps, each a linear problem in (f, dP) under conjugate gradients (Danelljan et al. 2017, section 3.1).
P starts as the principal components of each layer, and f as their filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.plan import COMPONENT_SHARES, ChannelPlan, DistillOptions
from cdedge_export.network.layers import Projection
from cdedge_export.options import ExportOptions
from cdedge_export.recipes.recipe import decided
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Real
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.trackers.eco import tracker as eco
from cdedge_runtime.trackers.eco.settings import EcoSettings
from cdedge_runtime.trackers.eco.tracker import Problem

_STEPS, _ITERATIONS, _FIRST = 10, 15, 30
_HALVINGS = 6
_MU = 1e-4  # ECO's 5e-8 times the grid's cells: the loss here is a sum over them


@dataclass(frozen=True)
class Joint:
    """Projection (C, D), filter (C, Gh, Gw), and the loss at the start and after each Gauss-Newton step."""

    projection: Real
    weights: Real
    losses: tuple[float, ...]


def principal(maps: Real, count: int) -> Real:
    """Orthonormal rows (count, D): the strongest principal components of mean-free maps (D, Gh, Gw)."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    return np.asarray(np.linalg.eigh(flat @ flat.T)[1][:, ::-1][:, :count].T, np.float32)


def block_diagonal(blocks: Sequence[Real]) -> Real:
    """One matrix of the layers' matrices (q, D), zero elsewhere."""
    rows, columns = (sum(block.shape[axis] for block in blocks) for axis in (0, 1))
    whole = np.zeros((rows, columns), np.float32)
    row = column = 0
    for block in blocks:
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return whole


def learn_jointly(maps: Real, start: Real, problem: Problem, *, steps: int = _STEPS) -> Joint:
    """Improve the projection ``start`` (C, D) on windowed maps (D, Gh, Gw); entries that are 0 stay 0.

    Every step lowers the loss or is the last: it is halved until it does.
    """
    task = _Task(maps, start != 0, problem)
    weights = np.zeros((len(start), *maps.shape[-2:]), np.float32)
    projection = start
    weights = weights + task.step(weights, projection, _FIRST)[0]
    losses = [task.loss(weights, projection)]
    for _ in range(steps):
        change = task.step(weights, projection, _ITERATIONS)
        for halving in range(_HALVINGS):
            share = np.float32(0.5**halving)
            trial = weights + share * change[0], projection + share * change[1]
            loss = task.loss(*trial)
            if loss < losses[-1]:
                break
        else:
            break
        weights, projection = trial
        losses.append(loss)
    return Joint(projection, weights, tuple(losses))


class _Task:
    """The loss, and its linearisation about a filter and a projection."""

    def __init__(self, maps: Real, free: NDArray[np.bool_], problem: Problem) -> None:
        self._dft, self._ridge, self._label = problem.dft, problem.ridge, problem.label
        self._free = free
        seen = problem.dft.forward(maps)
        self._seen = seen.reshape(len(maps), -1).view(np.float32)
        # Parseval over half a spectrum: columns but the first stand for two.
        twice = np.where(np.arange(seen.shape[2]) == 0, 1, 2) / maps[0].size
        self._parseval = np.broadcast_to(twice, seen.shape[1:]).astype(np.float32)

    def loss(self, weights: Real, projection: Real) -> float:
        """The objective at a filter and a projection."""
        error = self._response(self._projected(projection), self._dft.forward(weights)) - self._label
        fit = float((np.square(np.abs(error)) * self._parseval).sum())
        return fit + float((self._ridge * np.square(weights)).sum()) + _MU * float(np.square(projection).sum())

    def step(self, weights: Real, projection: Real, iterations: int) -> tuple[Real, Real]:
        """Change of both that the linearised problem asks for."""
        projected, fixed = self._projected(projection), self._dft.forward(weights)
        scale = self._scale(projected, fixed)
        cut = weights.size

        def unpacked(both: Real) -> tuple[Real, Real]:
            return both[:cut].reshape(weights.shape), both[cut:].reshape(projection.shape) * scale

        def adjoint(error: BandSpectrum, h: Real, p: Real) -> Real:
            down = self._dft.inverse(projected * error.conj()) + self._ridge * h
            weighted = (fixed * error * self._parseval).reshape(len(fixed), -1).view(np.float32)
            across = (weighted @ self._seen.T + np.float32(_MU) * p) * self._free
            return np.concatenate([down.ravel(), across.ravel() * scale])

        def product(both: Real) -> Real:
            h, p = unpacked(both)
            error = self._response(projected, self._dft.forward(h)) + self._response(self._projected(p), fixed)
            return adjoint(error, h, p)

        missing = self._label - self._response(projected, fixed)
        wanted = adjoint(missing, -weights, -projection)
        return unpacked(compact.conjugate_gradients(product, wanted, np.zeros_like(wanted), iterations))

    def _projected(self, projection: Real) -> BandSpectrum:
        return (projection @ self._seen).view(np.complex64).reshape(len(projection), *self._parseval.shape)

    def _response(self, spectrum: BandSpectrum, filters: BandSpectrum) -> BandSpectrum:
        return np.asarray((spectrum * filters.conj()).sum(0))

    def _scale(self, projected: BandSpectrum, fixed: BandSpectrum) -> float:
        """Makes the projection's curvature as large as the filter's: the preconditioner; 0 while there is no filter."""
        if not fixed.any():
            return 0.0
        seen = float(np.square(self._seen).sum(1).mean() * np.square(np.abs(fixed)).mean())
        filters = float(np.square(np.abs(projected)).sum((1, 2)).mean())
        return math.sqrt(filters / max(seen, 1e-12))


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
