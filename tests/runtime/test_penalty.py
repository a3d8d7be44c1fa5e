"""The spatial penalty: least on the target, smooth, and made of few frequencies."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.trackers.eco.tracker import spatial_penalty

GRID, TARGET = (48, 40), (10.0, 8.0)


def weights() -> np.ndarray:
    return np.sqrt(spatial_penalty(GRID, TARGET, least=0.2, edge=1.0)).astype(np.float64)


def test_the_least_weight_is_in_the_middle_and_it_grows_outwards() -> None:
    weight = weights()
    assert weight.min() == pytest.approx(0.2)
    assert abs(np.argwhere(weight == weight.min()).mean(axis=0) - [23.5, 19.5]).max() <= 1
    row = weight[24]
    assert (np.diff(row[20:36]) > 0).all()
    np.testing.assert_allclose(weight, weight[::-1, ::-1], atol=1e-5)


def test_it_is_band_limited() -> None:
    spectrum = np.abs(np.fft.fft2(weights()))
    used = spectrum > 1e-5 * spectrum.max()
    assert used.sum() <= 25
    assert not used[4:-3, :].any()
    assert not used[:, 4:-3].any()


def test_the_penalty_is_a_convolution_of_the_filters_coefficients() -> None:
    """||w f||^2 over cells, and ECO's || w^ * f^ ||^2 over coefficients, are the same number."""
    weight, f = weights(), np.random.default_rng(0).standard_normal(GRID)
    w_hat, f_hat = np.fft.fft2(weight) / weight.size, np.fft.fft2(f) / f.size
    total = np.zeros(GRID, complex)
    for row, column in np.argwhere(np.abs(w_hat) > 1e-9):
        total += w_hat[row, column] * np.roll(f_hat, (row, column), (0, 1))
    assert np.square(np.abs(total)).sum() == pytest.approx(np.square(weight * f).mean(), rel=1e-6)
