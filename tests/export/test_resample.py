"""Resampling against OpenCV and PyTorch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from cdedge_export.network.resample import resample_matrix


@pytest.mark.parametrize(("source", "target"), [(111, 56), (224, 56), (13, 12), (7, 7), (9, 1)])
def test_shrinking_is_the_area_average(source: int, target: int) -> None:
    signal = np.random.default_rng(0).standard_normal((source, source)).astype(np.float32)
    matrix = resample_matrix(source, target)
    expected = cv2.resize(signal, (target, target), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(matrix @ signal @ matrix.T, expected, atol=1e-5)


@pytest.mark.parametrize(("source", "target"), [(14, 56), (13, 24), (1, 5), (5, 6)])
def test_growing_is_bilinear(source: int, target: int) -> None:
    signal = torch.randn(1, 1, source, source, generator=torch.Generator().manual_seed(0))
    matrix = resample_matrix(source, target)
    expected = interpolate(signal, (target, target), mode="bilinear", align_corners=False)[0, 0].numpy()
    np.testing.assert_allclose(matrix @ signal[0, 0].numpy() @ matrix.T, expected, atol=1e-5)


@pytest.mark.parametrize(("source", "target"), [(111, 56), (14, 56), (100, 7)])
def test_a_constant_stays_constant(source: int, target: int) -> None:
    np.testing.assert_allclose(resample_matrix(source, target).sum(axis=1), 1, atol=1e-6)
