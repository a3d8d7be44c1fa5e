"""Another size for a feature map along one axis, as a matrix: exact area average down, bilinear up."""

from __future__ import annotations

import numpy as np

from .layers import Floats


def resample_matrix(source: int, target: int) -> Floats:
    """Matrix (target, source), rows summing to 1: shares of each target cell, or bilinear when growing.

    Pixel centers lie at half-integers (OpenCV's and PyTorch's ``align_corners=False``); borders are
    replicated.
    """
    if target <= source:
        edges = np.arange(target + 1) * (source / target)
        cells = np.arange(source)
        overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(overlap, 0, None)
    else:
        centers = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
        weights = np.clip(1 - np.abs(centers[:, None] - np.arange(source)), 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
