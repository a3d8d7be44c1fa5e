"""Ridge regression from a box's features to the target's exact box (Girshick et al. 2014, as MDNet uses it)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.filter.dft import Real

from .candidates import Boxes

_FLOOR = 1e-3  # added to the offsets' variances, which one first frame leaves near zero


@dataclass(frozen=True)
class BoxRegression:
    """weight (D + 1, 4) of the features and a constant gives whitened offsets; ``spread`` and ``mean`` undo that."""

    weight: Real
    spread: Boxes
    mean: Boxes

    def __call__(self, features: Real, boxes: Boxes) -> Boxes:
        """Better boxes (N, 4) for ``boxes`` with these features (N, D)."""
        whitened = features @ self.weight[:-1] + self.weight[-1]
        offsets = whitened @ self.spread + self.mean
        sizes = boxes[:, 2:]
        centers = boxes[:, :2] + sizes / 2 + offsets[:, :2] * sizes
        sizes = sizes * np.exp(np.clip(offsets[:, 2:], -1, 1))
        return np.concatenate([centers - sizes / 2, sizes], axis=1)


def fit(features: Real, boxes: Boxes, target: Box, *, ridge: float) -> BoxRegression:
    """Learn from features (N, D) of boxes (N, 4) that overlap ``target``; solved in the dual, for N is below D."""
    sizes = boxes[:, 2:]
    centers = (np.array(target.center) - boxes[:, :2] - sizes / 2) / sizes
    offsets = np.concatenate([centers, np.log(np.array(target.size) / sizes)], axis=1)
    mean = offsets.mean(axis=0)
    powers, axes = np.linalg.eigh(np.cov(offsets.T, bias=True))
    spread = (axes * np.sqrt(np.maximum(powers, 0) + _FLOOR)) @ axes.T
    whitened = np.linalg.solve(spread, (offsets - mean).T).T
    gram = (features @ features.T).astype(np.float64) + 1
    gram[np.diag_indices_from(gram)] += ridge
    alpha = np.linalg.solve(gram, whitened).astype(np.float32)
    weight = np.concatenate([features.T @ alpha, alpha.sum(axis=0, keepdims=True)])
    return BoxRegression(np.asarray(weight, np.float32), spread, mean)
