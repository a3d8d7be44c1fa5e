"""Channel distillation for MDNet, which has no correlation filter: a ridge classifier on conv3 stands in for one.

The paper says that MDNet's channels were distilled and not how: Eq. 4 needs a filter.

Each channel's map of a crop has one weight per cell, fitted with all channels on target and background of frame 1;
what the channel adds to the answer takes the place of its filter's response in Eq. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.distill import check_options, searched, seed_set
from cdedge_export.choose.diversity import diverse_order, squared_cosines
from cdedge_export.choose.friendliness import rank_scores
from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.choose.rules import DistillOptions
from cdedge_export.choose.search import GivenFilter
from cdedge_export.network.layers import Floats
from cdedge_runtime.errors import Usage

TAP = "conv3"
Scores = NDArray[np.float64]

_RIDGE = 0.1  # of the mean energy of a sample


@dataclass(frozen=True)
class Samples:
    """One frame: maps (N, C, h, w) of crops, their labels (N,) of 1 and -1, and the target's own maps (C, h, w)."""

    maps: Floats
    labels: Floats
    target: Floats


def distill_samples(backbone: str, first: Samples, second: Samples, options: DistillOptions) -> ChannelPlan:
    """Choose channels of conv3 by two frames' samples; raises `Usage`."""
    check_options(options)
    if options.search == "reduced":
        raise Usage("search: reduced has no form without a correlation filter; use ncc, e4 or none with mdnet")
    answers = _Answers.of(first, second)
    scores, order = _ranked(answers, first, second, options)
    layers = {TAP: slice(0, len(scores))}

    def quality(kept: list[int]) -> float:
        weights = surrogate(answers.first[:, kept], first.labels)
        return float(margin(np.einsum("nch,ch->n", answers.second[:, kept], weights)[:, None], second.labels)[0])

    seed = seed_set(options.channels, order, layers, quality=quality)

    def objective() -> GivenFilter:
        return answers.objective(amplitude=options.search == "e4")

    return searched(backbone, layers, scores, seed, options=options, objective=objective)


def surrogate(maps: Floats, labels: Floats) -> Floats:
    """Ridge weights (C, h) for maps (N, C, h) and labels (N,), solved in the dual."""
    rows = maps.reshape(len(maps), -1).astype(np.float64)
    gram = rows @ rows.T
    gram[np.diag_indices_from(gram)] += _RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.asarray((rows.T @ np.linalg.solve(gram, labels)).reshape(maps.shape[1:]), np.float32)


def margin(answers: Floats, labels: Floats) -> Scores:
    """How far apart target and background are in each column of (N, C), in their standard deviations."""
    near, far = answers[labels > 0], answers[labels < 0]
    spread = np.sqrt(near.var(axis=0, dtype=np.float64) + far.var(axis=0, dtype=np.float64))
    return np.asarray((near.mean(axis=0) - far.mean(axis=0)) / np.maximum(spread, 1e-6))


@dataclass(frozen=True)
class _Answers:
    """Both frames' maps (N, C, h), centred on frame 1, the weights (C, h), and each channel's answers (N, C)."""

    first: Floats
    second: Floats
    weights: Floats
    parts: Floats
    labels: Floats

    @classmethod
    def of(cls, first: Samples, second: Samples) -> _Answers:
        maps = [s.maps.reshape(*s.maps.shape[:2], -1) for s in (first, second)]
        mean = maps[0].mean(axis=0)
        one, two = maps[0] - mean, maps[1] - mean
        weights = surrogate(one, first.labels)
        parts = np.einsum("nch,ch->nc", np.concatenate([one, two]), weights)
        return cls(one, two, weights, parts, np.concatenate([first.labels, second.labels]))

    def objective(self, *, amplitude: bool) -> GivenFilter:
        """Eq. 4's terms: answers as responses on a grid of one cell, the weights' norms as the filter's."""
        norms = np.maximum(np.linalg.norm(self.weights, axis=1), 1e-12)
        return GivenFilter(
            (self.parts / norms)[:, :, None, None].astype(np.complex64),
            norms[:, None, None].astype(np.complex64),
            self.labels[:, None, None].astype(np.complex64),
            grid=(1, 1),
            ridge=_RIDGE,
            amplitude=amplitude,
        )


def _ranked(answers: _Answers, first: Samples, second: Samples, options: DistillOptions) -> tuple[Scores, list[int]]:
    """Scores of the channels and their order; solo and diverse judge a channel by its own answers to frame 2."""
    if options.rank not in ("solo", "diverse"):
        layers = (slice(0, len(first.target)),)
        scores = rank_scores(options.rank, first.target, second.target, layers=layers, seed=options.seed)
    else:
        count = len(first.labels)
        scores = margin(answers.parts[count:], second.labels)
        if options.rank == "diverse":
            return scores, diverse_order(scores, squared_cosines(answers.parts[:count].T))
    return scores, [int(i) for i in np.argsort(-scores, kind="stable")]
